import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TellingPace, type Turns } from './telling-pace.ts';

/** How long a store rests after it has told all watchers, in slices that took so long. */
function restAfter(...slicesMs: readonly number[]): number {
  let now = 0;
  let waited = 0;
  const runs: (() => void)[] = [];
  const turns: Turns = {
    now: () => now,
    last: (run) => void runs.push(run),
    next: (run) => void runs.push(run),
    after: (delay, run) => {
      waited += delay;
      runs.push(run);
    },
  };
  const pace = new TellingPace(turns);
  // What else it does is no telling.
  pace.schedule(() => {
    now += 1_000;
  });
  for (const ms of slicesMs) {
    pace.schedule(() => {
      now += ms;
    }, 'telling');
  }
  for (let run = runs.shift(); run; run = runs.shift()) run();
  pace.schedule(() => {}, 'told');
  return waited;
}

test('a store rests after it has kept many watchers busy, and never for long', () => {
  assert.equal(restAfter(10), 6);
  assert.equal(restAfter(10, 10, 5), 15);
  assert.equal(restAfter(400, 400), 60);
});

test('a store does not rest after it has told a few', () => {
  assert.equal(restAfter(1), 0);
  assert.equal(restAfter(), 0);
});

test('who commits alone is served in the same turn, and others have theirs before the next time', () => {
  const done: string[] = [];
  const inTurn: (() => void)[] = [];
  let nextTurn: (() => void)[] = [];
  const pace = new TellingPace({
    now: () => 0,
    last: (run) => void inTurn.push(run),
    next: (run) => void nextTurn.push(run),
    after: (_delay, run) => void nextTurn.push(run),
  });
  const turn = () => {
    const due = nextTurn;
    nextTurn = [];
    for (const run of due) run();
    for (let run = inTurn.shift(); run; run = inTurn.shift()) run();
  };
  pace.schedule(() => {
    done.push('first');
    // As a loop that commits one after the other does.
    pace.schedule(() => void done.push('second'), 'alone');
  }, 'alone');
  for (let run = inTurn.shift(); run; run = inTurn.shift()) run();
  assert.deepEqual(done, ['first']);
  turn();
  assert.deepEqual(done, ['first', 'second']);
  pace.schedule(() => void done.push('third'), 'alone');
  for (let run = inTurn.shift(); run; run = inTurn.shift()) run();
  assert.deepEqual(done, ['first', 'second', 'third']);
});
