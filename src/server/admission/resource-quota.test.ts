import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Kind } from '../../api/kind.ts';
import { configMaps } from '../../api/kinds/config-map.ts';
import { persistentVolumeClaims } from '../../api/kinds/persistent-volume-claim.ts';
import { pods } from '../../api/kinds/pod.ts';
import { resourceQuotas } from '../../api/kinds/resource-quota.ts';
import { services } from '../../api/kinds/service.ts';
import type { Store } from '../../store/store.ts';
import { storageKey } from '../kinds.ts';
import { admitted, asked, storeWith, whole } from './plugin.test-data.ts';
import { ResourceQuota } from './resource-quota.ts';

const quota = (hard: Record<string, string>, more: { used?: object; spec?: object; name?: string } = {}) => {
  const used = more.used ?? Object.fromEntries(Object.keys(hard).map((name) => [name, '0']));
  const object = {
    metadata: { name: more.name ?? 'q', namespace: 'shop' },
    spec: { hard, ...more.spec },
    status: { hard, used },
  };
  return [resourceQuotas, object as never] as const;
};
const key = storageKey(resourceQuotas as unknown as Kind, 'shop', 'q');
const usedIn = async (store: Store): Promise<unknown> => {
  const { entry } = await store.get(key);
  assert.ok(entry);
  return (entry.value as { status: { used: unknown } }).status.used;
};
const pod = (spec: object = {}, requests: object = {}) => ({
  spec: { containers: [{ name: 'c', resources: { requests } }], ...spec },
});
const scopes = (...names: readonly string[]) => ({ spec: { scopes: names } });
const selector = (scopeName: string, operator: string, ...values: readonly string[]) => ({
  spec: { scopeSelector: { matchExpressions: [{ scopeName, operator, values }] } },
});
const none = 'exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0';
const free = undefined;
const elsewhere = { namespaces: ['other'], topologyKey: 'k' };
const away = { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [elsewhere] } };

/** What a quota that leaves no pod says of a pod. */
const scoped: readonly (readonly [claim: string, more: object, spec: object, outcome: string | undefined])[] = [
  ['Terminating is about pods with a deadline', scopes('Terminating'), { activeDeadlineSeconds: 5 }, none],
  ['Terminating leaves pods without one', scopes('Terminating'), {}, free],
  ['NotTerminating is about the others', scopes('NotTerminating'), {}, none],
  ['BestEffort is about pods that ask for nothing', scopes('BestEffort'), {}, none],
  ['NotBestEffort leaves these', scopes('NotBestEffort'), {}, free],
  ['all scopes must fit', scopes('BestEffort', 'Terminating'), {}, free],
  ['a class that is named', selector('PriorityClass', 'In', 'high'), { priorityClassName: 'high' }, none],
  ['a class that is not named', selector('PriorityClass', 'In', 'high'), { priorityClassName: 'low' }, free],
  ['any class', selector('PriorityClass', 'Exists'), { priorityClassName: 'low' }, none],
  ['no class', selector('PriorityClass', 'DoesNotExist'), {}, none],
  ['every class but one', selector('PriorityClass', 'NotIn', 'high'), {}, none],
  ['pods that look across namespaces', scopes('CrossNamespacePodAffinity'), { affinity: away }, none],
  ['pods that do not', scopes('CrossNamespacePodAffinity'), {}, free],
];
for (const [claim, more, spec, outcome] of scoped) {
  test(`ResourceQuota, scope: ${claim}`, async () => {
    const plugin = new ResourceQuota(await storeWith(quota({ pods: '0' }, more)));
    const answer = await admitted(plugin, pod(spec), asked(pods));
    if (outcome === undefined) assert.equal(typeof answer, 'object');
    else assert.equal(answer, outcome);
  });
}

