import type { Node } from '../../api/kinds/node.ts';
import type { NodeSelectorRequirement, NodeSelectorTerm, Pod } from '../../api/kinds/pod.ts';
import { proportional, rejected, type SchedulerPlugin } from '../plugin.ts';

/** Node selectors and node affinity, as demands and as wishes. */
export const nodeAffinity: SchedulerPlugin = {
  name: 'NodeAffinity',
  weight: 2,
  narrow: namedNodes,
  filter(pod, { node }) {
    return matchesNode(pod, node) ? undefined : rejected("node(s) didn't match Pod's node affinity/selector", true);
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

export function matchesNode(pod: Pod, node: Node): boolean {
  const labels = node.metadata.labels ?? {};
  if (!Object.entries(pod.spec.nodeSelector ?? {}).every(([key, value]) => labels[key] === value)) return false;
  const terms = demandsOf(pod);
  return terms === undefined || terms.some((term) => matchesTerm(term, node));
}

/** A term without any demand matches nothing. */
function matchesTerm({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm, node: Node): boolean {
  if (matchExpressions.length + matchFields.length === 0) return false;
  const labels = node.metadata.labels ?? {};
  return (
    matchExpressions.every((requirement) => satisfies(requirement, labels[requirement.key])) &&
    matchFields.every((requirement) =>
      satisfies(requirement, requirement.key === 'metadata.name' ? node.metadata.name : undefined),
    )
  );
}

function satisfies({ operator, values = [] }: NodeSelectorRequirement, actual: string | undefined): boolean {
  switch (operator) {
    case 'In':
      return actual !== undefined && values.includes(actual);
    case 'NotIn':
      return actual === undefined || !values.includes(actual);
    case 'Exists':
      return actual !== undefined;
    case 'DoesNotExist':
      return actual === undefined;
    case 'Gt':
    case 'Lt': {
      const [wanted] = values;
      if (!isInteger(actual) || !isInteger(wanted)) return false;
      return operator === 'Gt' ? Number(actual) > Number(wanted) : Number(actual) < Number(wanted);
    }
    default:
      return false;
  }
}

const isInteger = (text: string | undefined): boolean => text !== undefined && /^[-+]?\d+$/.test(text);

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
