import type { Caller } from '../../api/wire.ts';
import { type Attributes, type Authorizer, type Decision, noOpinion } from '../attributes.ts';
import { isNode } from './node-authorizer.ts';
import { type PolicyRule, ruleAllows } from './policy-rule.ts';

const accountPrefix = 'system:serviceaccount:kube-system:';
const managerName = 'system:kube-controller-manager';
const allow: Decision = { verdict: 'allow' };

/**
 * What our own parts do beyond what upstream's roles give them. By account; those that upstream has are here only for
 * the verb that it has no need of, because it writes whole objects.
 */
const moreRules: Readonly<Record<string, readonly PolicyRule[]>> = {
  'node-controller': [{ verbs: ['get'], apiGroups: ['coordination.k8s.io'], resources: ['leases'] }],
  'certificate-controller': [{ verbs: ['get'], nonResourceURLs: ['/mini-k8s/certificates/*'] }],
  'local-path-provisioner': [
    { verbs: ['create', 'delete', 'patch'], apiGroups: [''], resources: ['persistentvolumes'] },
    { verbs: ['patch'], apiGroups: [''], resources: ['persistentvolumeclaims/status'] },
    { verbs: ['create', 'patch'], apiGroups: ['', 'events.k8s.io'], resources: ['events'] },
  ],
  // Upstream's API server does this itself.
  'flow-schema-status': [
    { verbs: ['patch'], apiGroups: ['flowcontrol.apiserver.k8s.io'], resources: ['flowschemas/status'] },
  ],
  'network-policy-notice': [{ verbs: ['create', 'patch'], apiGroups: ['', 'events.k8s.io'], resources: ['events'] }],
  rebalancer: [
    { verbs: ['create'], apiGroups: [''], resources: ['pods/eviction'] },
    { verbs: ['create', 'patch'], apiGroups: ['', 'events.k8s.io'], resources: ['events'] },
  ],
  // Upstream's API server does this itself.
  'service-address-controller': [
    { verbs: ['create', 'delete'], apiGroups: ['networking.k8s.io'], resources: ['ipaddresses'] },
    { verbs: ['create', 'patch'], apiGroups: ['', 'events.k8s.io'], resources: ['events'] },
  ],
};
/** What every node may, beyond the Node authorizer. */
const nodeRules: readonly PolicyRule[] = [
  // Whose machine it is: what runs on it is told from what another cluster runs there.
  { verbs: ['get'], apiGroups: [''], resources: ['namespaces'], resourceNames: ['kube-system'] },
];
/** What leads to services and holds network policies on the machines of nodes, beside each node's own agent. */
const networkName = 'system:mini-k8s:node-network';
const seen = ['list', 'watch'];
const networkRules: readonly PolicyRule[] = [
  { verbs: seen, apiGroups: [''], resources: ['services', 'nodes', 'namespaces', 'pods'] },
  { verbs: seen, apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'] },
  { verbs: seen, apiGroups: ['networking.k8s.io'], resources: ['networkpolicies'] },
];
/** Controllers that patch where upstream's update. A patch does nothing that an update could not. */
const patching: ReadonlySet<string> = new Set([
  ...['bootstrap-signer', 'certificate-controller', 'cronjob-controller', 'daemon-set-controller'],
  'deployment-controller',
  ...['disruption-controller', 'horizontal-pod-autoscaler', 'job-controller', 'namespace-controller'],
  ...['persistent-volume-binder', 'pv-protection-controller', 'pvc-protection-controller'],
  ...['replicaset-controller', 'replication-controller', 'statefulset-controller', 'node-controller'],
  'service-controller',
  'volumeattributesclass-protection-controller',
]);

/** Asked after roles: lets the parts of this program do their work, each its own and no more. */
export class PartRights implements Authorizer {
  readonly name = 'PartRights';
  readonly #roles: Authorizer;

  constructor(roles: Authorizer) {
    this.#roles = roles;
  }

  authorize(attributes: Attributes): Decision | Promise<Decision> {
    const { caller } = attributes;
    if (isNode(caller)) return nodeRules.some((rule) => ruleAllows(rule, attributes)) ? allow : noOpinion;
    if (caller.name === networkName) {
      return networkRules.some((rule) => ruleAllows(rule, attributes)) ? allow : noOpinion;
    }
    if (caller.name === managerName) return becomesAccount(attributes) ? allow : noOpinion;
    if (!caller.name.startsWith(accountPrefix)) return noOpinion;
    const account = caller.name.slice(accountPrefix.length);
    if (moreRules[account]?.some((rule) => ruleAllows(rule, attributes))) return allow;
    if (attributes.verb !== 'patch' || !patching.has(account)) return noOpinion;
    return this.#roles.authorize({ ...attributes, verb: 'update' });
  }
}

/** Whoever may make tokens for every account, as it may by its role, may as well speak for them. */
const becomesAccount = (asked: Attributes): boolean =>
  'resource' in asked &&
  asked.verb === 'impersonate' &&
  asked.group === '' &&
  asked.resource === 'serviceaccounts' &&
  asked.namespace === 'kube-system';

/** Nodes are not meant: what theirs is depends on what else there is. */
export const isPart = ({ name }: Caller): boolean =>
  name === managerName || name === 'system:kube-scheduler' || name.startsWith(accountPrefix);
