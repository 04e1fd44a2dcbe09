import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock, Instant, Millis } from '../base/env.ts';
import { MemoryStore } from '../store/memory.ts';
import { listWhole } from './whole-list.ts';

const keyOf = (index: number) => `/maps/${String(index).padStart(5, '0')}`;

/** Calls those who wait when it is told to. */
function steppedClock() {
  const waiting: (() => void)[] = [];
  const clock: Clock = {
    now: () => 0 as Instant,
    monotonic: () => 0 as Millis,
    after: (_delay, fire) => {
      waiting.push(fire);
      return () => {};
    },
  };
  return { clock, waiting };
}

async function filled(count: number): Promise<MemoryStore> {
  const store = new MemoryStore();
  await Promise.all(Array.from({ length: count }, (_, index) => store.commit(keyOf(index), 0, { index })));
  return store;
}

/** Lists, and does something in each turn that it leaves to others. */
async function listedBeside(store: MemoryStore, other: (turn: number) => Promise<unknown>) {
  const { clock, waiting } = steppedClock();
  let isDone = false;
  const listing = listWhole(clock, store, '/maps/').finally(() => {
    isDone = true;
  });
  let turns = 0;
  while (!isDone) {
    await new Promise(setImmediate);
    const next = waiting.shift();
    if (!next) continue;
    await other(turns++);
    next();
  }
  return { listed: await listing, turns };
}

test('A long collection is taken a page a turn, all of it as it was at the first', async () => {
  const store = await filled(3_500);
  const before = await store.list('/maps/');
  const { listed, turns } = await listedBeside(store, async (turn) => {
    const [first] = (await store.list('/maps/', { after: keyOf(turn), limit: 1 })).entries;
    await store.commit(keyOf(3_400 + turn), (await store.get(keyOf(3_400 + turn))).entry?.modified ?? 0, { turn });
    await store.commit(first?.key ?? '', first?.modified ?? 0, undefined);
    await store.commit(`/maps/9${turn}`, 0, { turn });
  });
  assert.equal(turns, 3);
  assert.equal(listed.revision, before.revision);
  assert.equal(listed.remaining, 0);
  assert.deepEqual(listed.entries, before.entries);
});

test('What history has forgotten meanwhile is listed as it is then', async () => {
  const store = await filled(1_500);
  const { listed } = await listedBeside(store, async () => {
    const { entry } = await store.get(keyOf(3));
    await store.commit(keyOf(3), entry?.modified ?? 0, { changed: true });
    await store.compact(store.revision);
  });
  assert.equal(listed.revision, store.revision);
  assert.equal(listed.entries.length, 1_500);
  assert.deepEqual(listed.entries[3]?.value, { changed: true });
});

test('A short collection is taken at once', async () => {
  const { clock, waiting } = steppedClock();
  const { entries } = await listWhole(clock, await filled(1_000), '/maps/');
  assert.equal(entries.length, 1_000);
  assert.deepEqual(waiting, []);
});
