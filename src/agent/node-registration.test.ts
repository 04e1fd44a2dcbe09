import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError } from '../api/error.ts';
import { seeded } from '../base/random.ts';
import { StopSource } from '../base/stop.ts';
import { Client } from '../client/client.ts';
import { SimClock } from '../sim/clock.ts';
import { simEnv } from '../sim/env.ts';
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
