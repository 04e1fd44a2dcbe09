import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Service, type ServiceSpec, services } from '../api/kinds/service.ts';
import { Cache } from '../machinery/cache.ts';
import { LoadBalancerController } from './load-balancer.ts';
import { noClient, noEnv } from './plan.test-data.ts';

const balanced = (
  name: string,
  second: number,
  { port = 80, ip, ...more }: Partial<ServiceSpec> & { readonly port?: number; readonly ip?: string } = {},
): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: {
    name,
    namespace: 'default',
    uid: name,
    resourceVersion: '1',
    creationTimestamp: `2026-01-01T00:00:0${second}Z`,
  },
  spec: { type: 'LoadBalancer', ports: [{ port }], ...more },
  status: { loadBalancer: ip === undefined ? {} : { ingress: [{ ip }] } },
});

/** What is told to whom: an address, null where one is taken back, or the reason of an event. */
function planned(given: readonly Service[], pool?: string): unknown {
  const controller = new LoadBalancerController(new Cache(noEnv, noClient, services), pool);
  return controller
    .plan(given)
    .actions.flat()
    .map((action) => {
      if (action.verb === 'event') return [action.about.metadata.name, action.reason];
      if (action.verb !== 'patch') return action.verb;
      const { status } = action.patch as { status: { loadBalancer: { ingress: readonly { ip: string }[] | null } } };
      return [action.key.name, status.loadBalancer.ingress?.[0]?.ip ?? null];
    });
}

test('LoadBalancerController puts services on localhost, the older first where they want the same port', () => {
  assert.deepEqual(planned([balanced('late', 2), balanced('early', 1), balanced('other', 3, { port: 81 })]), [
    ['early', '127.0.0.1'],
    ['late', 'SyncLoadBalancerFailed'],
    ['other', '127.0.0.1'],
  ]);
  const udp = balanced('udp', 4, { ports: [{ port: 80, protocol: 'UDP' }] });
  assert.deepEqual(planned([balanced('tcp', 1, { ip: '127.0.0.1' }), udp]), [['udp', '127.0.0.1']]);
});

test('LoadBalancerController gives each service an address of the pool, and the one that it wants', () => {
  const pool = '192.0.2.8/30';
  const given = [
    balanced('a', 1, { ip: '192.0.2.8' }),
    balanced('b', 2),
    balanced('c', 3, { loadBalancerIP: '192.0.2.11' } as never),
    balanced('d', 4, { loadBalancerIP: '192.0.3.1' } as never),
  ];
  assert.deepEqual(planned(given, pool), [
    ['b', '192.0.2.9'],
    ['c', '192.0.2.11'],
    ['d', 'SyncLoadBalancerFailed'],
  ]);
  assert.deepEqual(planned([balanced('a', 1, { ip: '192.0.2.8' }), balanced('b', 2)], '192.0.2.8/32'), [
    ['b', 'SyncLoadBalancerFailed'],
  ]);
});

test('LoadBalancerController takes an address back that two have, and leaves those that others gave', () => {
  const pool = '192.0.2.8/31';
  const twice = [balanced('a', 1, { ip: '192.0.2.8' }), balanced('b', 2, { ip: '192.0.2.8' })];
  assert.deepEqual(planned(twice, pool), [['b', '192.0.2.9']]);
  assert.deepEqual(planned(twice, '192.0.2.8/32'), [
    ['b', null],
    ['b', 'SyncLoadBalancerFailed'],
  ]);
  assert.deepEqual(planned([balanced('a', 1, { ip: '203.0.113.1' })]), []);
});

test('LoadBalancerController changes nothing where all is told', () => {
  assert.deepEqual(planned([balanced('a', 1, { ip: '127.0.0.1' })]), []);
  assert.deepEqual(planned([balanced('six', 1, { ipFamilies: ['IPv6'] })]), [['six', 'SyncLoadBalancerFailed']]);
});

test('LoadBalancerController looks only at services of its own class', () => {
  const cache = new Cache(noEnv, noClient, services);
  const controller = new LoadBalancerController(cache);
  assert.deepEqual(controller.observe(), []);
  assert.equal(controller.sources().length, 1);
});
