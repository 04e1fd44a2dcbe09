import assert from 'node:assert/strict';
import { test } from 'node:test';
import { never, StopSource } from './stop.ts';

test('StopSource tells its listeners once, in order, and a late one at once', () => {
  const told: string[] = [];
  const stop = new StopSource();
  const same = () => told.push('same');
  stop.onStop(() => told.push('first'));
  stop.onStop(same);
  stop.onStop(same);
  stop.onStop(() => told.push('forgotten'))();
  assert(!stop.stopped);
  stop.stop();
  stop.stop();
  stop.onStop(() => told.push('late'));
  assert(stop.stopped);
  assert.deepEqual(told, ['first', 'same', 'same', 'late']);
});

test('StopSource under a parent stops with it, and leaves nothing behind when it stops alone', () => {
  const parent = new StopSource();
  const child = StopSource.under(parent);
  const alone = StopSource.under(parent);
  alone.stop();
  assert(!parent.stopped && !child.stopped);
  parent.stop();
  assert(child.stopped);
  assert(StopSource.under(parent).stopped);
});

test('never is not stopped, and forgets its listeners', () => {
  never.onStop(() => assert.fail('told'))();
  assert(!never.stopped);
});
