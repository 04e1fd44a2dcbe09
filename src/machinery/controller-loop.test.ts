import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError } from '../api/error.ts';
import { builtInKinds } from '../api/kinds/all.ts';
import { type ConfigMap, configMaps } from '../api/kinds/config-map.ts';
import { type Key, keyOf } from '../api/object.ts';
import type { Transport } from '../api/wire.ts';
import { seeded } from '../base/random.ts';
import { StopSource } from '../base/stop.ts';
import { act } from '../client/action.ts';
import { Client } from '../client/client.ts';
import { ApiServer } from '../server/server.ts';
import { SimClock } from '../sim/clock.ts';
import { simEnv } from '../sim/env.ts';
import { MemoryStore } from '../store/memory.ts';
import { bootstrap } from './bootstrap.ts';
import { Cache } from './cache.ts';
import { type Controller, nothing, type Plan, type Refusal, source } from './controller.ts';
import { ControllerLoop } from './controller-loop.ts';
import { EventRecorder } from './events.ts';

const drain = () => new Promise<void>((resolve) => setImmediate(resolve));
const admin = { name: 'admin', groups: ['system:masters'], extra: {} };

/** For every ConfigMap `want-N`, N copies with random names: the more it looks at stale caches, the more it makes. */
class Copier
  implements Controller<{ readonly wanted: number; readonly copies: readonly ConfigMap[]; readonly of: string }>
{
  readonly name = 'copier';
  readonly refusals: string[] = [];
  readonly #cache: Cache<ConfigMap>;
  constructor(cache: Cache<ConfigMap>) {
    this.#cache = cache;
  }
  sources() {
    return [source(this.#cache, (map) => [{ ...keyOf(map), name: map.metadata.labels?.of ?? map.metadata.name }])];
  }
  observe(key: Key) {
    const wanted = /^want-(\d+)$/.exec(key.name)?.[1];
    if (!this.#cache.get(key) || wanted === undefined) return undefined;
    const copies = this.#cache.list().filter((map) => map.metadata.labels?.of === key.name);
    return { wanted: Number(wanted), copies, of: key.name };
  }
  plan({ wanted, copies, of }: { wanted: number; copies: readonly ConfigMap[]; of: string }): Plan {
    const object = { metadata: { generateName: 'copy-', namespace: 'default', labels: { of } } };
    const missing = Math.max(0, wanted - copies.length);
    return { actions: [Array.from({ length: missing }, () => act({ verb: 'create', kind: configMaps, object }))] };
  }
  refused(_observed: unknown, { error }: Refusal): Plan {
    this.refusals.push(error.message);
    return nothing;
  }
}

async function world(wrap: (transport: Transport) => Transport = (transport) => transport) {
  const clock = new SimClock();
  const env = simEnv({ clock, random: seeded('loop') });
  const server = new ApiServer(env, new MemoryStore(), { kinds: builtInKinds, address: '127.0.0.1:6443' });
  const direct = new Client(server.handle, admin);
  await bootstrap(direct, { serviceRange: '10.96.0.0/16', apiServiceIp: '10.96.0.1', port: 6443 });
  const client = new Client(wrap(server.handle), admin);
  const stop = new StopSource();
  const cache = new Cache(env, client, configMaps);
  const copier = new Copier(cache);
  const loop = new ControllerLoop(env, client, copier, { events: new EventRecorder(env, client, 'test') });
  const running = Promise.all([cache.run(stop), loop.run(stop)]);
  const copies = async () => (await direct.list(configMaps, { labels: 'of' })).items.length;
  return {
    clock,
    direct,
    copies,
    refusals: copier.refusals,
    end: async () => {
      stop.stop();
      await running;
    },
  };
}

test('ControllerLoop makes what is missing once, since it waits for its own writes', async () => {
  const { clock, direct, copies, end } = await world();
  await direct.send(
    act({ verb: 'create', kind: configMaps, object: { metadata: { name: 'want-20', namespace: 'default' } } }),
  );
  await clock.run(10_000, drain);
  assert.equal(await copies(), 20);
  await end();
});

test('ControllerLoop makes no duplicate when the answer to a create is lost', async () => {
  let losses = 0;
  const { clock, direct, copies, end } = await world((transport) => async (request) => {
    const response = await transport(request);
    if (request.method === 'POST' && losses++ % 3 === 0)
      throw new ApiError('ServiceUnavailable', 'the answer was lost');
    return response;
  });
  await direct.send(
    act({ verb: 'create', kind: configMaps, object: { metadata: { name: 'want-20', namespace: 'default' } } }),
  );
  await clock.run(60_000, drain);
  assert.ok(losses > 3);
  assert.equal(await copies(), 20);
  await end();
});

test('ControllerLoop heals what somebody else deletes', async () => {
  const { clock, direct, copies, end } = await world();
  await direct.send(
    act({ verb: 'create', kind: configMaps, object: { metadata: { name: 'want-3', namespace: 'default' } } }),
  );
  await clock.run(1_000, drain);
  const [first] = (await direct.list(configMaps, { labels: 'of' })).items;
  assert.ok(first);
  await direct.send({ verb: 'delete', kind: configMaps, key: keyOf(first) });
  await clock.run(1_000, drain);
  assert.equal(await copies(), 3);
  await end();
});

test('ControllerLoop tells the controller what was refused, and plans again until it is not', async () => {
  let full = true;
  const { clock, copies, direct, refusals, end } = await world((transport) => (request) => {
    const isRefused = full && request.method === 'POST';
    return isRefused ? Promise.reject(new ApiError('Forbidden', 'there is no room')) : transport(request);
  });
  await direct.send(
    act({ verb: 'create', kind: configMaps, object: { metadata: { name: 'want-2', namespace: 'default' } } }),
  );
  await clock.run(200, drain);
  assert.equal(await copies(), 0);
  assert.ok(refusals.length > 1);
  assert.deepEqual([...new Set(refusals)], ['there is no room']);
  full = false;
  await clock.run(60_000, drain);
  assert.equal(await copies(), 2);
  await end();
});

test('ControllerLoop leaves a key alone for a while whose look took long, and sees all that came meanwhile in one', async () => {
  const clock = new SimClock();
  let spent = 0;
  const slow = { now: () => clock.now(), after: clock.after.bind(clock), monotonic: () => clock.monotonic() + spent };
  const env = { ...simEnv({ clock, random: seeded('long') }), clock: slow };
  const server = new ApiServer(env, new MemoryStore(), { kinds: builtInKinds, address: '127.0.0.1:6443' });
  const client = new Client(server.handle, admin);
  await bootstrap(client, { serviceRange: '10.96.0.0/16', apiServiceIp: '10.96.0.1', port: 6443 });
  const cache = new Cache(env, client, configMaps);
  const seen: number[] = [];
  const counter: Controller<number> = {
    name: 'counter',
    sources: () => [source(cache, () => [{ namespace: '', name: 'all' }])],
    observe: () => cache.list('default').length,
    plan: (count) => {
      seen.push(count);
      spent += 20;
      return nothing;
    },
  };
  const stop = new StopSource();
  const loop = new ControllerLoop(env, client, counter, { events: new EventRecorder(env, client, 'test') });
  const running = Promise.all([cache.run(stop), loop.run(stop)]);
  for (let n = 0; n < 30; n++) {
    const object = { metadata: { name: `map-${n}`, namespace: 'default' } };
    await client.send(act({ verb: 'create', kind: configMaps, object }));
    await clock.run(4, drain);
  }
  await clock.run(1_000, drain);
  assert.equal(seen.at(-1), 30);
  // The maps come within 120 ms; a look and its rest take 80.
  assert.ok(seen.length <= 5, `${seen.length} looks`);
  stop.stop();
  await running;
});

test('ControllerLoop asks many questions a few at a time, and the others have their turn in between', async () => {
  const clock = new SimClock();
  const env = simEnv({ clock, random: seeded('questions') });
  const server = new ApiServer(env, new MemoryStore(), { kinds: builtInKinds, address: '127.0.0.1:6443' });
  const direct = new Client(server.handle, admin);
  await bootstrap(direct, { serviceRange: '10.96.0.0/16', apiServiceIp: '10.96.0.1', port: 6443 });
  await direct.send(
    act({ verb: 'create', kind: configMaps, object: { metadata: { name: 'a', namespace: 'default' } } }),
  );
  const cache = new Cache(env, direct, configMaps);
  const path = '/api/v1/namespaces/default/pods/gone';
  const counts: number[] = [];
  const curious: Controller<true> = {
    name: 'curious',
    sources: () => [source(cache, (map) => [keyOf(map)])],
    observe: () => true,
    wants: () => Array.from({ length: 1_000 }, () => ({ path })),
    plan: (_observed, _now, _random, answers = []) => {
      counts.push(answers.filter((answer) => 'error' in answer).length);
      return nothing;
    },
  };
  let asked = 0;
  const client = new Client((request) => {
    asked++;
    return server.handle(request);
  }, admin);
  const stop = new StopSource();
  const loop = new ControllerLoop(env, client, curious, { events: new EventRecorder(env, direct, 'test') });
  const running = Promise.all([cache.run(stop), loop.run(stop)]);
  let most = 0;
  while (counts.length === 0) {
    const before = asked;
    await drain();
    clock.step(clock.monotonic());
    most = Math.max(most, asked - before);
  }
  assert.deepEqual(counts, [1_000]);
  assert.ok(most <= 16, `${most} questions in one turn`);
  stop.stop();
  await running;
});
