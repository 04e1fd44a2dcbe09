import type { JsonObject } from '../../../base/json.ts';

/** The levels of priority that requests are served with. */
export const priorityLevels: Readonly<Record<string, JsonObject>> = {
  'catch-all': limited(5, 0, { type: 'Reject' }),
  exempt: { type: 'Exempt', exempt: { nominalConcurrencyShares: 0, lendablePercent: 0 } },
  'global-default': limited(20, 50, queue(128, 6)),
  'leader-election': limited(10, 0, queue(16, 4)),
  'node-high': limited(40, 25, queue(64, 6)),
  system: limited(30, 33, queue(64, 6)),
  'workload-high': limited(40, 50, queue(128, 6)),
  'workload-low': limited(100, 90, queue(128, 6)),
};

function limited(nominalConcurrencyShares: number, lendablePercent: number, limitResponse: JsonObject): JsonObject {
  return { type: 'Limited', limited: { nominalConcurrencyShares, limitResponse, lendablePercent } };
}
function queue(queues: number, handSize: number): JsonObject {
  return { type: 'Queue', queuing: { queues, handSize, queueLengthLimit: 50 } };
}

const group = (name: string): JsonObject => ({ kind: 'Group', group: { name } });
const user = (name: string): JsonObject => ({ kind: 'User', user: { name } });
const systemAccounts = { kind: 'ServiceAccount', serviceAccount: { namespace: 'kube-system', name: '*' } };
const everybody = [group('system:unauthenticated'), group('system:authenticated')];
const anyResource = { verbs: ['*'], apiGroups: ['*'], resources: ['*'], clusterScope: true, namespaces: ['*'] };
const anything = { resourceRules: [anyResource], nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }] };
const leases = (verbs: readonly string[]): JsonObject => ({
  verbs,
  apiGroups: ['coordination.k8s.io'],
  resources: ['leases'],
  namespaces: ['*'],
});

/** Which requests belong to which level. */
export const flowSchemas: Readonly<Record<string, JsonObject>> = {
  'catch-all': flow('catch-all', 10_000, 'ByUser', { subjects: everybody, ...anything }),
  exempt: flow('exempt', 1, '', { subjects: [group('system:masters')], ...anything }),
  'global-default': flow('global-default', 9_900, 'ByUser', { subjects: everybody, ...anything }),
  'kube-controller-manager': flow('workload-high', 800, 'ByNamespace', {
    subjects: [user('system:kube-controller-manager')],
    ...anything,
  }),
  'kube-scheduler': flow('workload-high', 800, 'ByNamespace', {
    subjects: [user('system:kube-scheduler')],
    ...anything,
  }),
  'kube-system-service-accounts': flow('workload-high', 900, 'ByNamespace', {
    subjects: [systemAccounts],
    ...anything,
  }),
  probes: flow('exempt', 2, '', {
    subjects: everybody,
    nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/healthz', '/readyz', '/livez'] }],
  }),
  'service-accounts': flow('workload-low', 9_000, 'ByUser', {
    subjects: [group('system:serviceaccounts')],
    ...anything,
  }),
  'system-leader-election': flow('leader-election', 100, 'ByUser', {
    subjects: [user('system:kube-controller-manager'), user('system:kube-scheduler'), systemAccounts],
    resourceRules: [leases(['get', 'create', 'update'])],
  }),
  'system-node-high': flow('node-high', 400, 'ByUser', {
    subjects: [group('system:nodes')],
    resourceRules: [
      { verbs: ['*'], apiGroups: [''], resources: ['nodes', 'nodes/status'], clusterScope: true, namespaces: ['*'] },
      leases(['*']),
    ],
  }),
  'system-nodes': flow('system', 500, 'ByUser', { subjects: [group('system:nodes')], ...anything }),
};

function flow(level: string, matchingPrecedence: number, by: string, rule: JsonObject): JsonObject {
  return {
    priorityLevelConfiguration: { name: level },
    matchingPrecedence,
    ...(by ? { distinguisherMethod: { type: by } } : {}),
    rules: [rule],
  };
}
