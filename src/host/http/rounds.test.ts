import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { machineClock } from '../clock.ts';
import { Rounds } from './rounds.ts';

test('what is due is done in its order, a round in a turn, and what is added meanwhile gets its turn', async (context) => {
  const rounds = new Rounds(() => 0);
  context.after(() => rounds.close());
  const done: string[] = [];
  for (let number = 0; number < 40; number++) {
    rounds.ask(() => {
      done.push(`ask ${number}`);
      rounds.write(() => void done.push(`write ${number}`));
    });
  }
  assert.equal(done.length, 0);
  await turn();
  const names = (sort: string, from: number, to: number) =>
    Array.from({ length: to - from }, (_, index) => `${sort} ${from + index}`);
  assert.deepEqual(done, names('ask', 0, 32));
  await turn();
  await turn();
  const next = [...names('write', 0, 32), ...names('ask', 32, 40), ...names('write', 32, 40)];
  assert.deepEqual(done.slice(32), next);
  rounds.ask(() => void done.push('late'));
  await turn();
  assert.equal(done.at(-1), 'late');
});

test('who takes long ends the round', async (context) => {
  let now = 0;
  const rounds = new Rounds(() => now);
  context.after(() => rounds.close());
  const done: string[] = [];
  rounds.ask(() => {
    now += 6;
    done.push('long');
  });
  rounds.ask(() => void done.push('second'));
  await turn();
  assert.deepEqual(done, ['long']);
  await turn();
  assert.deepEqual(done, ['long', 'second']);
});

test('a client alone that sends ahead leaves others their turns', async (context) => {
  const rounds = new Rounds(() => performance.now());
  context.after(() => rounds.close());
  let answered = 0;
  const write = () => rounds.write(() => ++answered < 1_000 && ask());
  // No answer is there in the same breath.
  const ask = () => rounds.ask(() => queueMicrotask(write));
  ask();
  for (let turns = 0; turns < 20; turns++) await turn();
  assert.ok(answered < 100, `${answered} requests were answered in 20 turns`);
});

test('what is asked and answered at once comes before long work that has waited for its turn already', async (context) => {
  const rounds = new Rounds(() => 0);
  context.after(() => rounds.close());
  const done: string[] = [];
  const slice = () => {
    done.push('slice');
    if (done.length < 8) machineClock.after(0, slice);
  };
  machineClock.after(0, slice);
  await turn();
  // Two clients, so that neither is alone.
  for (const name of ['a', 'b']) {
    rounds.ask(() => {
      done.push(`ask ${name}`);
      queueMicrotask(() => rounds.write(() => void done.push(`write ${name}`)));
    });
  }
  await turn();
  await turn();
  assert.deepEqual(done.slice(0, 6), ['slice', 'ask a', 'ask b', 'write a', 'write b', 'slice']);
});
