import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { builtInKinds } from '../api/kinds/all.ts';
import type { Instant, Millis } from '../base/env.ts';
import { answerOf, type Question } from '../server/judge.ts';
import { JudgeThread } from './judge-thread.ts';

const context = { now: 0 as Instant, subresource: '' };
const podOf = (containers: readonly object[]): Question => ({
  apiVersion: 'v1',
  kind: 'Pod',
  next: JSON.stringify({ metadata: { name: 'x' }, spec: { containers } }),
  context,
});
const containers = (count: number) =>
  Array.from({ length: count }, (_, n) => ({ name: `c${n}`, image: 'x', ports: [{ containerPort: 1 }] }));
const long = podOf(containers(5_000));

test('A long object is judged as it is judged here, and others have their turns meanwhile', async () => {
  const judge = new JudgeThread();
  let isJudged = false;
  const judged = Promise.all([judge.answer('errors', long), judge.answer('warnings', long)]).finally(() => {
    isJudged = true;
  });
  let turns = 0;
  while (!isJudged) {
    await turn();
    turns++;
  }
  const [errors, warnings] = await judged;
  assert.deepEqual(errors, answerOf('errors', long, builtInKinds));
  assert.deepEqual(warnings, answerOf('warnings', long, builtInKinds));
  assert.ok(errors.length > 0 && warnings.length > 0);
  assert.ok(turns > 10, `${turns} turns`);
  judge.close();
});

test('What takes too long is refused, and whoever comes next has another thread', async () => {
  const judge = new JudgeThread({ idleMs: 10_000 as Millis, answerMs: 1 as Millis });
  for (const result of await Promise.allSettled([judge.answer('errors', long), judge.answer('warnings', long)])) {
    assert.match(String(result.status === 'rejected' && result.reason), /could not be judged in time/);
  }
  judge.close();
});

test('Whoever still waits when the server closes is told so', async () => {
  const judge = new JudgeThread();
  const waiting = [judge.answer('errors', long), judge.answer('errors', long)];
  judge.close();
  for (const result of await Promise.allSettled(waiting)) {
    assert.match(String(result.status === 'rejected' && result.reason), /shutting down/);
  }
});

test('A kind that has no rules has nothing to say', async () => {
  const judge = new JudgeThread({ idleMs: 1 as Millis, answerMs: 20_000 as Millis });
  assert.deepEqual(await judge.answer('errors', { ...long, kind: 'Nothing' }), []);
  // The thread has gone, and there is another.
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(await judge.answer('warnings', { ...long, kind: 'Nothing' }), []);
  judge.close();
});
