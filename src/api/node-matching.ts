import type { Node, Taint } from './kinds/node.ts';
import type { NodeSelectorTerm, PodSpec, Toleration } from './kinds/pod.ts';
import { isInteger, satisfies } from './selector.ts';

// Which nodes a pod asks for and bears: asked by the scheduler for every pod, by daemon sets for every node.

type Wish = Pick<PodSpec, 'nodeSelector' | 'affinity'>;

/** Whether node selector and required node affinity allow a pod on a node. */
export function matchesNode(pod: Wish, node: Node): boolean {
  const labels = node.metadata.labels ?? {};
  if (!Object.entries(pod.nodeSelector ?? {}).every(([key, value]) => labels[key] === value)) return false;
  const terms = pod.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  return terms === undefined || terms.some((term) => matchesTerm(term, node));
}

/** A term without any demand matches nothing. */
export function matchesTerm({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm, node: Node): boolean {
  if (matchExpressions.length + matchFields.length === 0) return false;
  const labels = node.metadata.labels ?? {};
  return (
    matchExpressions.every((requirement) => satisfies(requirement, labels[requirement.key])) &&
    matchFields.every((requirement) =>
      satisfies(requirement, requirement.key === 'metadata.name' ? node.metadata.name : undefined),
    )
  );
}

export const toleratedBy = (tolerations: readonly Toleration[] | undefined, taint: Taint): boolean =>
  (tolerations ?? []).some((toleration) => tolerates(toleration, taint));

function tolerates(toleration: Toleration, taint: Taint): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false;
  if (toleration.key && toleration.key !== taint.key) return false;
  switch (toleration.operator || 'Equal') {
    case 'Exists':
      return true;
    case 'Equal':
      return (toleration.value ?? '') === (taint.value ?? '') && Boolean(toleration.key);
    case 'Lt':
      return isInteger(toleration.value) && isInteger(taint.value) && Number(taint.value) < Number(toleration.value);
    case 'Gt':
      return isInteger(toleration.value) && isInteger(taint.value) && Number(taint.value) > Number(toleration.value);
    default:
      return false;
  }
}
