import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommitPace } from './commit-pace.ts';

/** How long until the next batch, after one that took so long to tell. */
async function restAfter(
  pace: CommitPace,
  told: { readonly ms: number; readonly count: number; readonly disk?: number },
) {
  await new Promise<void>((resolve) => {
    pace.schedule(() => {
      const begun = performance.now();
      while (performance.now() - begun < told.ms) {
        // As if many watchers were told.
      }
      pace.wrote(told.disk ?? 0, told.count);
      resolve();
    });
  });
  await new Promise(setImmediate);
  const begun = performance.now();
  await new Promise<void>((resolve) => pace.schedule(resolve));
  return performance.now() - begun;
}

test('who commits together waits after a batch that kept many watchers busy', async () => {
  const rest = await restAfter(new CommitPace(), { ms: 10, count: 4 });
  assert.ok(rest >= 10, `rested ${rest} ms`);
});

test('who commits alone never waits, and a slow disk is no reason to', async () => {
  const setTimer = globalThis.setTimeout;
  let timers = 0;
  globalThis.setTimeout = ((run: () => void, ms: number) => {
    timers++;
    return setTimer(run, ms);
  }) as typeof setTimeout;
  try {
    await restAfter(new CommitPace(), { ms: 10, count: 1 });
    await restAfter(new CommitPace(), { ms: 10, count: 4, disk: 10 });
    await restAfter(new CommitPace(), { ms: 0, count: 4 });
  } finally {
    globalThis.setTimeout = setTimer;
  }
  assert.equal(timers, 0);
});
