/** By this header a write says who leads, in which term: `namespace/name holder transitions` of its Lease. */
export const leadershipHeader = 'mini-k8s-leader';

export interface Leadership {
  readonly namespace: string;
  readonly name: string;
  readonly holder: string;
  /** How often the lease has changed hands: the term. */
  readonly transitions: number;
}

export const leadershipText = ({ namespace, name, holder, transitions }: Leadership): string =>
  `${namespace}/${name} ${holder} ${transitions}`;

/** Undefined where it is no such text. */
export function parseLeadership(text: string): Leadership | undefined {
  const found = /^([^/\s]+)\/([^/\s]+) (\S+) (\d{1,15})$/.exec(text);
  if (!found) return undefined;
  const [, namespace = '', name = '', holder = '', transitions] = found;
  return { namespace, name, holder, transitions: Number(transitions) };
}
