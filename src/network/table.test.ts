import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Endpoint, type EndpointSlice, serviceNameLabel } from '../api/kinds/endpoint-slice.ts';
import type { Service, ServiceSpec } from '../api/kinds/service.ts';
import type { TableOptions } from './endpoint-choice.ts';
import { routingTable } from './table.ts';

const meta = (name: string) => ({ name, namespace: 'default', uid: name, resourceVersion: '1', creationTimestamp: '' });
const service = (name: string, spec: ServiceSpec): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: meta(name),
  spec: { type: 'ClusterIP', clusterIP: '10.96.0.10', ports: [{ port: 80 }], ...spec },
});
const slice = (
  name: string,
  endpoints: readonly Endpoint[],
  ports: EndpointSlice['ports'] = [{ name: '', port: 8080 }],
): EndpointSlice => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { ...meta(name), labels: { [serviceNameLabel]: 'web' } },
  addressType: 'IPv4',
  endpoints,
  ports,
});
const at = (ip: string, conditions = {}, nodeName = 'node-1'): Endpoint => ({ addresses: [ip], conditions, nodeName });
const ips = (spec: ServiceSpec, endpoints: readonly Endpoint[], node?: string) =>
  routingTable([service('web', spec)], [slice('web-a', endpoints)], node ? { node } : {})[0]?.backends.map(
    ({ ip }) => ip,
  );

test('routingTable has a route per port and address, with the backends of all slices merged', () => {
  const web = service('web', {
    type: 'NodePort',
    ports: [
      { name: 'http', port: 80, nodePort: 30080 },
      { name: 'dns', port: 53, protocol: 'UDP', nodePort: 30053 },
    ],
    externalIPs: ['198.51.100.7'],
    sessionAffinity: 'ClientIP',
  });
  const http = [{ name: 'http', port: 8080, protocol: 'TCP' }];
  const both = [...http, { name: 'dns', port: 5353, protocol: 'UDP' }];
  const slices = [slice('b', [at('10.244.0.3')], http), slice('a', [at('10.244.0.2'), at('10.244.0.3')], both)];
  const common = { namespace: 'default', name: 'web', affinity: 10_800_000 };
  const two = (port: number) => [
    { ip: '10.244.0.2', port },
    { ip: '10.244.0.3', port },
  ];
  const tcp = { ...common, portName: 'http', port: 80, protocol: 'TCP' as const, backends: two(8080) };
  const udp = { ...common, portName: 'dns', port: 53, protocol: 'UDP' as const, backends: two(5353) };
  const expected = [
    { ...tcp, scope: 'cluster', vip: '10.96.0.10' },
    { ...tcp, scope: 'external', vip: '198.51.100.7' },
    { ...tcp, scope: 'node', vip: '0.0.0.0', port: 30080 },
    { ...udp, scope: 'cluster', vip: '10.96.0.10' },
    { ...udp, scope: 'external', vip: '198.51.100.7' },
    { ...udp, scope: 'node', vip: '0.0.0.0', port: 30053 },
  ];
  assert.deepEqual(routingTable([web], slices), expected);
  assert.deepEqual(routingTable([web], slices.toReversed()), expected);
});

test('routingTable leaves out headless services and external names, and keeps a service without backends', () => {
  const services = [
    service('web', { clusterIP: 'None', clusterIPs: ['None'] }),
    service('other', { type: 'ExternalName', externalName: 'example.com', clusterIP: '' }),
    service('lonely', {}),
  ];
  const table = routingTable(services, [slice('web-a', [at('10.244.0.2')])]);
  assert.deepEqual(
    table.map(({ name, backends }) => [name, backends]),
    [['lonely', []]],
  );
});

test('routingTable prefers ready endpoints, then those that serve while they end', () => {
  const ready = at('10.0.0.1', { ready: true });
  const notReady = at('10.0.0.2', { ready: false, serving: false });
  const leaving = at('10.0.0.3', { ready: false, serving: true, terminating: true });
  const dying = at('10.0.0.4', { ready: false, serving: false, terminating: true });
  assert.deepEqual(ips({}, [dying, leaving, notReady, ready]), ['10.0.0.1']);
  assert.deepEqual(ips({}, [dying, leaving, notReady]), ['10.0.0.3']);
  assert.deepEqual(ips({}, [dying, notReady]), []);
  assert.deepEqual(ips({ publishNotReadyAddresses: true }, [notReady]), ['10.0.0.2']);
});

test('routingTable of a node keeps local traffic on that node', () => {
  const spread = [at('10.0.0.1', {}, 'node-1'), at('10.0.0.2', {}, 'node-2')];
  assert.deepEqual(ips({ internalTrafficPolicy: 'Local' }, spread, 'node-2'), ['10.0.0.2']);
  assert.deepEqual(ips({ internalTrafficPolicy: 'Cluster' }, spread, 'node-2'), ['10.0.0.1', '10.0.0.2']);
});

test('routingTable knows the addresses that a load balancer gave, unless it wants to be asked itself', () => {
  const ingress = [{ ip: '203.0.113.5' }, { ip: '203.0.113.6', ipMode: 'Proxy' }];
  const web: Service = { ...service('web', { type: 'LoadBalancer' }), status: { loadBalancer: { ingress } } };
  assert.deepEqual(
    routingTable([web], []).map(({ vip }) => vip),
    ['10.96.0.10', '203.0.113.5'],
  );
});

