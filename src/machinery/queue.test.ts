import assert from 'node:assert/strict';
import { test } from 'node:test';
import { never, StopSource } from '../base/stop.ts';
import { SimClock } from '../sim/clock.ts';
import { WorkQueue } from './queue.ts';

const drain = () => new Promise<void>((resolve) => setImmediate(resolve));
const queueOn = () => {
  const clock = new SimClock();
  return { clock, queue: new WorkQueue(clock) };
};

test('WorkQueue gives out a key once, however often it was added', async () => {
  const { queue } = queueOn();
  queue.add('a');
  queue.add('a');
  queue.add('b');
  assert.equal(await queue.take(never), 'a');
  assert.equal(await queue.take(never), 'b');
  assert.equal(queue.size, 0);
});

test('WorkQueue runs a key again when it was added during work', async () => {
  const { queue } = queueOn();
  queue.add('a');
  assert.equal(await queue.take(never), 'a');
  queue.add('a');
  assert.equal(queue.size, 0, 'it is in work: nobody else may take it');
  queue.done('a');
  assert.equal(await queue.take(never), 'a');
});

test('WorkQueue wakes who waits, and ends the wait when stopped', async () => {
  const { queue } = queueOn();
  const stop = new StopSource();
  const first = queue.take(stop);
  const second = queue.take(stop);
  queue.add('a');
  assert.equal(await first, 'a');
  stop.stop();
  assert.equal(await second, undefined);
});

test('WorkQueue adds a key after a delay, the earlier of two', async () => {
  const { clock, queue } = queueOn();
  queue.addAfter('a', 1_000);
  queue.addAfter('a', 10);
  await clock.run(20, drain);
  assert.equal(queue.size, 1);
  assert.equal(await queue.take(never), 'a');
  queue.done('a');
  await clock.run(2_000, drain);
  assert.equal(queue.size, 0, 'the later time was given up');
});
