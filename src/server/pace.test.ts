import assert from 'node:assert/strict';
import { test } from 'node:test';
import { builtInKinds } from '../api/kinds/all.ts';
import type { Method } from '../api/wire.ts';
import type { Clock } from '../base/env.ts';
import { seeded } from '../base/random.ts';
import type { Steps } from '../base/steps.ts';
import { SimClock } from '../sim/clock.ts';
import { simEnv } from '../sim/env.ts';
import { MemoryStore } from '../store/memory.ts';
import { adminRequest } from './admin-request.test-data.ts';
import { Pace } from './pace.ts';
import { ApiServer } from './server.ts';
import { sliceMs } from './slices.ts';

const maps = '/api/v1/namespaces/default/configmaps';

/** On this clock a slice is over after five looks; whoever gives way is called soon, and counted. */
function costlyClock() {
  const time = new SimClock();
  let looks = 0;
  let turns = 0;
  const clock: Clock = {
    now: () => time.now(),
    monotonic: () => (looks++ * sliceMs) / 5,
    after: (delay, fire) => {
      if (delay > 0) return time.after(delay, fire);
      turns++;
      void Promise.resolve().then(fire);
      return () => {};
    },
  };
  return { clock, turns: () => turns };
}

function* counted(steps: number): Steps<string> {
  for (let step = 0; step < steps; step++) yield 1;
  return 'done';
}

test('Work in steps lets others have a turn after each few of them, and tells that it was long', async () => {
  const { clock, turns } = costlyClock();
  const pace = new Pace(clock);
  assert.equal(pace.run(counted(0)), 'done');
  assert.equal(pace.isLong, false);
  assert.equal(await pace.run(counted(100)), 'done');
  assert.equal(pace.isLong, true);
  assert.ok(turns() >= 100 / 6, `${turns()} turns`);
});

test('Work in steps that fails after a rest fails for whoever waits for it', async () => {
  const pace = new Pace(costlyClock().clock);
  const failing = function* (): Steps<void> {
    yield* counted(50);
    throw new Error('found late');
  };
  await assert.rejects(Promise.resolve(pace.run(failing())), new Error('found late'));
});

test('A long object gives way in whatever way it is written, and a short one hardly ever', async () => {
  const { clock, turns } = costlyClock();
  const env = simEnv({ clock: clock as SimClock, random: seeded('pace') });
  const server = new ApiServer(env, new MemoryStore(), { kinds: builtInKinds, address: '127.0.0.1:6443' });
  await server.bootstrap({ ip: '127.0.0.1', port: 6443, clientAuthority: '' });
  const ask = async (method: Method, path: string, body: string, mediaType: string) => {
    const before = turns();
    const { status } = await server.handle(adminRequest(method, path, body, mediaType));
    return { status, turns: turns() - before };
  };
  await ask('POST', '/api/v1/namespaces', '{"metadata":{"name":"default"}}', 'application/json');
  const object = (name: string, count: number, value: string) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name },
    data: Object.fromEntries(Array.from({ length: count }, (_, n) => [`key-${n}`, `${value}-${n}`])),
  });
  const written = async (name: string, count: number) => {
    const json = (value: string) => JSON.stringify(object(name, count, value));
    const data = (value: string) => JSON.stringify({ data: object(name, count, value).data });
    const operations = Array.from({ length: count }, (_, n) => ({ op: 'add', path: `/data/key-${n}`, value: `p${n}` }));
    const own = `${maps}/${name}`;
    return [
      await ask('POST', maps, json('a'), 'application/json'),
      await ask('PUT', own, json('b'), 'application/json'),
      await ask('PATCH', own, data('c'), 'application/merge-patch+json'),
      await ask('PATCH', own, data('d'), 'application/strategic-merge-patch+json'),
      await ask('PATCH', own, JSON.stringify(operations), 'application/json-patch+json'),
      await ask('PATCH', `${own}?fieldManager=m&force=true`, json('e'), 'application/apply-patch+yaml'),
    ];
  };
  for (const { status, turns: taken } of await written('short', 5)) {
    assert.equal(Math.floor(status / 100), 2);
    // Each look at this clock takes its time: that alone is a rest now and then.
    assert.ok(taken <= 2, `a short one gave way ${taken} times`);
  }
  for (const [index, { status, turns: taken }] of (await written('long', 10_000)).entries()) {
    assert.equal(Math.floor(status / 100), 2);
    assert.ok(taken >= 20, `way ${index} gave way ${taken} times`);
  }
});
