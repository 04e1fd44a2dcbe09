import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runtimeConformance } from '../agent/runtime.conformance.ts';
import { sandboxOf } from '../agent/runtime.test-data.ts';
import type { ContainerSpec } from '../agent/runtime.ts';
import { type Clock, type Env, type Instant, sleep } from '../base/env.ts';
import { seeded } from '../base/random.ts';
import { SimClock } from './clock.ts';
import { simEnv } from './env.ts';
import { SimRuntime, type SimRuntimeOptions } from './runtime.ts';

const line = (text: string) => ({ image: 'any', command: [text] });

runtimeConformance(
  'sim',
  async () => {
    const env = hastyEnv('conformance');
    const succeedsAfter = (spec: ContainerSpec) => (spec.command[0] === 'succeeds' ? 50 : undefined);
    const runtime = new SimRuntime(env, { startDelayMs: 20, succeedsAfter });
    return { runtime, wait: (ms) => sleep(env.clock, ms), dispose: async () => {} };
  },
  {
    forever: line('forever'),
    succeeds: line('succeeds'),
    fails: line('fails'),
    says: line('says'),
    stubborn: line('stubborn'),
    serves: line('serves'),
    missing: line('missing'),
    hears: line('hears'),
    exec: { hello: ['hello'], fails: ['fails'] },
    invalidImage: 'not an image',
  },
  {
    exitCodes: 'commands are not looked at: only success, a drawn crash and a stop end a container',
    output: 'every container says one fixed line',
    hold: 'the clock of this suite runs on by itself: the same is shown below',
    stubborn: 'every container ends when it is asked to',
    connect: 'nothing listens inside: a connection is accepted and says nothing',
    missing: 'commands are not looked at, so none is missing',
    attach: 'containers hear and say nothing',
    exec: 'every command succeeds in silence',
    invalidImage: 'create does not look at the image; only images.ensure refuses a name with blanks',
  },
);

test('a simulated container crashes as often as its runtime was told, the same for the same seed', async () => {
  const first = await crashes('seed', { crashRatio: 0.5, crashWithinMs: 100 });
  assert.deepEqual(await crashes('seed', { crashRatio: 0.5, crashWithinMs: 100 }), first);
  assert.ok(first.length > 20 && first.length < 80, `${first.length} of 100 crashed`);
  assert.deepEqual(await crashes('seed', {}), []);
});

test('what nobody holds any more ends by itself, and nothing starts in its place until somebody does', async () => {
  const clock = new SimClock();
  const drain = () => new Promise<void>((resolve) => process.nextTick(resolve));
  const runtime = new SimRuntime(simEnv({ clock, random: seeded('hold') }));
  await runtime.openSandbox(sandboxOf('box'));
  const rest = { args: [], env: [], mounts: [], resources: {}, security: {}, tty: false, stdin: false };
  const start = async (id: string) => {
    await runtime.create({ id, sandbox: 'box', name: 'main', attempt: 0, ...line('x'), ...rest });
    void runtime.start(id);
    await clock.run(1, drain);
  };
  const states = () => runtime.seen().containers.map(({ state }) => state);
  await start('first');
  for (let n = 0; n < 3; n++) {
    await runtime.holdFor('box', 300);
    await clock.run(200, drain);
  }
  assert.deepEqual(states(), ['running']);
  await clock.run(101, drain);
  assert.deepEqual(states(), ['exited']);
  await start('late');
  assert.deepEqual(states(), ['exited', 'exited']);
  await runtime.holdFor('box', 60_000);
  await start('again');
  assert.deepEqual(states(), ['exited', 'exited', 'running']);
});

test('a simulated image without a name is refused', async () => {
  await assert.rejects(new SimRuntime(hastyEnv('x')).images.ensure('', 'Always', []), { reason: 'InvalidImageName' });
});

async function crashes(seed: string, options: SimRuntimeOptions): Promise<readonly string[]> {
  const env = hastyEnv(seed);
  const runtime = new SimRuntime(env, options);
  await runtime.openSandbox(sandboxOf('box'));
  const rest = { args: [], env: [], mounts: [], resources: {}, security: {}, tty: false, stdin: false };
  for (let n = 0; n < 100; n++) {
    await runtime.create({ id: `c${n}`, sandbox: 'box', name: 'main', attempt: 0, ...line('x'), ...rest });
    await runtime.start(`c${n}`);
  }
  await sleep(env.clock, 200);
  return (await runtime.list()).containers.filter((one) => one.exitCode === 1).map((one) => one.id);
}

/** A world whose clock runs on as soon as there is nothing else to do. */
function hastyEnv(seed: string): Env {
  const quiet = { debug() {}, info() {}, error() {} };
  const metrics = { count() {}, gauge() {}, observe() {} };
  return { clock: hastyClock(), random: seeded(seed), log: quiet, metrics } as unknown as Env;
}

function hastyClock(): Clock {
  let now = 1_000_000;
  const timers: { readonly at: number; readonly fire: () => void; cancelled: boolean }[] = [];
  const pump = () => {
    timers.sort((a, b) => a.at - b.at);
    const next = timers.shift();
    if (next === undefined) return;
    now = Math.max(now, next.at);
    if (!next.cancelled) next.fire();
  };
  return {
    now: () => now as Instant,
    monotonic: () => now,
    after: (delay, fire) => {
      const timer = { at: now + delay, fire, cancelled: false };
      timers.push(timer);
      void idle().then(pump);
      return () => {
        timer.cancelled = true;
      };
    },
  };
}

/** Enough turns that whatever can go on without time has gone on. */
async function idle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await undefined;
}
