import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node } from '../api/kinds/node.ts';
import { nodeRoutes } from './node-routes.ts';

const node = (name: string, podCIDR: string | undefined, ...addresses: readonly string[]): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, uid: name, resourceVersion: '1', creationTimestamp: '' },
  spec: podCIDR === undefined ? {} : { podCIDR },
  status: { addresses: addresses.map((address) => ({ type: 'InternalIP', address })) },
});

test('nodeRoutes lead to the pods of other machines, by their first address of IPv4', () => {
  const nodes = [
    node('c', '10.244.2.0/24', 'fd00::3', '192.0.2.3'),
    node('a', '10.244.0.0/24', '192.0.2.1'),
    node('b', '10.244.1.0/24', '192.0.2.2'),
  ];
  assert.deepEqual(nodeRoutes(nodes, 'a'), [
    { range: '10.244.1.0/24', via: '192.0.2.2' },
    { range: '10.244.2.0/24', via: '192.0.2.3' },
  ]);
});

test('nodeRoutes leave out nodes that are here, that have no pods or that have told no address', () => {
  const nodes = [
    node('a', '10.244.0.0/24', '192.0.2.1'),
    node('here', '10.244.1.0/24', '192.0.2.1'),
    node('loopback', '10.244.2.0/24', '127.0.0.1'),
    node('no-range', undefined, '192.0.2.4'),
    node('six', 'fd00:1::/64', '192.0.2.5'),
    node('silent', '10.244.3.0/24'),
  ];
  assert.deepEqual(nodeRoutes(nodes, 'a'), []);
});

test('nodeRoutes wait until this node has told its own address, by which its neighbours here are known', () => {
  const other = node('b', '10.244.1.0/24', '192.0.2.1');
  assert.deepEqual(nodeRoutes([other], 'a'), []);
  assert.deepEqual(nodeRoutes([node('a', '10.244.0.0/24'), other], 'a'), []);
});
