import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError } from '../api/error.ts';
import { type Pod, pods } from '../api/kinds/pod.ts';
import { type ReplicaSet, replicaSets } from '../api/kinds/replica-set.ts';
import type { Env, Instant } from '../base/env.ts';
import { seeded } from '../base/random.ts';
import { act } from '../client/action.ts';
import { Client } from '../client/client.ts';
import { Cache } from '../machinery/cache.ts';
import { ReplicaSetController } from './replica-set.ts';

const now = Date.parse('2026-01-01T00:10:00Z') as Instant;
const born = '2026-01-01T00:00:00Z';
const unused = new Client(() => Promise.reject(new Error('a controller never calls')));
const controller = new ReplicaSetController(
  new Cache({} as Env, unused, replicaSets),
  new Cache({} as Env, unused, pods),
);
const owner = {
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  name: 'web',
  uid: 'set',
  controller: true,
  blockOwnerDeletion: true,
};

const set = (more: Partial<ReplicaSet['spec']> = {}, status?: ReplicaSet['status']): ReplicaSet => ({
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  metadata: {
    name: 'web',
    namespace: 'default',
    uid: 'set',
    resourceVersion: '5',
    generation: 1,
    creationTimestamp: born,
  },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
    ...more,
  },
  ...(status ? { status } : {}),
});
const pod = (
  name: string,
  more: { meta?: object; node?: string; ready?: string; phase?: 'Pending' | 'Running' | 'Failed' } = {},
): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name,
    namespace: 'default',
    uid: name,
    resourceVersion: '7',
    creationTimestamp: born,
    labels: { app: 'web' },
    ownerReferences: [owner],
    ...more.meta,
  },
  spec: { containers: [], ...(more.node ? { nodeName: more.node } : {}) },
  status: {
    phase: more.phase ?? 'Running',
    conditions: more.ready ? [{ type: 'Ready', status: 'True', lastTransitionTime: more.ready }] : [],
  },
});
const plan = (observed: { set: ReplicaSet; pods: Pod[]; related?: Pod[]; isTaken?: (name: string) => boolean }) =>
  controller.plan({ related: [], isTaken: () => false, ...observed }, now, seeded('test'));
const deleted = (observed: Parameters<typeof plan>[0]) =>
  plan(observed)
    .actions.flat()
    .flatMap((action) => (action.verb === 'delete' ? [action.key.name] : []));

test('ReplicaSetController creates the missing pods, tells so and counts', () => {
  const names = seeded('test');
  const [first, second] = [`web-${names.suffix(5)}`, `web-${names.suffix(5)}`];
  const create = (name: string) => ({
    verb: 'create',
    kind: pods,
    object: {
      metadata: { name, generateName: 'web-', namespace: 'default', labels: { app: 'web' }, ownerReferences: [owner] },
      spec: { containers: [{ name: 'c', image: 'i' }] },
    },
  });
  const told = (name: string) => ({
    verb: 'event',
    about: set(),
    reason: 'SuccessfulCreate',
    message: `Created pod: ${name}`,
    after: create(name),
  });
  assert.deepEqual(plan({ set: set(), pods: [] }), {
    actions: [
      [create(first), create(second), told(first), told(second)],
      [
        {
          verb: 'patch',
          kind: replicaSets,
          key: { namespace: 'default', name: 'web' },
          subresource: 'status',
          patch: { status: { replicas: 0, terminatingReplicas: 0, observedGeneration: 1 } },
        },
      ],
    ],
  });
});

test('ReplicaSetController has nothing to do when all is as wanted', () => {
  const status = {
    replicas: 2,
    fullyLabeledReplicas: 2,
    readyReplicas: 2,
    availableReplicas: 2,
    terminatingReplicas: 0,
    observedGeneration: 1,
  };
  assert.deepEqual(plan({ set: set({}, status), pods: [pod('a', { ready: born }), pod('b', { ready: born })] }), {
    actions: [],
  });
});

