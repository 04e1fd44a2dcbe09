import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeKind } from '../api/kind.ts';
import { daemonSets } from '../api/kinds/daemon-set.ts';
import { deployments } from '../api/kinds/deployment.ts';
import { type Pod, pods } from '../api/kinds/pod.ts';
import { type PodDisruptionBudget, podDisruptionBudgets } from '../api/kinds/pod-disruption-budget.ts';
import { replicaSets } from '../api/kinds/replica-set.ts';
import { replicationControllers } from '../api/kinds/replication-controller.ts';
import { statefulSets } from '../api/kinds/stateful-set.ts';
import type { KubeObject } from '../api/object.ts';
import { Cache } from '../machinery/cache.ts';
import { DisruptionController } from './disruption.ts';
import { Scales } from './disruption-scale.ts';
import { StaleDisruptionController } from './disruption-stale.ts';
import { born, inWords, noClient, noEnv, now, ownedBy, podOf } from './plan.test-data.ts';

const cacheOf = (...objects: readonly KubeObject[]) => ({
  get: ({ name }: { readonly name: string }) => objects.find(({ metadata }) => metadata.name === name),
});
const scaled = (name: string, replicas: number, owner?: string) => ({
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  metadata: {
    name,
    uid: name,
    resourceVersion: '1',
    creationTimestamp: born,
    ...(owner ? { ownerReferences: [ownedBy(deployments, owner)] } : {}),
  },
  spec: { replicas },
});
const scales = new Scales({
  deployments: cacheOf(scaled('web', 5)),
  replicaSets: cacheOf(scaled('alone', 3), scaled('web-1', 4, 'web')),
  replicationControllers: cacheOf(),
  statefulSets: cacheOf(scaled('db', 2)),
});
const controller = new DisruptionController(
  new Cache(noEnv, noClient, podDisruptionBudgets),
  new Cache(noEnv, noClient, pods),
  {
    deployments: new Cache(noEnv, noClient, deployments),
    replicaSets: new Cache(noEnv, noClient, replicaSets),
    replicationControllers: new Cache(noEnv, noClient, replicationControllers),
    statefulSets: new Cache(noEnv, noClient, statefulSets),
  },
);
const budget = (spec: object, status: object = {}): PodDisruptionBudget => ({
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: {
    name: 'b',
    namespace: 'default',
    uid: 'b',
    resourceVersion: '9',
    generation: 1,
    creationTimestamp: born,
  },
  spec: { selector: { matchLabels: { app: 'a' } }, ...spec },
  status: status as never,
});
const planOf = (one: PodDisruptionBudget, all: readonly Pod[]) =>
  controller.plan({ budget: one, pods: all, scales }, now);
const statusOf = (one: PodDisruptionBudget, all: readonly Pod[]) => {
  const action = planOf(one, all)
    .actions.flat()
    .find(({ verb }) => verb === 'patch');
  const patch = action?.verb === 'patch' ? action.patch : {};
  return (patch as { readonly status: Readonly<Record<string, unknown>> }).status;
};
const counts = (one: PodDisruptionBudget, all: readonly Pod[]) => {
  const { expectedPods, desiredHealthy, currentHealthy, disruptionsAllowed } = statusOf(one, all);
  return [expectedPods, desiredHealthy, currentHealthy, disruptionsAllowed];
};
const web = ownedBy(replicaSets, 'web-1');

test('DisruptionController counts plain numbers by pods, and shares by what their controllers want', () => {
  const of = (owner = web) => [podOf('a', { owner }), podOf('b', { owner }), podOf('c', { owner, ready: false })];
  const table: readonly [object, readonly Pod[], readonly number[]][] = [
    [{ minAvailable: 1 }, of(), [3, 1, 2, 1]],
    [{ minAvailable: '50%' }, of(), [5, 3, 2, 0]],
    [{ maxUnavailable: 4 }, of(), [5, 1, 2, 1]],
    [{ maxUnavailable: '30%' }, of(), [5, 3, 2, 0]],
    [{ maxUnavailable: 2 }, of(ownedBy(replicaSets, 'alone')), [3, 1, 2, 1]],
    [{ maxUnavailable: 1 }, of(ownedBy(statefulSets, 'db')), [2, 1, 2, 1]],
    [{ minAvailable: 0 }, [], [0, 0, 0, 0]],
    [{ minAvailable: 1 }, [podOf('a', { owner: web, leaving: true }), podOf('b')], [2, 1, 1, 0]],
  ];
  for (const [spec, all, expected] of table) assert.deepEqual(counts(budget(spec), all), expected);
});

test('DisruptionController says in a condition whether something may go', () => {
  const { conditions } = statusOf(budget({ minAvailable: 1 }), [podOf('a'), podOf('b')]);
  const sufficient = { status: 'True', reason: 'SufficientPods', message: '', observedGeneration: 1 };
  assert.deepEqual(conditions, [
    { type: 'DisruptionAllowed', ...sufficient, lastTransitionTime: '2026-01-01T00:10:00Z' },
  ]);
});

