import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommitPace, type Turns } from './commit-pace.ts';

interface Batch {
  /** How long each slice of the telling took. */
  readonly slicesMs: readonly number[];
  readonly count: number;
  readonly diskMs?: number;
}

/** How long whoever committed waits for the answer after the last watcher was told. */
function restAfter({ slicesMs, count, diskMs = 0 }: Batch): number {
  let now = 0;
  let waited = 0;
  const runs: (() => void)[] = [];
  const turns: Turns = {
    now: () => now,
    next: (run) => void runs.push(run),
    after: (delay, run) => {
      waited += delay;
      runs.push(run);
    },
  };
  const pace = new CommitPace(turns);
  const tell = (index: number) => {
    now += slicesMs[index] as number;
    const isLast = index === slicesMs.length - 1;
    pace.schedule(() => (isLast ? undefined : tell(index + 1)), isLast);
  };
  pace.schedule(() => {
    now += diskMs;
    pace.wrote(count);
    tell(0);
  });
  for (let run = runs.shift(); run; run = runs.shift()) run();
  return waited;
}

test('who commits together waits for watchers that were kept busy, and never for long', () => {
  assert.equal(restAfter({ slicesMs: [10], count: 4 }), 6);
  assert.equal(restAfter({ slicesMs: [10, 10, 5], count: 4 }), 15);
  assert.equal(restAfter({ slicesMs: [400, 400], count: 4 }), 60);
});

test('who commits alone never waits, nor anybody where few watch or for a slow disk', () => {
  assert.equal(restAfter({ slicesMs: [10, 10], count: 1 }), 0);
  assert.equal(restAfter({ slicesMs: [1], count: 4 }), 0);
  assert.equal(restAfter({ slicesMs: [1], count: 4, diskMs: 20 }), 0);
});
