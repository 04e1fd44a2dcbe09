import type { Pod } from '../../api/kinds/pod.ts';
import { matchesNode, matchesTerm } from '../../api/node-matching.ts';
import { proportional, rejected, type SchedulerPlugin } from '../plugin.ts';

/** Node selectors and node affinity, as demands and as wishes. */
export const nodeAffinity: SchedulerPlugin = {
  name: 'NodeAffinity',
  byClass: true,
  weight: 2,
  narrow: namedNodes,
  filter(pod, { node }) {
    return matchesNode(pod.spec, node)
      ? undefined
      : rejected("node(s) didn't match Pod's node affinity/selector", true);
  },
  silent: (pod) => wishesOf(pod).length === 0,
  score(pod, { node }) {
    return wishesOf(pod).reduce((sum, { weight, preference }) => sum + (matchesTerm(preference, node) ? weight : 0), 0);
  },
  normalize: proportional,
};

const wishesOf = (pod: Pod) => pod.spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
const demandsOf = (pod: Pod) =>
  pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;

/** Where every term names nodes outright, no other node needs to be looked at. */
function namedNodes(pod: Pod): readonly string[] | undefined {
  const terms = demandsOf(pod);
  if (!terms?.length) return undefined;
  const all = new Set<string>();
  for (const { matchFields = [] } of terms) {
    const named = matchFields.filter(({ key, operator }) => key === 'metadata.name' && operator === 'In');
    const [first, ...rest] = named.map(({ values = [] }) => values);
    if (!first) return undefined;
    for (const name of first) if (rest.every((values) => values.includes(name))) all.add(name);
  }
  return [...all];
}
