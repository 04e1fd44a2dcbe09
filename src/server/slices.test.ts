import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock, Instant, Millis } from '../base/env.ts';
import { mapInSlices } from './slices.ts';

/** A clock on which each look costs a millisecond; whoever waits is called at once, and counted. */
function costlyClock() {
  let now = 0;
  const turns: number[] = [];
  const clock: Clock = {
    now: () => now as Instant,
    monotonic: () => now++ as Millis,
    after: (_delay, fire) => {
      turns.push(now);
      fire();
      return () => {};
    },
  };
  return { clock, turns };
}

test('a long list is mapped in order, and others have a turn in between', async () => {
  const { clock, turns } = costlyClock();
  const items = Array.from({ length: 10_000 }, (_, index) => index);
  assert.deepEqual(
    await mapInSlices(clock, items, (item) => item * 2),
    items.map((item) => item * 2),
  );
  assert.ok(turns.length >= 10, `${turns.length} turns`);
});

test('a short list is mapped in one go', async () => {
  const { clock, turns } = costlyClock();
  assert.deepEqual(await mapInSlices(clock, [1, 2, 3], String), ['1', '2', '3']);
  assert.deepEqual(turns, []);
});
