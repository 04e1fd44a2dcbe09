import type { Pod } from '../../api/kinds/pod.ts';
import type { Service } from '../../api/kinds/service.ts';
import { controllerOf } from '../../api/object.ts';
import { matcherOf } from '../../api/selector.ts';
import { inverse, type SchedulerPlugin } from '../plugin.ts';

type Alike = (pod: Pod) => boolean;

/** Pods of the same owner or service go to different nodes where they can. */
export const spreading = (
  servicesOf: (namespace: string) => readonly Service[],
): SchedulerPlugin<Alike | undefined> => ({
  name: 'PodTopologySpread',
  weight: 2,
  prepare(pod) {
    const namespace = pod.metadata.namespace ?? '';
    const owner = controllerOf(pod)?.uid;
    const selectors = servicesOf(namespace)
      .flatMap(({ spec }) =>
        spec.selector && Object.keys(spec.selector).length > 0 ? [matcherOf({ matchLabels: spec.selector })] : [],
      )
      .filter((matches) => matches(pod.metadata.labels));
    if (owner === undefined && selectors.length === 0) return undefined;
    return (other) =>
      other.metadata.namespace === namespace &&
      other.metadata.deletionTimestamp === undefined &&
      ((owner !== undefined && controllerOf(other)?.uid === owner) ||
        selectors.some((matches) => matches(other.metadata.labels)));
  },
  silent: (_pod, alike) => alike === undefined,
  score(_pod, node, alike) {
    let count = 0;
    if (alike) for (const pod of node.pods.values()) if (alike(pod)) count++;
    return count;
  },
  normalize: inverse,
});
