import type { Pod } from '../../api/kinds/pod.ts';
import type { Service } from '../../api/kinds/service.ts';
import { controllerOf } from '../../api/object.ts';
import { matcherOf } from '../../api/selector.ts';
import { inverse, type SchedulerPlugin } from '../plugin.ts';

interface Alike {
  /** Pods of the same text are alike in the same way. */
  readonly key: string;
  matches(pod: Pod): boolean;
}

/** So many groups of pods are counted on a node: more of them do not come in turn. */
const countersMax = 32;

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
      .flatMap(({ spec }) => (spec.selector && Object.keys(spec.selector).length > 0 ? [spec.selector] : []))
      .map((matchLabels) => ({ text: JSON.stringify(matchLabels), matches: matcherOf({ matchLabels }) }))
      .filter(({ matches }) => matches(pod.metadata.labels));
    if (owner === undefined && selectors.length === 0) return undefined;
    const key = `alike ${namespace} ${owner ?? ''} ${selectors.map(({ text }) => text).join(' ')}`;
    const matches = (other: Pod) =>
      other.metadata.namespace === namespace &&
      other.metadata.deletionTimestamp === undefined &&
      ((owner !== undefined && controllerOf(other)?.uid === owner) ||
        selectors.some((selector) => selector.matches(other.metadata.labels)));
    return { key, matches };
  },
  silent: (_pod, alike) => alike === undefined,
  score(_pod, { counters, pods }, alike) {
    if (!alike) return 0;
    const known = counters.get(alike.key);
    if (known) return known.count;
    let count = 0;
    for (const pod of pods.values()) if (alike.matches(pod)) count++;
    if (counters.size >= countersMax) counters.clear();
    counters.set(alike.key, { matches: alike.matches, count });
    return count;
  },
  normalize: inverse,
});
