import type { Caller } from '../api/wire.ts';

// Who the parts of a cluster are, by upstream's names. A part in the server's own process says it; over a network its
// certificate or token does.

const authenticated = 'system:authenticated';
const user = (name: string, ...groups: readonly string[]): Caller => ({
  name,
  groups: [...groups, authenticated],
  extra: {},
});

export const controllerManager = user('system:kube-controller-manager');
export const scheduler = user('system:kube-scheduler');
export const nodeSpeaker = (node: string): Caller => user(`system:node:${node}`, 'system:nodes');

/** Whatever leads to services and holds network policies on a node: it reads what no node may, and writes nothing. */
export const nodeNetwork = user('system:mini-k8s:node-network');

/** A controller has an account of its own: what one may do does not help another. */
export const accountSpeaker = (account: string): Caller =>
  user(`system:serviceaccount:kube-system:${account}`, 'system:serviceaccounts', 'system:serviceaccounts:kube-system');
