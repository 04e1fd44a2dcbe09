import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommitPace, type Turns } from './commit-pace.ts';

interface Batch {
  readonly tookMs: number;
  readonly count: number;
  readonly diskMs?: number;
}

/** When the batch after this one is written, counted from the end of this one. */
function restAfter({ tookMs, count, diskMs = 0 }: Batch): number {
  let now = 0;
  const turns: Turns = {
    now: () => now,
    next: (run) => run(),
    after: (delay, run) => {
      now += delay;
      run();
    },
  };
  const pace = new CommitPace(turns);
  pace.schedule(() => {
    now += tookMs + diskMs;
    pace.wrote(diskMs, count);
  });
  const ended = now;
  let begun = Number.NaN;
  pace.schedule(() => {
    begun = now;
  });
  return begun - ended;
}

test('who commits together waits after a batch that kept many watchers busy, and never for long', () => {
  assert.equal(restAfter({ tookMs: 10, count: 4 }), 15);
  assert.equal(restAfter({ tookMs: 100, count: 4 }), 25);
});

test('who commits alone never waits, nor anybody where few watch or for a slow disk', () => {
  assert.equal(restAfter({ tookMs: 10, count: 1 }), 0);
  assert.equal(restAfter({ tookMs: 1, count: 4 }), 0);
  assert.equal(restAfter({ tookMs: 1, count: 4, diskMs: 20 }), 0);
});
