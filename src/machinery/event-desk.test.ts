import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventDesk } from './event-desk.ts';

test('EventDesk has few written at once, in order, and goes on after one that failed', async () => {
  const desk = new EventDesk();
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const writes = Array.from({ length: 20 }, (_, n) =>
    desk.write(() => {
      begun.push(n);
      return new Promise<number>((resolve, reject) =>
        ends.push(() => (n === 3 ? reject(new Error('lost')) : resolve(n))),
      );
    }),
  );
  const settled = Promise.allSettled(writes);
  const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
  await turn();
  assert.deepEqual(begun, [0, 1, 2, 3, 4, 5, 6, 7]);
  ends[3]?.();
  ends[0]?.();
  await turn();
  assert.deepEqual(begun.slice(8), [8, 9]);
  for (let ended = 0; ended < 20; ended++) {
    ends[ended]?.();
    await turn();
  }
  assert.deepEqual(
    (await settled).map(({ status }) => status === 'fulfilled'),
    writes.map((_, n) => n !== 3),
  );
  assert.equal(await desk.write(async () => 'again'), 'again');
});

test('EventDesk refuses those that come when too many wait', async () => {
  const desk = new EventDesk();
  const never = () => new Promise<void>(() => {});
  for (let n = 0; n < 50_008; n++) void desk.write(never);
  await assert.rejects(desk.write(never), /50000 events wait/);
});
