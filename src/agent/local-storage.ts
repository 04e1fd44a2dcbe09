import type { Pod } from '../api/kinds/pod.ts';
import { quantityBytes } from '../api/quantity.ts';
import { binaryText } from './eviction.ts';

interface Volume {
  readonly name: string;
  readonly emptyDir?: { readonly medium?: string; readonly sizeLimit?: string };
}

/** The volumes that live with the pod, and are measured because somebody said how large they may be. */
export function measuredVolumes(pod: Pod): readonly string[] {
  const limit = podLimit(pod);
  return emptyDirs(pod)
    .filter(
      ({ emptyDir }) => emptyDir?.medium !== 'Memory' && (emptyDir?.sizeLimit !== undefined || limit !== undefined),
    )
    .map(({ name }) => name);
}

/** Why a pod that fills its volumes has to go, or nothing. */
export function overLimit(pod: Pod, bytesOf: ReadonlyMap<string, number>): string | undefined {
  for (const { name, emptyDir } of emptyDirs(pod)) {
    const limit = quantityBytes(emptyDir?.sizeLimit ?? '0');
    if (limit > 0 && (bytesOf.get(name) ?? 0) > limit) {
      return `Usage of EmptyDir volume "${name}" exceeds the limit "${emptyDir?.sizeLimit}". `;
    }
  }
  const limit = podLimit(pod);
  const used = [...bytesOf.values()].reduce((sum, bytes) => sum + bytes, 0);
  if (limit === undefined || used <= limit) return undefined;
  return `Pod ephemeral local storage usage exceeds the total limit of containers ${binaryText(limit)}. `;
}

const emptyDirs = (pod: Pod): readonly Volume[] =>
  ((pod.spec.volumes ?? []) as readonly Volume[]).filter(({ emptyDir }) => emptyDir !== undefined);

/** Only where every container has said its own. */
function podLimit({ spec }: Pod): number | undefined {
  const limits = spec.containers.map(({ resources }) => resources?.limits?.['ephemeral-storage']);
  if (limits.some((limit) => limit === undefined)) return undefined;
  return limits.reduce((sum, limit) => sum + quantityBytes(limit ?? '0'), 0);
}
