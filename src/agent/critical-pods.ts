import type { Pod } from '../api/kinds/pod.ts';

/** From here on a pod belongs to the system: others may need it. */
const criticalPriority = 2_000_000_000;

/** One that the node has from its own folder, whatever the cluster says. */
export const isStatic = ({ metadata }: Pod): boolean =>
  metadata.annotations?.['kubernetes.io/config.source'] === 'file';

export const isSystemPod = ({ spec }: Pod): boolean => (spec.priority ?? 0) >= criticalPriority;

/** A node without it is no node: it is taken when others are not, and goes last. */
export const isCritical = (pod: Pod): boolean => isStatic(pod) || isSystemPod(pod);
