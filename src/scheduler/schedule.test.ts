import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node } from '../api/kinds/node.ts';
import { nodes } from '../api/kinds/node.ts';
import { persistentVolumes } from '../api/kinds/persistent-volume.ts';
import { persistentVolumeClaims } from '../api/kinds/persistent-volume-claim.ts';
import { type Pod, pods } from '../api/kinds/pod.ts';
import { services } from '../api/kinds/service.ts';
import { storageClasses } from '../api/kinds/storage-class.ts';
import type { Env, Instant } from '../base/env.ts';
import { seeded } from '../base/random.ts';
import { Client } from '../client/client.ts';
import { Cache } from '../machinery/cache.ts';
import { VolumeBinding } from './plugins/volume-binding.ts';
import { schedule } from './schedule.ts';
import { defaultPlugins, Scheduler } from './scheduler.ts';
import { LiveSnapshot } from './snapshot.ts';

const meta = (name: string) => ({ name, uid: name, resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' });
const node = (name: string, cpu: string, spec: Node['spec'] = {}, labels = {}): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { ...meta(name), labels },
  spec,
  status: { allocatable: { cpu, memory: '4Gi', pods: '110' } },
});
const pod = (name: string, cpu: string, spec: Partial<Pod['spec']> = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { ...meta(name), namespace: 'default' },
  spec: { containers: [{ name: 'c', resources: { requests: { cpu } } }], ...spec },
});
const unused = new Client(() => Promise.reject(new Error('a scheduler never calls')));
const storage = {
  claims: new Cache({} as Env, unused, persistentVolumeClaims),
  volumes: new Cache({} as Env, unused, persistentVolumes),
  classes: new Cache({} as Env, unused, storageClasses),
};
const place = (wanted: Pod, world: readonly Node[], standing: readonly Pod[] = []) => {
  const snapshot = new LiveSnapshot();
  for (const each of world) snapshot.setNode(each);
  for (const each of standing) snapshot.setPod(each);
  return schedule(
    wanted,
    snapshot,
    defaultPlugins(() => [], new VolumeBinding(storage)),
    seeded('test'),
  );
};

test('schedule takes the emptier node', () => {
  assert.deepEqual(place(pod('p', '1'), [node('a', '4'), node('b', '4')], [pod('q', '2', { nodeName: 'a' })]), {
    node: 'b',
  });
});

test('schedule says why there is no place, reason by reason', () => {
  const world = [
    node('a', '1'),
    node('b', '4', { taints: [{ key: 'k', effect: 'NoSchedule' }] }),
    node('c', '4', { unschedulable: true }),
    node('d', '2'),
  ];
  assert.deepEqual(place(pod('p', '2'), world, [pod('q', '1', { nodeName: 'd' })]), {
    unschedulable:
      '0/4 nodes are available: 1 node(s) had untolerated taint(s), 1 node(s) were unschedulable, 2 Insufficient cpu. ' +
      'no new claims to deallocate, preemption: 0/4 nodes are available: 1 No preemption victims found for incoming pod, ' +
      '3 Preemption is not helpful for scheduling.',
  });
  assert.deepEqual(place(pod('p', '2'), []), { unschedulable: 'no nodes available to schedule pods' });
});

test('schedule obeys node selectors and host ports', () => {
  const world = [node('a', '4', {}, { disk: 'ssd' }), node('b', '4')];
  assert.deepEqual(place(pod('p', '1', { nodeSelector: { disk: 'ssd' } }), world), { node: 'a' });
  const ported = (name: string, nodeName?: string) =>
    pod(name, '0', {
      containers: [{ name: 'c', ports: [{ containerPort: 80, hostPort: 80 }] }],
      ...(nodeName ? { nodeName } : {}),
    });
  assert.deepEqual(place(ported('p'), world, [ported('q', 'a')]), { node: 'b' });
});

test('schedule spreads the pods of one owner', () => {
  const owned = (name: string, spec = {}): Pod => {
    const plain = pod(name, '0', spec);
    return {
      ...plain,
      metadata: {
        ...plain.metadata,
        ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'r', uid: 'r', controller: true }],
      },
    };
  };
  assert.deepEqual(place(owned('p'), [node('a', '4'), node('b', '4')], [owned('q', { nodeName: 'a' })]), { node: 'b' });
});

test('LiveSnapshot counts the same after changes as from scratch', () => {
  const live = new LiveSnapshot();
  live.setPod(pod('early', '1', { nodeName: 'a' }));
  assert.equal(live.nodes.length, 0);
  live.setNode(node('a', '4'));
  live.setPod(pod('p', '2'), 'a');
  assert.deepEqual(live.node('a')?.requested, { cpu: 3000 });
  live.setPod(pod('p', '2', { nodeName: 'a' }));
  assert.deepEqual(live.node('a')?.requested, { cpu: 3000 });
  live.dropPod('p');
  assert.deepEqual(live.node('a')?.requested, { cpu: 1000 });
  live.setPod({ ...pod('early', '1', { nodeName: 'a' }), status: { phase: 'Succeeded' } });
  assert.deepEqual(live.node('a')?.requested, {});
});

test('Scheduler binds, and remembers it before the cache shows it; refuses with a condition and an event', async () => {
  const list = (kind: string, items: readonly object[]) => ({
    status: 200,
    body: { object: { kind, metadata: { resourceVersion: '1' }, items } as never },
  });
  const client = new Client(async ({ path, query }) => {
    if (query.some(([name]) => name === 'watch'))
      return { status: 200, watch: { onBatch: () => {}, onEnd: () => {} } } as never;
    return path.endsWith('/nodes') ? list('NodeList', [node('a', '1')]) : list('List', []);
  });
  const env = {
    clock: { now: () => 0, monotonic: () => 0, after: () => () => {} },
    random: seeded('x'),
  } as unknown as Env;
  const caches = {
    pods: new Cache(env, client, pods),
    nodes: new Cache(env, client, nodes),
    services: new Cache(env, client, services),
    ...storage,
  };
  const scheduler = new Scheduler(caches);
  void caches.nodes.run({ stopped: false, onStop: () => () => {} });
  await new Promise((resolve) => setImmediate(resolve));
  const now = 1_000 as Instant;
  const first = pod('p', '1');
  const key = { namespace: 'default', name: 'p' };
  assert.deepEqual(scheduler.plan(first, now, seeded('t')), {
    actions: [
      [
        { verb: 'bind', kind: pods, key, uid: 'p', node: 'a' },
        { verb: 'event', about: first, reason: 'Scheduled', message: 'Successfully assigned default/p to a' },
      ],
    ],
  });
  assert.deepEqual(scheduler.plan(first, (now + 400) as Instant, seeded('t')), { actions: [], again: 600 });
  const second = pod('q', '1');
  const message =
    '0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: ' +
    '0/1 nodes are available: 1 No preemption victims found for incoming pod.';
  const condition = {
    type: 'PodScheduled',
    status: 'False',
    reason: 'Unschedulable',
    message,
    lastProbeTime: null,
    lastTransitionTime: '1970-01-01T00:00:01Z',
  };
  assert.deepEqual(scheduler.plan(second, now, seeded('t')), {
    actions: [
      [
        {
          verb: 'patch',
          type: 'strategic-merge',
          kind: pods,
          key: { namespace: 'default', name: 'q' },
          subresource: 'status',
          patch: { status: { conditions: [condition] } },
        },
        { verb: 'event', about: second, type: 'Warning', reason: 'FailedScheduling', message },
      ],
    ],
  });
  assert.deepEqual(scheduler.plan(second, now, seeded('t')), { actions: [] });
});
