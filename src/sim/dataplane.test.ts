import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type EndpointSlice, endpointSlices, serviceNameLabel } from '../api/kinds/endpoint-slice.ts';
import { type Service, services } from '../api/kinds/service.ts';
import type { ApiRequest, ApiResponse, WatchEvent, Watching } from '../api/wire.ts';
import type { Clock, Env, Instant } from '../base/env.ts';
import { seeded } from '../base/random.ts';
import { StopSource } from '../base/stop.ts';
import { Client } from '../client/client.ts';
import { Cache } from '../machinery/cache.ts';
import { ServiceProxy } from '../network/proxy.ts';
import { SimDataplane } from './dataplane.ts';

/** Time that stands still until it is told to go on. */
function handClock(): Clock & { advance(delay: number): void } {
  let now = 0;
  let timers: { at: number; fire: () => void }[] = [];
  return {
    now: () => now as Instant,
    monotonic: () => now,
    after(delay, fire) {
      const timer = { at: now + delay, fire };
      timers.push(timer);
      return () => {
        timers = timers.filter((one) => one !== timer);
      };
    },
    advance(delay) {
      now += delay;
      const due = timers.filter(({ at }) => at <= now);
      timers = timers.filter(({ at }) => at > now);
      for (const { fire } of due) fire();
    },
  };
}

const meta = (name: string, resourceVersion: string) => ({
  name,
  namespace: 'default',
  uid: name,
  resourceVersion,
  creationTimestamp: '',
});
const web: Service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: meta('web', '1'),
  spec: { type: 'ClusterIP', clusterIP: '10.96.0.10', ports: [{ port: 80 }] },
};
const slice = (resourceVersion: string, ...ips: readonly string[]): EndpointSlice => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { ...meta('web-a', resourceVersion), labels: { [serviceNameLabel]: 'web' } },
  addressType: 'IPv4',
  endpoints: ips.map((ip) => ({ addresses: [ip] })),
  ports: [{ name: '', port: 8080 }],
});

/** A server with two lists, whose watches are pushed by hand. */
function world() {
  const clock = handClock();
  const quiet = { debug() {}, info() {}, error() {} };
  const env = {
    clock,
    random: seeded('proxy'),
    log: quiet,
    metrics: { count() {}, gauge() {}, observe() {} },
  } as unknown as Env;
  const push = new Map<string, (batch: readonly WatchEvent[]) => unknown>();
  const client = new Client(async ({ path, query }: ApiRequest): Promise<ApiResponse> => {
    if (query.some(([name]) => name === 'watch')) {
      const watch = {
        onBatch: (take: (batch: readonly WatchEvent[]) => unknown) => void push.set(path, take),
        onEnd() {},
      };
      return { status: 200, watch: watch as unknown as Watching, mediaType: 'application/json' };
    }
    const items = path.endsWith('/services') ? [web] : [slice('2', '10.244.0.1')];
    return { status: 200, body: { object: { items, metadata: { resourceVersion: '5' } } as never } };
  });
  const caches = { services: new Cache(env, client, services), slices: new Cache(env, client, endpointSlices) };
  const dataplane = new SimDataplane(clock);
  const proxy = new ServiceProxy(env, { ...caches, dataplane });
  const stop = new StopSource();
  const send = (type: 'MODIFIED' | 'DELETED', object: Service | EndpointSlice) => {
    const path = object.kind === 'Service' ? '/api/v1/services' : '/apis/discovery.k8s.io/v1/endpointslices';
    push.get(path)?.([{ type, object }]);
  };
  return { clock, caches, dataplane, proxy, stop, send };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
}

test('ServiceProxy hands over nothing before both caches are complete, then one table for many changes', async () => {
  const { clock, caches, dataplane, proxy, stop, send } = world();
  void proxy.run(stop);
  void caches.services.run(stop);
  await settle();
  clock.advance(100);
  await settle();
  assert.equal(dataplane.replaced, 0);
  void caches.slices.run(stop);
  await settle();
  clock.advance(2);
  await settle();
  assert.equal(dataplane.replaced, 1);
  assert.deepEqual(dataplane.deliver({ to: '10.96.0.10', port: 80 }), { ip: '10.244.0.1', port: 8080 });

  send('MODIFIED', slice('6', '10.244.0.1', '10.244.0.2'));
  send('MODIFIED', slice('7', '10.244.0.2'));
  clock.advance(2);
  await settle();
  assert.equal(dataplane.replaced, 2);
  assert.deepEqual(dataplane.deliver({ to: '10.96.0.10', port: 80 }), { ip: '10.244.0.2', port: 8080 });

  send('MODIFIED', slice('8'));
  clock.advance(2);
  await settle();
  assert.equal(dataplane.deliver({ to: '10.96.0.10', port: 80 }), 'refused');

  send('DELETED', { ...web, metadata: meta('web', '9') });
  clock.advance(2);
  await settle();
  assert.deepEqual(dataplane.table, []);
  stop.stop();
});

test('SimDataplane takes turns, and keeps a client where the route says so until it was quiet for too long', async () => {
  const clock = handClock();
  const plane = new SimDataplane(clock);
  const backends = [
    { ip: 'a', port: 1 },
    { ip: 'b', port: 1 },
  ];
  const route = {
    namespace: 'default',
    name: 'web',
    portName: '',
    vip: 'v',
    port: 80,
    protocol: 'TCP' as const,
    backends,
  };
  await plane.replace([route, { ...route, vip: 'w', affinity: 1_000, nodePort: 30_080 }]);
  const met = (to: string, from: string) => (plane.deliver({ to, port: 80, from }) as { ip: string }).ip;
  assert.deepEqual([met('v', 'x'), met('v', 'x'), met('v', 'x')], ['a', 'b', 'a']);
  assert.deepEqual([met('w', 'x'), met('w', 'x'), met('w', 'y'), met('w', 'x')], ['a', 'a', 'b', 'a']);
  clock.advance(1_000);
  assert.equal(met('w', 'z'), 'a');
  assert.equal(met('w', 'x'), 'b');
  assert.deepEqual(plane.deliverToNode({ to: 'node', port: 30_080, from: 'x' }), { ip: 'b', port: 1 });
  assert.equal(plane.deliver({ to: 'nobody', port: 80 }), undefined);
});
