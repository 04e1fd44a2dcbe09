import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Node, nodes as nodeKind } from '../api/kinds/node.ts';
import { type Pod, pods as podKind } from '../api/kinds/pod.ts';
import { replicaSets } from '../api/kinds/replica-set.ts';
import { Cache } from '../machinery/cache.ts';
import { born, noClient, noEnv, now, ownedBy, podOf } from './plan.test-data.ts';
import { moveOf, Rebalancer } from './rebalancer.ts';

const node = (name: string, more: { ready?: string; spec?: object } = {}): Node =>
  ({
    metadata: { name, uid: name, resourceVersion: '1', creationTimestamp: born },
    spec: more.spec ?? {},
    status: { conditions: [{ type: 'Ready', status: more.ready ?? 'True' }] },
  }) as unknown as Node;
const pods = (...on: readonly string[]): readonly Pod[] =>
  on.map((name, index) => podOf(`p${index}`, { node: name, owner: ownedBy(replicaSets, 'web') }));
const [a, b] = [node('a'), node('b')];

const cases: readonly {
  readonly name: string;
  readonly pods: readonly Pod[];
  readonly nodes: readonly Node[];
  readonly move?: readonly [pod: string, to: string];
}[] = [
  { name: 'two more on one node', pods: pods('a', 'a'), nodes: [a, b], move: ['p0', 'b'] },
  { name: 'one more on one node', pods: pods('a', 'a', 'b'), nodes: [a, b] },
  { name: 'the other node is silent', pods: pods('a', 'a'), nodes: [a, node('b', { ready: 'Unknown' })] },
  {
    name: 'the other node is cordoned',
    pods: pods('a', 'a'),
    nodes: [a, node('b', { spec: { unschedulable: true } })],
  },
  {
    name: 'the other node has a taint that the pods do not bear',
    pods: pods('a', 'a'),
    nodes: [a, node('b', { spec: { taints: [{ key: 'gpu', effect: 'NoSchedule' }] } })],
  },
  {
    name: 'of three the fullest gives to the emptiest',
    pods: pods('a', 'b', 'b', 'b'),
    nodes: [a, b, node('c')],
    move: ['p1', 'c'],
  },
  { name: 'no pods', pods: [], nodes: [a, b] },
];
for (const { name, pods: all, nodes, move } of cases) {
  test(`a pod ${move ? `moves to ${move[1]}` : 'stays'}: ${name}`, () => {
    const found = moveOf(all, nodes);
    assert.deepEqual(found && [found.pod.metadata.name, found.to], move);
  });
}

test('in a cluster that has just been looked at first nothing moves', () => {
  const rebalancer = new Rebalancer(new Cache(noEnv, noClient, podKind), new Cache(noEnv, noClient, nodeKind));
  assert.deepEqual(rebalancer.plan({ uid: 'web', pods: pods('a', 'a'), nodes: [a, b] }, now), { actions: [] });
});
