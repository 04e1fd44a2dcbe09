import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type EndpointSlice, endpointSlices } from '../api/kinds/endpoint-slice.ts';
import type { WatchEvent } from '../api/wire.ts';
import { seeded } from '../base/random.ts';
import { StopSource } from '../base/stop.ts';
import { Client } from '../client/client.ts';
import { Cache } from '../machinery/cache.ts';
import { SimClock } from '../sim/clock.ts';
import { simEnv } from '../sim/env.ts';
import { Departure } from './departure.ts';

const sliceOf = (ready: boolean): EndpointSlice => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: {
    name: 'web-a',
    namespace: 'default',
    uid: 'u',
    resourceVersion: ready ? '1' : '2',
    creationTimestamp: '',
  },
  addressType: 'IPv4',
  endpoints: [{ addresses: ['10.244.0.2'], conditions: { ready }, targetRef: { kind: 'Pod', uid: 'pod' } }],
});

/** One slice that has the pod ready, a way to take it out, and what became of a wait. */
async function world() {
  const clock = new SimClock();
  const env = simEnv({ clock, random: seeded('departure') });
  let tell: (batch: readonly WatchEvent[]) => unknown = () => {};
  const client = new Client(async ({ query }) =>
    query.some(([key]) => key === 'watch')
      ? { status: 200, watch: { onBatch: (take) => void (tell = take as typeof tell), onEnd: () => {} }, mediaType: '' }
      : { status: 200, body: { object: { items: [sliceOf(true)], metadata: { resourceVersion: '1' } } as never } },
  );
  const slices = new Cache(env, client, endpointSlices);
  const departure = new Departure(clock, slices);
  const stop = new StopSource();
  const running = slices.run(stop);
  await settled();
  const pass = async (until: number) => {
    do await settled();
    while (clock.step(until));
  };
  const leave = () => tell([{ type: 'MODIFIED', object: sliceOf(false) } as unknown as WatchEvent]);
  const end = async () => {
    stop.stop();
    await running;
  };
  return { departure, pass, leave, end };
}
const settled = () => new Promise((resolve) => setImmediate(resolve));

test('Departure of a pod that no Service knows takes no time', async () => {
  const { departure, end } = await world();
  await departure.of('other');
  await end();
});

test('Departure waits until no slice has the pod ready, and a moment for the proxies', async () => {
  const { departure, pass, leave, end } = await world();
  let gone = 0;
  for (const _container of ['a', 'b']) void departure.of('pod').then(() => gone++);
  await pass(50);
  leave();
  await pass(149);
  assert.equal(gone, 0);
  await pass(150);
  assert.equal(gone, 2);
  await end();
});

test('Departure gives up on slices that nobody keeps', async () => {
  const { departure, pass, end } = await world();
  let gone = false;
  void departure.of('pod').then(() => {
    gone = true;
  });
  await pass(599);
  assert.equal(gone, false);
  await pass(600);
  assert.equal(gone, true);
  await end();
});
