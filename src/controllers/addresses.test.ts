import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contains } from '../api/kinds/addresses.ts';
import { type IPAddress, ipAddresses } from '../api/kinds/ip-address.ts';
import { type Node, nodes } from '../api/kinds/node.ts';
import { type Service, services } from '../api/kinds/service.ts';
import { type ServiceCIDR, serviceCidrs } from '../api/kinds/service-cidr.ts';
import type { Env, Instant } from '../base/env.ts';
import { Client } from '../client/client.ts';
import { Cache } from '../machinery/cache.ts';
import type { Plan } from '../machinery/controller.ts';
import { admin, attackedServer } from '../sim/attacked-server.ts';
import { NodeIpamController } from './node-ipam.ts';
import { NodeTtlController } from './node-ttl.ts';
import { ServiceAddressController } from './service-addresses.ts';
import { ServiceCidrController } from './service-cidr.ts';

const now = Date.parse('2026-01-01T00:01:00Z') as Instant;
const unused = new Client(() => Promise.reject(new Error('a controller never calls')));
const addressCache = new Cache({} as Env, unused, ipAddresses);
const nodeCache = new Cache({} as Env, unused, nodes);
const meta = (name: string) => ({ name, uid: name, resourceVersion: '3', creationTimestamp: '2026-01-01T00:00:00Z' });
const guard = (uid: string) => ({ uid, resourceVersion: '3' });
const patches = ({ actions }: Plan) =>
  actions.flat().flatMap((action) => (action.verb === 'patch' ? [action.patch] : []));
const node = (name: string, annotations = {}): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { ...meta(name), annotations },
  spec: {},
});
const owned = (address: string, name: string): IPAddress => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'IPAddress',
  metadata: { ...meta(address), labels: { 'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io' } },
  spec: { parentRef: { group: '', resource: 'services', namespace: 'default', name } },
});

test('A range contains its addresses, of its own family only', () => {
  assert.ok(contains('10.96.0.0/16', '10.96.3.4'));
  assert.ok(contains('10.96.0.1/32', '10.96.0.1'));
  assert.ok(!contains('10.96.0.0/16', '10.97.0.1'));
  assert.ok(contains('2001:db8::/64', '2001:db8::7'));
  assert.ok(!contains('0.0.0.0/0', '2001:db8::7'));
});

test('ServiceAddressController keeps an object for each address of a Service', () => {
  const controller = new ServiceAddressController(new Cache({} as Env, unused, services), addressCache);
  const service: Service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { ...meta('web'), namespace: 'default' },
    spec: { clusterIP: '10.96.0.9' },
  };
  const address = '10.96.0.9';
  const plan = (of: Service | undefined, object: IPAddress | undefined) =>
    controller.plan({ address, service: of, object }).actions.flat();
  const [made] = plan(service, undefined);
  assert.deepEqual((made as unknown as { object: IPAddress }).object, {
    metadata: {
      name: address,
      labels: {
        'ipaddress.kubernetes.io/ip-family': 'IPv4',
        'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io',
      },
    },
    spec: { parentRef: { group: '', resource: 'services', namespace: 'default', name: 'web' } },
  });
  assert.deepEqual(plan(service, owned(address, 'web')), []);
  assert.deepEqual(
    plan(undefined, owned(address, 'web')).map(({ verb }) => verb),
    ['delete'],
  );
  assert.deepEqual(
    plan(service, owned(address, 'other')).map(({ verb }) => verb),
    ['delete'],
  );
});

test('ServiceCidrController says that a range is ready, and keeps it while an address of it is used', async () => {
  const controller = new ServiceCidrController(new Cache({} as Env, unused, serviceCidrs), addressCache);
  const finalizers = ['networking.k8s.io/service-cidr-finalizer'];
  const range = (more = {}): ServiceCIDR => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'ServiceCIDR',
    metadata: { ...meta('r'), ...more },
    spec: { cidrs: ['10.200.0.0/24'] },
  });
  const condition = (status: string, reason: string, message: string) => ({
    status: { conditions: [{ type: 'Ready', status, reason, message, lastTransitionTime: '2026-01-01T00:01:00Z' }] },
  });
  assert.deepEqual(patches(controller.plan({ range: range(), others: [], addresses: [] }, now)), [
    { metadata: { ...guard('r'), finalizers } },
    condition('True', '', 'Kubernetes Service CIDR is ready'),
  ]);
  const { ask } = await attackedServer();
  const path = '/apis/networking.k8s.io/v1/servicecidrs/kubernetes/status';
  const said = await ask(admin, `PATCH ${path}`, condition('True', '', 'Kubernetes Service CIDR is ready'));
  assert.equal(said.status, 200, 'the server takes a word without a reason');
  const leaving = range({ finalizers, deletionTimestamp: '2026-01-01T00:00:55Z' });
  const used = [owned('10.200.0.7', 'web')];
  assert.deepEqual(patches(controller.plan({ range: leaving, others: [], addresses: used }, now)), [
    condition(
      'False',
      'Terminating',
      'There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR',
    ),
  ]);
  const wider: ServiceCIDR = { ...range(), spec: { cidrs: ['10.200.0.0/16'] } };
  assert.deepEqual(controller.plan({ range: leaving, others: [wider], addresses: used }, now), {
    actions: [],
    again: 5_000,
  });
  const later = (now + 5_000) as Instant;
  assert.deepEqual(patches(controller.plan({ range: leaving, others: [], addresses: [] }, later)), [
    { metadata: { ...guard('r'), finalizers: null } },
  ]);
});

test('NodeIpamController gives each node the first part that is free, and says when there is none', () => {
  const controller = new NodeIpamController(nodeCache, '10.244.0.0/23');
  const given = (name: string, taken: readonly string[]) =>
    patches(controller.plan({ node: node(name), taken: new Set(taken) }));
  const part = (uid: string, range: string) => [{ metadata: guard(uid), spec: { podCIDR: range, podCIDRs: [range] } }];
  assert.deepEqual(given('a', []), part('a', '10.244.0.0/24'));
  assert.deepEqual(given('b', ['10.244.0.0/24']), part('b', '10.244.1.0/24'));
  const full = controller.plan({ node: node('c'), taken: new Set(['10.244.0.0/24', '10.244.1.0/24']) });
  assert.deepEqual(
    full.actions.flat().map((action) => action.verb === 'event' && action.message),
    ['Node c status is now: CIDRNotAvailable'],
  );
  assert.throws(() => new NodeIpamController(nodeCache, '10.244.0.0/25'));
});

test('NodeTtlController lets nodes keep what they have read the longer, the more of them there are', () => {
  const controller = new NodeTtlController(nodeCache);
  const key = 'node.alpha.kubernetes.io/ttl';
  const ttl = (size: number, annotations = {}) =>
    patches(controller.plan({ node: node('a', annotations), size })).map(
      (patch) => (patch as { metadata: { annotations: Record<string, string> } }).metadata.annotations[key],
    );
  assert.deepEqual(ttl(3), ['0']);
  assert.deepEqual(ttl(3, { [key]: '0' }), []);
  assert.deepEqual(ttl(101), ['15']);
  assert.deepEqual(ttl(95, { [key]: '15' }), []);
  assert.deepEqual(ttl(89), ['0']);
});
