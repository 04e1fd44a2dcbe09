import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node } from '../api/kinds/node.ts';
import type { Pod } from '../api/kinds/pod.ts';
import { seeded } from '../base/random.ts';
import type { SchedulerPlugin } from './plugin.ts';
import { resources } from './plugins/resources.ts';
import { spreading } from './plugins/spreading.ts';
import { taints } from './plugins/taints.ts';
import { schedule } from './schedule.ts';
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
