import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node } from '../api/kinds/node.ts';
import type { Pod } from '../api/kinds/pod.ts';
import { seeded } from '../base/random.ts';
import type { SchedulerPlugin } from './plugin.ts';
import { resources } from './plugins/resources.ts';
import { spreading } from './plugins/spreading.ts';
import { taints } from './plugins/taints.ts';
import { fittingEnough, schedule } from './schedule.ts';
import { LiveSnapshot } from './snapshot.ts';

const plugins = [taints, resources, spreading(() => [])] as readonly SchedulerPlugin[];
const node = (name: string, taint?: string): Node =>
  ({
    metadata: { name },
    spec: taint ? { taints: [{ key: taint, effect: 'NoSchedule' }] } : {},
    status: { allocatable: { cpu: '2', memory: '4Gi', pods: '10' } },
  }) as unknown as Node;
const pod = (uid: string, more: object = {}): Pod =>
  ({
    metadata: {
      uid,
      name: uid,
      namespace: 'n',
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: 'rs', controller: true }],
      ...more,
    },
    spec: { containers: [{ name: 'c', resources: { requests: { cpu: '500m' } } }] },
  }) as unknown as Pod;

function world(names: readonly string[]): LiveSnapshot {
  const snapshot = new LiveSnapshot();
  for (const name of names) snapshot.setNode(node(name));
  return snapshot;
}
const where = (snapshot: LiveSnapshot, uid: string) => schedule(pod(uid), snapshot, plugins, seeded('lot'));

test('what was found out of a node holds no longer than the node stays as it is', () => {
  const snapshot = world(['a', 'b']);
  const taken: unknown[] = [];
  for (let n = 0; n < 8; n++) {
    const placed = where(snapshot, `p${n}`);
    assert('node' in placed);
    snapshot.setPod(pod(`p${n}`), placed.node);
    taken.push(placed.node);
  }
  assert.deepEqual(taken.filter((name) => name === 'a').length, 4);
  assert('unschedulable' in where(snapshot, 'late'));
  snapshot.dropPod('p0');
  assert.deepEqual(where(snapshot, 'late'), { node: taken[0] });
});

test('a taint that comes and goes is seen at once', () => {
  const snapshot = world(['a']);
  assert.deepEqual(where(snapshot, 'p'), { node: 'a' });
  snapshot.setNode(node('a', 'broken'));
  assert('unschedulable' in where(snapshot, 'p'));
  snapshot.setNode(node('a'));
  assert.deepEqual(where(snapshot, 'p'), { node: 'a' });
});

test('a pod that is to go no longer keeps others of its owner away', () => {
  const snapshot = world(['a', 'b']);
  snapshot.setPod(pod('one'), 'a');
  const others = [pod('two'), pod('three')];
  for (const other of others) snapshot.setPod(other, 'b');
  assert.deepEqual(where(snapshot, 'next'), { node: 'a' });
  for (const other of others) {
    const metadata = { ...other.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' };
    snapshot.setPod({ ...other, metadata }, 'b');
  }
  const light = [spreading(() => [])] as readonly SchedulerPlugin[];
  assert.deepEqual(schedule(pod('next'), snapshot, light, seeded('lot')), { node: 'b' });
});

const many = Array.from({ length: 3 * fittingEnough }, (_, n) => `n${String(n).padStart(3, '0')}`);

test('of many nodes the only one that fits is found', () => {
  const snapshot = world(many);
  for (const name of many) if (name !== 'n123') snapshot.setNode(node(name, 'broken'));
  for (const lot of ['a', 'b', 'c']) {
    assert.deepEqual(schedule(pod('p'), snapshot, plugins, seeded(lot)), { node: 'n123' });
  }
  snapshot.setNode(node('n123', 'broken'));
  const placed = where(snapshot, 'p');
  assert('unschedulable' in placed && placed.unschedulable.startsWith('0/300 nodes are available: 300 node(s)'));
});

test('pods of one owner spread over many nodes, although not all of them are looked at for each', () => {
  const snapshot = world(many);
  const lot = seeded('lot');
  const taken = new Map<string, number>();
  for (let n = 0; n < many.length; n++) {
    const placed = schedule(pod(`p${n}`), snapshot, plugins, lot);
    assert('node' in placed);
    snapshot.setPod(pod(`p${n}`), placed.node);
    taken.set(placed.node, (taken.get(placed.node) ?? 0) + 1);
  }
  assert(taken.size > many.length * 0.8, `${taken.size} nodes of ${many.length} are used`);
  assert(Math.max(...taken.values()) <= 2);
});

test('a snapshot has its nodes in order, with what stands on each, whatever comes and goes', () => {
  const snapshot = world(['b', 'c']);
  const seen = () => snapshot.nodes.map(({ name, pods }) => `${name} ${[...pods.keys()].join(',')}`);
  assert.deepEqual(seen(), ['b ', 'c ']);
  snapshot.setPod(pod('early'), 'a');
  snapshot.setPod(pod('one'), 'c');
  assert.deepEqual(seen(), ['b ', 'c one']);
  snapshot.setNode(node('a'));
  assert.deepEqual(seen(), ['a early', 'b ', 'c one']);
  snapshot.dropNode('b');
  snapshot.dropPod('one');
  snapshot.setPod(pod('two'), 'a');
  assert.deepEqual(seen(), ['a early,two', 'c ']);
  snapshot.dropNode('a');
  snapshot.setNode(node('a'));
  snapshot.setPod(pod('early'), 'c');
  assert.deepEqual(seen(), ['a two', 'c early']);
});
