import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NetworkPolicy } from '../api/kinds/network-policy.ts';
import { type PolicyPod, policyTable } from './policy-table.ts';

const pod = (namespace: string, app: string, ip: string, more: Partial<PolicyPod> = {}): PolicyPod => ({
  namespace,
  labels: { app },
  ips: [ip],
  ports: [],
  here: true,
  ...more,
});
const policy = (name: string, spec: object, namespace = 'shop'): NetworkPolicy => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name, namespace, uid: name, resourceVersion: '1', creationTimestamp: '' },
  spec: spec as never,
});
const http = (port: number) => [{ name: 'http', protocol: 'TCP' as const, port }];
const world = {
  pods: [
    pod('shop', 'web', '10.0.0.1', { ports: http(8080) }),
    pod('shop', 'web', '10.0.0.2', { ports: http(9090) }),
    pod('shop', 'db', '10.0.0.3'),
    pod('tools', 'probe', '10.0.1.1', { ports: http(7070), here: false }),
    pod('tools', 'web', '10.0.1.2'),
  ],
  namespaces: new Map([
    ['shop', { team: 'a' }],
    ['tools', { team: 'b' }],
  ]),
};
const table = (...policies: readonly NetworkPolicy[]) => policyTable(policies, world);
const allowed = (spec: object, side: 'ingress' | 'egress' = 'ingress') =>
  table(policy('p', spec)).sides.find((one) => one.side === side)?.allows;
const peers = (...ips: readonly string[]) => ({ ips, blocks: [] });

test('policyTable shuts out everybody where a policy allows nothing', () => {
  assert.deepEqual(table(policy('deny', { podSelector: {}, policyTypes: ['Ingress', 'Egress'] })), {
    sides: [
      { id: 'shop/deny', side: 'ingress', allows: [] },
      { id: 'shop/deny', side: 'egress', allows: [] },
    ],
    pods: ['egress', 'ingress'].flatMap((side) =>
      ['10.0.0.1', '10.0.0.2', '10.0.0.3'].map((ip) => ({ ip, side, policies: ['shop/deny'] })),
    ),
    addresses: ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.1.2'],
  });
});

test('policyTable adds up the policies of a pod, and leaves pods of other nodes to them', () => {
  const both = table(
    policy('b', { podSelector: { matchLabels: { app: 'db' } }, policyTypes: ['Ingress'] }),
    policy('a', { podSelector: {}, policyTypes: ['Ingress'] }),
    policy('far', { podSelector: { matchLabels: { app: 'probe' } }, policyTypes: ['Ingress'] }, 'tools'),
  );
  assert.deepEqual(
    both.pods.map(({ ip, policies }) => [ip, policies.join(' ')]),
    [
      ['10.0.0.1', 'shop/a'],
      ['10.0.0.2', 'shop/a'],
      ['10.0.0.3', 'shop/a shop/b'],
    ],
  );
  assert.deepEqual(
    both.sides.map(({ id }) => id),
    ['shop/a', 'shop/b'],
  );
});

test('policyTable finds peers by pod, by namespace, by both and by block', () => {
  const from = (...given: readonly object[]) =>
    allowed({ podSelector: {}, policyTypes: ['Ingress'], ingress: [{ from: given }] });
  const web = { matchLabels: { app: 'web' } };
  const tools = { matchLabels: { team: 'b' } };
  assert.deepEqual(from({ podSelector: web }), [{ peers: peers('10.0.0.1', '10.0.0.2') }]);
  assert.deepEqual(from({ namespaceSelector: tools }), [{ peers: peers('10.0.1.1', '10.0.1.2') }]);
  assert.deepEqual(from({ namespaceSelector: tools, podSelector: web }), [{ peers: peers('10.0.1.2') }]);
  assert.deepEqual(from({ namespaceSelector: {} })?.[0]?.peers?.ips.length, 5);
  const block = { range: '172.17.0.0/16', except: ['172.17.1.0/24'] };
  assert.deepEqual(from({ ipBlock: { cidr: block.range, except: block.except } }, { podSelector: web }), [
    { peers: { ips: ['10.0.0.1', '10.0.0.2'], blocks: [block] } },
  ]);
  // An empty list is everybody, a selector that meets nobody is nobody.
  assert.deepEqual(from(), [{}]);
  assert.deepEqual(from({ podSelector: { matchLabels: { app: 'none' } } }), [{ peers: peers() }]);
});

test('policyTable knows ports by number, by range, by protocol alone, and says nothing where none is named', () => {
  const ports = (...given: readonly object[]) =>
    allowed({ podSelector: {}, policyTypes: ['Ingress'], ingress: [{ ports: given }] });
  assert.deepEqual(ports({ port: 80 }), [{ protocol: 'TCP', ports: { first: 80, last: 80 } }]);
  assert.deepEqual(ports({ port: 8000, endPort: 8100, protocol: 'UDP' }), [
    { protocol: 'UDP', ports: { first: 8000, last: 8100 } },
  ]);
  assert.deepEqual(ports({ protocol: 'SCTP' }), [{ protocol: 'SCTP' }]);
  assert.deepEqual(ports(), [{}]);
});

test('policyTable looks a name of a port up in whoever is spoken to', () => {
  const port = (first: number) => ({ protocol: 'TCP', ports: { first, last: first } });
  assert.deepEqual(allowed({ podSelector: {}, policyTypes: ['Ingress'], ingress: [{ ports: [{ port: 'http' }] }] }), [
    { pods: ['10.0.0.1'], ...port(8080) },
    { pods: ['10.0.0.2'], ...port(9090) },
  ]);
  const to = [{ namespaceSelector: { matchLabels: { team: 'b' } } }];
  const egress = { podSelector: {}, policyTypes: ['Egress'], egress: [{ to, ports: [{ port: 'http' }] }] };
  assert.deepEqual(allowed(egress, 'egress'), [{ peers: peers('10.0.1.1'), ...port(7070) }]);
  assert.deepEqual(
    allowed({ podSelector: {}, policyTypes: ['Ingress'], ingress: [{ ports: [{ port: 'none' }] }] }),
    [],
  );
});

test('policyTable takes an egress rule for the wish to be held to it where no types are said', () => {
  const sides = (spec: object) => table(policy('p', { podSelector: {}, ...spec })).sides.map(({ side }) => side);
  assert.deepEqual(sides({}), ['ingress']);
  assert.deepEqual(sides({ egress: [{}] }), ['ingress', 'egress']);
  assert.deepEqual(sides({ policyTypes: ['Egress'] }), ['egress']);
});