const port = { port: 80 };
const counted: readonly (readonly [hard: Record<string, string>, kind: unknown, object: object, why: string])[] = [
  [
    { 'count/configmaps': '0' },
    configMaps,
    {},
    'exceeded quota: q, requested: count/configmaps=1, used: count/configmaps=0, limited: count/configmaps=0',
  ],
  [
    { 'services.loadbalancers': '0', 'services.nodeports': '1' },
    services,
    { spec: { type: 'LoadBalancer', ports: [port, port] } },
    'exceeded quota: q, requested: services.loadbalancers=1,services.nodeports=2, used: services.loadbalancers=0,services.nodeports=0, limited: services.loadbalancers=0,services.nodeports=1',
  ],
  [
    { 'gold.storageclass.storage.k8s.io/requests.storage': '1Gi' },
    persistentVolumeClaims,
    { spec: { storageClassName: 'gold', resources: { requests: { storage: '2Gi' } } } },
    'exceeded quota: q, requested: gold.storageclass.storage.k8s.io/requests.storage=2Gi, used: gold.storageclass.storage.k8s.io/requests.storage=0, limited: gold.storageclass.storage.k8s.io/requests.storage=1Gi',
  ],
  [
    { 'requests.cpu': '1' },
    pods,
    pod({}, { cpu: '1500m' }),
    'exceeded quota: q, requested: requests.cpu=1500m, used: requests.cpu=0, limited: requests.cpu=1',
  ],
  [{ cpu: '1', 'limits.memory': '1Gi' }, pods, pod(), 'failed quota: q: must specify cpu for: c; limits.memory for: c'],
  [
    { 'requests.example.com/gpu': '1' },
    pods,
    pod({}, { 'example.com/gpu': '2' }),
    'exceeded quota: q, requested: requests.example.com/gpu=2, used: requests.example.com/gpu=0, limited: requests.example.com/gpu=1',
  ],
];
for (const [hard, kind, object, why] of counted) {
  test(`ResourceQuota: ${why}`, async () => {
    const plugin = new ResourceQuota(await storeWith(quota(hard)));
    assert.equal(await admitted(plugin, object, asked(kind as Kind)), why);
  });
}

test('ResourceQuota: nobody goes on while it is not known what is used', async () => {
  const plugin = new ResourceQuota(await storeWith(quota({ pods: '1', cpu: '1' }, { used: {} })));
  const why = 'status unknown for quota: q, resources: cpu,pods';
  assert.equal(await admitted(plugin, pod({}, { cpu: '1' }), asked(pods)), why);
});

test('ResourceQuota: usage is written before a request goes on, not for a dry run', async () => {
  const store = await storeWith(quota({ pods: '2', 'requests.memory': '1Gi' }));
  const plugin = new ResourceQuota(store);
  await admitted(plugin, pod({}, { memory: '256Mi' }), asked(pods, { dryRun: true }));
  assert.deepEqual(await usedIn(store), { pods: '0', 'requests.memory': '0' });
  await admitted(plugin, pod({}, { memory: '256Mi' }), asked(pods));
  assert.deepEqual(await usedIn(store), { pods: '1', 'requests.memory': '256Mi' });
});

test('ResourceQuota: of many that come at once exactly as many pass as there is room, over several servers', async () => {
  const store = await storeWith(quota({ pods: '10' }));
  const servers = [new ResourceQuota(store), new ResourceQuota(store)];
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, index) => admitted(servers[index % 2] as ResourceQuota, pod(), asked(pods))),
  );
  assert.equal(answers.filter((answer) => typeof answer === 'object').length, 10);
  assert.deepEqual(await usedIn(store), { pods: '10' });
});

test('ResourceQuota: an update uses what it adds, and gives nothing back', async () => {
  const store = await storeWith(quota({ 'requests.storage': '8Gi' }, { used: { 'requests.storage': '2Gi' } }));
  const claim = (storage: string) => ({ spec: { resources: { requests: { storage } } } });
  const grow = (from: string, to: string) =>
    admitted(
      new ResourceQuota(store),
      claim(to),
      asked(persistentVolumeClaims, { operation: 'UPDATE', previous: whole(claim(from)) }),
    );
  await grow('2Gi', '5Gi');
  assert.deepEqual(await usedIn(store), { 'requests.storage': '5Gi' });
  await grow('5Gi', '1Gi');
  assert.deepEqual(await usedIn(store), { 'requests.storage': '5Gi' });
});
