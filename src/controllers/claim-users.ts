import { partOf, partsOf, textOf } from '../api/kinds/defaulting.ts';
import type { Pod } from '../api/kinds/pod.ts';
import type { Index } from '../machinery/cache.ts';

/** The claims that a pod names, or that are made for its ephemeral volumes. */
export function claimsOf({ metadata, spec }: Pod): readonly string[] {
  return partsOf((spec as { readonly volumes?: unknown }).volumes).flatMap((volume) => {
    if (volume.persistentVolumeClaim) return [textOf(partOf(volume.persistentVolumeClaim).claimName)];
    return volume.ephemeral ? [`${metadata.name}-${textOf(volume.name)}`] : [];
  });
}

/** `namespace/claim`. */
export const byClaim: Index<Pod> = (pod) => claimsOf(pod).map((name) => `${pod.metadata.namespace ?? ''}/${name}`);
