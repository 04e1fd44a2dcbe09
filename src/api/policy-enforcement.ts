import type { KubeObject } from './object.ts';

/** A label of nodes: whether network policies hold for the containers that run there. */
export const policiesEnforcedLabel = 'network-policies.mini-k8s.io/enforced';

const namesMax = 3;

/** Says on which nodes policies do not hold; undefined where they do, or nobody says otherwise. */
export function unenforcedSentence(nodes: readonly KubeObject[]): string | undefined {
  const names = nodes
    .filter(({ metadata }) => metadata.labels?.[policiesEnforcedLabel] === 'false')
    .map(({ metadata }) => metadata.name)
    .sort();
  if (names.length === 0) return undefined;
  const more = names.length > namesMax ? ` and ${names.length - namesMax} more` : '';
  const where = `${names.length === 1 ? 'node' : 'nodes'} ${names.slice(0, namesMax).join(', ')}${more}`;
  return `NetworkPolicy is not enforced on ${where}: it takes containers, root on Linux and the tool nft`;
}