test('ReplicaSetController gives up the least useful pod first', () => {
  const ready = { node: 'n1', ready: '2026-01-01T00:01:00Z' };
  const cost = { meta: { annotations: { 'controller.kubernetes.io/pod-deletion-cost': '-5' } } };
  const one = set({ replicas: 1 });
  assert.deepEqual(deleted({ set: one, pods: [pod('a', ready), pod('unassigned', { ready: born })] }), ['unassigned']);
  assert.deepEqual(deleted({ set: one, pods: [pod('a', ready), pod('pending', { ...ready, phase: 'Pending' })] }), [
    'pending',
  ]);
  assert.deepEqual(deleted({ set: one, pods: [pod('a', ready), pod('unready', { node: 'n1' })] }), ['unready']);
  assert.deepEqual(deleted({ set: one, pods: [pod('a', ready), pod('cheap', { ...ready, ...cost })] }), ['cheap']);
  const crowded = [pod('a', { ...ready, node: 'n2' }), pod('b', ready)];
  assert.deepEqual(deleted({ set: one, pods: crowded, related: [...crowded, pod('other', ready)] }), ['b']);
  assert.deepEqual(
    deleted({ set: one, pods: [pod('a', ready), pod('young', { ...ready, ready: '2026-01-01T00:09:59Z' })] }),
    ['young'],
  );
});

test('ReplicaSetController ignores finished and terminating pods, and counts the terminating', () => {
  const leaving = pod('leaving', { meta: { deletionTimestamp: born } });
  const actions = plan({ set: set(), pods: [leaving, pod('failed', { phase: 'Failed' })] }).actions.flat();
  assert.equal(actions.filter((action) => action.verb === 'create').length, 2);
  const status = actions.find((action) => action.verb === 'patch');
  assert.deepEqual(status?.verb === 'patch' && status.patch, {
    status: { replicas: 0, terminatingReplicas: 1, observedGeneration: 1 },
  });
});

test('ReplicaSetController adopts orphans that match and releases pods that no longer do', () => {
  const orphan = pod('orphan', { meta: { ownerReferences: undefined } });
  const stray = pod('stray', { meta: { labels: { app: 'other' } } });
  const [claims] = plan({ set: set({ replicas: 1 }), pods: [orphan, stray] }).actions;
  const patch = (name: string, ownerReferences: unknown) => ({
    verb: 'patch',
    kind: pods,
    key: { namespace: 'default', name },
    patch: { metadata: { uid: name, resourceVersion: '7', ownerReferences } },
  });
  assert.deepEqual(claims, [patch('orphan', [owner]), patch('stray', null)]);
});

test('ReplicaSetController looks again when a ready pod becomes available', () => {
  const ready = pod('a', { ready: '2026-01-01T00:09:55Z' });
  assert.equal(plan({ set: set({ replicas: 1, minReadySeconds: 20 }), pods: [ready] }).again, 15_000);
});

test('ReplicaSetController makes no pods for a set that is being deleted', () => {
  const leaving = { ...set(), metadata: { ...set().metadata, deletionTimestamp: born } };
  assert.deepEqual(
    plan({ set: leaving, pods: [] })
      .actions.flat()
      .map((action) => action.verb),
    ['patch'],
  );
});

test('ReplicaSetController says in its status when pods are refused, except where the namespace ends', () => {
  const refusal = (error: ApiError) => ({
    action: act({ verb: 'create', kind: pods, object: { metadata: {} } as never }),
    error,
  });
  const observed = { set: set(), pods: [], related: [], isTaken: () => false };
  const told = controller.refused(observed, refusal(new ApiError('Forbidden', 'exceeded quota')), now).actions.flat();
  assert.deepEqual(told[0], {
    verb: 'event',
    about: set(),
    type: 'Warning',
    reason: 'FailedCreate',
    message: 'Error creating: exceeded quota',
  });
  const failure = {
    type: 'ReplicaFailure',
    status: 'True',
    lastTransitionTime: '2026-01-01T00:10:00Z',
    reason: 'FailedCreate',
    message: 'exceeded quota',
  };
  const status = { replicas: 0, terminatingReplicas: 0, observedGeneration: 1, conditions: [failure] };
  assert.deepEqual(told[1]?.verb === 'patch' && told[1].patch, { status });
  const ending = new ApiError('Forbidden', 'no', { causes: [{ reason: 'NamespaceTerminating' }] });
  assert.deepEqual(controller.refused(observed, refusal(ending), now), { actions: [] });
});

test('ReplicaSetController draws another name where a pod has it already', () => {
  const made = (isTaken: (name: string) => boolean) =>
    plan({ set: set({ replicas: 3 }), pods: [], isTaken })
      .actions.flat()
      .flatMap((action) => (action.verb === 'create' ? [action.object.metadata.name] : []));
  const [first, second, third] = made(() => false);
  const asked: string[] = [];
  const others = made((name) => {
    asked.push(name);
    return name === first || name === third;
  });
  assert.deepEqual([others[0], others.length, new Set(others).size], [second, 3, 3]);
  assert(asked.includes(String(first)) && asked.includes(String(third)));
  // Whoever has them all is told so by the server.
  assert.equal(made(() => true).length, 3);
});
