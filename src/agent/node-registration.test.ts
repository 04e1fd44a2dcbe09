import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError } from '../api/error.ts';
import { builtInKinds } from '../api/kinds/all.ts';
import { namespaces } from '../api/kinds/namespace.ts';
import { type Node, nodes } from '../api/kinds/node.ts';
import { seeded } from '../base/random.ts';
import { StopSource } from '../base/stop.ts';
import { Client } from '../client/client.ts';
import { ApiServer } from '../server/server.ts';
import { SimClock } from '../sim/clock.ts';
import { simEnv } from '../sim/env.ts';
import { MemoryStore } from '../store/memory.ts';
import { NodeRegistration } from './node-registration.ts';

const drain = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Counts who waits for the end. */
class CountedStop extends StopSource {
  waiting = 0;

  override onStop(run: () => void): () => void {
    const forget = super.onStop(run);
    let isForgotten = false;
    this.waiting++;
    return () => {
      if (!isForgotten) this.waiting--;
      isForgotten = true;
      forget();
    };
  }
}

for (const [what, answers] of [
  ['are answered', true],
  ['are never answered', false],
] as const) {
  test(`the signs of life of a node leave nothing behind where they ${what}`, async () => {
    const clock = new SimClock();
    const env = simEnv({ clock, random: seeded('node') });
    let pings = 0;
    const client = new Client(async ({ path }) => {
      if (!path.endsWith('/link')) throw new ApiError('ServiceUnavailable', 'only links are served here');
      pings++;
      return answers ? { status: 200, body: { object: {} } } : new Promise(() => {});
    });
    const stop = new CountedStop();
    const node = new NodeRegistration(env, client, { name: 'n', capacity: {}, addresses: [] });
    const running = node.run(stop);
    await clock.run(10_000, drain);
    const before = stop.waiting;
    await clock.run(600_000, drain);
    assert(pings >= 600, `${pings} signs of life`);
    assert(stop.waiting <= before + 1, `${before} waited at first, and then ${stop.waiting}`);
    stop.stop();
    await clock.run(1_000, drain);
    await running;
  });
}

test('what a node runs short of is told after what was told before, and again where it was not heard', async () => {
  const clock = new SimClock();
  const env = simEnv({ clock, random: seeded('node') });
  const server = new ApiServer(env, new MemoryStore(), { kinds: builtInKinds, address: '127.0.0.1:6443' });
  const caller = { name: 'admin', groups: ['system:masters'], extra: {} };
  // The first status is on its way for long.
  const delays = [500];
  let isDown = false;
  const client = new Client(async (request) => {
    const delay = request.path.endsWith('/status') ? (delays.shift() ?? 1) : 1;
    await new Promise<void>((resolve) => clock.after(delay, resolve));
    if (isDown) throw new ApiError('ServiceUnavailable', 'not now');
    return server.handle({ ...request, caller });
  });
  const after = async <T>(ms: number, work: Promise<T>): Promise<T> => {
    await clock.run(ms, drain);
    return work;
  };
  await after(10, client.send({ verb: 'create', kind: namespaces, object: { metadata: { name: 'kube-node-lease' } } }));
  const stop = new StopSource();
  const node = new NodeRegistration(env, client, { name: 'n', capacity: {}, addresses: [] });
  const running = node.run(stop);
  const short = async () => {
    const { status } = await after(10, client.get<Node>(nodes, { namespace: '', name: 'n' }));
    const told = status?.conditions?.filter((condition) => condition.status === 'True' && condition.type !== 'Ready');
    return told?.map(({ type }) => type);
  };
  await clock.run(100, drain);
  await after(1_000, node.press(new Set(['MemoryPressure'])));
  assert.deepEqual(await short(), ['MemoryPressure']);
  await after(100, node.press(new Set()));
  assert.deepEqual(await short(), []);
  isDown = true;
  await after(100, assert.rejects(node.press(new Set(['DiskPressure'])), ApiError));
  isDown = false;
  await after(100, node.press(new Set(['DiskPressure'])));
  assert.deepEqual(await short(), ['DiskPressure']);
  stop.stop();
  await after(1_000, running);
});