const two = [at('10.0.0.1', {}, 'node-1'), at('10.0.0.2', {}, 'node-2')];
const routesFor = (spec: ServiceSpec, endpoints: readonly Endpoint[], options: TableOptions) =>
  routingTable([service('web', spec)], [slice('web-a', endpoints)], options).map(
    ({ scope, backends, outside, elsewhere }) => [
      scope,
      backends.map(({ ip }) => ip).join(' '),
      outside?.map(({ ip }) => ip).join(' '),
      elsewhere,
    ],
  );

test('routingTable gives clients from outside only pods of this node where the policy is Local', () => {
  const spec: ServiceSpec = {
    type: 'LoadBalancer',
    externalIPs: ['198.51.100.7'],
    externalTrafficPolicy: 'Local',
    ports: [{ port: 80, nodePort: 30080 }],
  };
  assert.deepEqual(routesFor(spec, two, { node: 'node-2' }), [
    ['cluster', '10.0.0.1 10.0.0.2', undefined, undefined],
    ['external', '10.0.0.1 10.0.0.2', '10.0.0.2', undefined],
    ['node', '10.0.0.1 10.0.0.2', '10.0.0.2', undefined],
  ]);
  // Somebody answers elsewhere: silence, so that whoever balances asks there. Nobody anywhere: a refusal.
  assert.deepEqual(routesFor(spec, two, { node: 'node-3' })[1], ['external', '10.0.0.1 10.0.0.2', '', true]);
  assert.deepEqual(routesFor(spec, [], { node: 'node-3' })[1], ['external', '', '', undefined]);
});

test('routingTable says that others answer where the policy inside leaves nobody', () => {
  const spec: ServiceSpec = { internalTrafficPolicy: 'Local' };
  assert.deepEqual(routesFor(spec, two, { node: 'node-3' }), [['cluster', '', undefined, true]]);
  assert.deepEqual(routesFor(spec, [], { node: 'node-3' }), [['cluster', '', undefined, undefined]]);
});

test('routingTable follows hints for the node, then for the zone, only when all ready endpoints have them', () => {
  const hinted = (ip: string, node: string, zone: string): Endpoint => ({
    ...at(ip, { ready: true }, node),
    hints: { forNodes: [{ name: node }], forZones: [{ name: zone }] },
  });
  const endpoints = [hinted('10.0.0.1', 'n1', 'a'), hinted('10.0.0.2', 'n2', 'a'), hinted('10.0.0.3', 'n3', 'b')];
  const chosen = (list: readonly Endpoint[], options: TableOptions) => routesFor({}, list, options)[0]?.[1];
  assert.equal(chosen(endpoints, { node: 'n1', zone: 'a' }), '10.0.0.1');
  assert.equal(chosen(endpoints, { node: 'n9', zone: 'a' }), '10.0.0.1 10.0.0.2');
  assert.equal(chosen(endpoints, { node: 'n9', zone: 'c' }), '10.0.0.1 10.0.0.2 10.0.0.3');
  assert.equal(chosen(endpoints, { node: 'n9' }), '10.0.0.1 10.0.0.2 10.0.0.3');
  const fresh = at('10.0.0.4', { ready: true }, 'n1');
  assert.equal(chosen([...endpoints.slice(0, 1), fresh], { node: 'n1', zone: 'a' }), '10.0.0.1 10.0.0.4');
  // Who is not ready has no say in it.
  assert.equal(chosen([...endpoints, at('10.0.0.5', { ready: false, serving: false })], { node: 'n1' }), '10.0.0.1');
});

test('routingTable gives each family its own backends', () => {
  const web = service('web', {
    clusterIP: '10.96.0.10',
    clusterIPs: ['10.96.0.10', 'fd00::10'],
    ports: [{ port: 80, nodePort: 30080 }],
  });
  const six: EndpointSlice = { ...slice('six', [at('fd00::2')]), addressType: 'IPv6' };
  assert.deepEqual(
    routingTable([web], [slice('four', [at('10.0.0.2')]), six]).map(({ vip, backends }) => [vip, backends[0]?.ip]),
    [
      ['10.96.0.10', '10.0.0.2'],
      ['fd00::10', 'fd00::2'],
      ['0.0.0.0', '10.0.0.2'],
      ['::', 'fd00::2'],
    ],
  );
});

test('routingTable lets only clients of the ranges of a load balancer in, where it gave the address', () => {
  const ranges = { loadBalancerSourceRanges: ['203.0.113.0/24', '10.0.0.0/8', 'fd00::/8'] };
  const status = { loadBalancer: { ingress: [{ ip: '203.0.113.5' }] } };
  const web: Service = { ...service('web', { type: 'LoadBalancer', ...ranges }), status };
  assert.deepEqual(
    routingTable([web], []).map(({ scope, sources }) => [scope, sources]),
    [
      ['cluster', undefined],
      ['balancer', ['10.0.0.0/8', '203.0.113.0/24']],
    ],
  );
});
