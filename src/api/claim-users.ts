import { partOf, partsOf, textOf } from './kinds/defaulting.ts';
import type { Pod } from './kinds/pod.ts';

/** The claims that a pod names, or that are made for its ephemeral volumes. */
export function claimsOf({ metadata, spec }: Pod): readonly string[] {
  return partsOf((spec as { readonly volumes?: unknown }).volumes).flatMap((volume) => {
    if (volume.persistentVolumeClaim) return [textOf(partOf(volume.persistentVolumeClaim).claimName)];
    return volume.ephemeral ? [`${metadata.name}-${textOf(volume.name)}`] : [];
  });
}

/** `namespace/claim`. */
export const byClaim = (pod: Pod): readonly string[] =>
  claimsOf(pod).map((name) => `${pod.metadata.namespace ?? ''}/${name}`);
