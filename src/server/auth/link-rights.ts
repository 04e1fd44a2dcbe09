import type { Caller } from '../../api/wire.ts';
import { type Attributes, type Authorizer, type Decision, noOpinion } from '../attributes.ts';
import { isNode, nodeOf } from './node-authorizer.ts';

const linksPrefix = '/mini-k8s/nodes/';
const linkForm = /^\/mini-k8s\/nodes\/([^/]+)\/link$/;
const allow: Decision = { verdict: 'allow' };
/** Where upstream waits for leases to be old, these ask how long a silent node has been silent. */
const askers: ReadonlySet<string> = new Set(
  ['node-controller', 'pod-garbage-collector'].map((name) => `system:serviceaccount:kube-system:${name}`),
);

/**
 * A node says that it lives, of itself, and two controllers ask for it. Each node does so each second: it is asked
 * before all who read roles for what they answer, and it has no opinion on anything else.
 */
export const linkRights: Authorizer = {
  name: 'LinkRights',
  authorize(attributes: Attributes): Decision {
    if (!('path' in attributes) || !attributes.path.startsWith(linksPrefix)) return noOpinion;
    const { caller, verb, path } = attributes;
    const isAllowed = verb === 'put' ? isOwn(caller, path) : verb === 'get' && askers.has(caller.name);
    return isAllowed ? allow : noOpinion;
  },
};

const isOwn = (caller: Caller, path: string): boolean =>
  isNode(caller) && linkForm.exec(path)?.[1] === encodeURIComponent(nodeOf(caller));