test('DisruptionController guards its write by the revision that it judged', () => {
  const action = planOf(budget({ minAvailable: 1 }), [podOf('a')])
    .actions.flat()
    .at(-1);
  const patch = action?.verb === 'patch' ? action.patch : {};
  assert.deepEqual((patch as { readonly metadata: unknown }).metadata, { resourceVersion: '9' });
});

test('DisruptionController takes an evicted pod for gone, for two minutes', () => {
  const all = [podOf('a'), podOf('b')];
  const lately = budget({ minAvailable: 1 }, { disruptedPods: { a: '2026-01-01T00:09:00Z', gone: born } });
  assert.deepEqual(counts(lately, all), [2, 1, 1, 0]);
  assert.deepEqual(statusOf(lately, all)['disruptedPods'], { gone: null });
  assert.equal(planOf(lately, all).again, 60_001);
  const longAgo = budget({ minAvailable: 1 }, { disruptedPods: { a: '2026-01-01T00:07:00Z' } });
  assert.deepEqual(counts(longAgo, all), [2, 1, 2, 1]);
  assert.deepEqual(inWords(planOf(longAgo, all))[0], ['tell NotDeleted']);
});

test('DisruptionController allows nothing where it cannot count, and says why', () => {
  const plan = planOf(budget({ maxUnavailable: 1 }, { disruptionsAllowed: 1 }), [
    podOf('a', { owner: ownedBy(daemonSets, 'log') }),
  ]);
  assert.deepEqual(inWords(plan)[0], ['tell CalculateExpectedPodCountFailed']);
  const [notice] = plan.actions[0] ?? [];
  const why = 'daemonsets.apps does not implement the scale subresource';
  const message = `Failed to calculate the number of expected pods: ${why}`;
  assert.equal(notice?.verb === 'event' && notice.message, message);
  const gone = planOf(budget({ maxUnavailable: 1 }), [podOf('a', { owner: ownedBy(replicaSets, 'gone') })]);
  assert.deepEqual(inWords(gone)[0], ['tell CalculateExpectedPodCountFailed']);
});

test('DisruptionController tells of pods that belong to nobody, and of none at all', () => {
  assert.deepEqual(inWords(planOf(budget({ maxUnavailable: 1 }), [podOf('a')]))[0], ['tell UnmanagedPods']);
  assert.deepEqual(inWords(planOf(budget({ minAvailable: 1 }), []))[0], ['tell NoPods']);
});

test('StaleDisruptionController clears the mark of a disruption that nobody carried out', () => {
  const stale = new StaleDisruptionController(new Cache(noEnv, noClient, pods));
  const marked = (since: string) => ({
    ...podOf('a'),
    status: { conditions: [{ type: 'DisruptionTarget', status: 'True', lastTransitionTime: since }] },
  });
  assert.equal(stale.plan(marked('2026-01-01T00:09:00Z'), now).again, 60_000);
  const cleared = { type: 'DisruptionTarget', status: 'False', lastTransitionTime: '2026-01-01T00:10:00Z' };
  assert.deepEqual(inWords(stale.plan(marked(born), now)), [[`status ${JSON.stringify({ conditions: [cleared] })}`]]);
});

test('an owner of a kind that a definition made is asked for its scale, and only its own number counts', () => {
  const fleet = makeKind({
    group: 'example.com',
    version: 'v1',
    kind: 'Fleet',
    plural: 'fleets',
    singular: 'fleet',
    namespaced: true,
    verbs: [],
    shortNames: [],
    categories: [],
    subresources: [{ name: 'scale', group: 'autoscaling', version: 'v1', kind: 'Scale', verbs: ['get'] }],
  });
  const asking = new DisruptionController(
    new Cache(noEnv, noClient, podDisruptionBudgets),
    new Cache(noEnv, noClient, pods),
    {
      deployments: new Cache(noEnv, noClient, deployments),
      replicaSets: new Cache(noEnv, noClient, replicaSets),
      replicationControllers: new Cache(noEnv, noClient, replicationControllers),
      statefulSets: new Cache(noEnv, noClient, statefulSets),
    },
    { all: () => [new Cache(noEnv, noClient, fleet)] },
  );
  const all = [podOf('ship', { owner: ownedBy(fleet, 'ships') })];
  const one = budget({ maxUnavailable: 1 });
  const observed = { budget: one, pods: all, scales };
  assert.deepEqual(asking.wants(observed), [{ path: '/apis/example.com/v1/namespaces/default/fleets/ships/scale' }]);
  const wordsOf = (uid: string, replicas: number) =>
    JSON.stringify(
      asking.plan(observed, now, undefined, [{ found: { metadata: { uid }, spec: { replicas } } }]).actions,
    );
  assert.match(wordsOf('ships', 4), /"expectedPods":4/);
  assert.match(wordsOf('others', 4), /found no controllers for pod/);
});
