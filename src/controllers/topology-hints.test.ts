import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Endpoint } from '../api/kinds/endpoint-slice.ts';
import type { Node } from '../api/kinds/node.ts';
import { shareOut, zoneShares } from './topology-hints.ts';

const node = (zone: string | undefined, cpu: string, more: { labels?: object; ready?: string } = {}): Node =>
  ({
    metadata: { name: 'n', labels: { ...(zone ? { 'topology.kubernetes.io/zone': zone } : {}), ...more.labels } },
    status: { allocatable: { cpu }, conditions: [{ type: 'Ready', status: more.ready ?? 'True' }] },
  }) as unknown as Node;
const endpoints = (...zones: readonly (string | undefined)[]): readonly Endpoint[] =>
  zones.map((zone, index) => ({
    addresses: [`10.0.0.${index}`],
    conditions: { ready: true, serving: true, terminating: false },
    ...(zone ? { zone } : {}),
  }));
const identity = ({ addresses }: Endpoint): string => addresses[0] as string;
const counts = (all: readonly Endpoint[], nodes: readonly Node[]): unknown => {
  const sharing = shareOut(all, zoneShares(nodes), identity);
  if ('why' in sharing) return sharing.why;
  const found: Record<string, number> = {};
  for (const zone of sharing.values()) found[zone] = (found[zone] ?? 0) + 1;
  return found;
};
const two = [node('a', '2'), node('b', '2')];
const three = [...two, node('c', '2')];
const unsafe =
  'Unable to allocate minimum required endpoints to each zone without exceeding overload threshold (4 endpoints, 3 zones)';

const cases: readonly {
  readonly name: string;
  readonly all: readonly Endpoint[];
  readonly nodes: readonly Node[];
  readonly want: unknown;
}[] = [
  {
    name: 'each zone serves itself where they are even',
    all: endpoints('a', 'b', 'c'),
    nodes: three,
    want: { a: 1, b: 1, c: 1 },
  },
  { name: 'one zone gives to another', all: endpoints('a', 'a', 'a', 'a'), nodes: two, want: { a: 2, b: 2 } },
  {
    name: 'more endpoints than zones that do not divide',
    all: endpoints('a', 'a', 'b', 'c'),
    nodes: three,
    want: unsafe,
  },
  {
    name: 'fewer endpoints than zones',
    all: endpoints('a', 'b'),
    nodes: three,
    want: 'Insufficient number of endpoints (2 endpoints, 3 zones)',
  },
  { name: 'one zone only', all: endpoints('a', 'a'), nodes: [node('a', '2')], want: 'Nodes only ready in one zone' },
  {
    name: 'a zone whose nodes are silent',
    all: endpoints('a', 'a'),
    nodes: [node('a', '2'), node('b', '2', { ready: 'Unknown' })],
    want: 'Nodes only ready in one zone',
  },
  {
    name: 'a node without a zone',
    all: endpoints('a', 'b'),
    nodes: [...two, node(undefined, '2')],
    want: 'Insufficient Node information: allocatable CPU or zone not specified on one or more nodes',
  },
  {
    name: 'an endpoint without a zone',
    all: endpoints('a', undefined),
    nodes: two,
    want: 'One or more endpoints do not have a zone specified',
  },
  {
    name: 'control planes do not count',
    all: endpoints('a', 'b'),
    nodes: [...two, node('c', '8', { labels: { 'node-role.kubernetes.io/control-plane': '' } })],
    want: { a: 1, b: 1 },
  },
  {
    name: 'a zone of twice the size gets twice as many',
    all: endpoints('a', 'a', 'b', 'c'),
    nodes: [node('a', '4'), node('b', '2'), node('c', '2')],
    want: { a: 2, b: 1, c: 1 },
  },
];
for (const { name, all, nodes, want } of cases) {
  test(`endpoints are shared out to zones: ${name}`, () => assert.deepEqual(counts(all, nodes), want));
}
