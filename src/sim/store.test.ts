import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded } from '../base/random.ts';
import { never } from '../base/stop.ts';
import type { Change } from '../store/store.ts';
import { SimClock } from './clock.ts';
import { SimStore } from './store.ts';

const drained = () => new Promise((resolve) => setImmediate(resolve));

test('SimStore shows and answers a write once it is synced, not before', async () => {
  const clock = new SimClock();
  const store = new SimStore(clock, seeded('store'));
  store.syncMaxMs = 10;
  let answered = false;
  void store.commit('/a', 0, 1).then(() => {
    answered = true;
  });
  await drained();
  assert.deepEqual([answered, (await store.get('/a')).entry], [false, undefined]);
  while (clock.step(10));
  await drained();
  assert.deepEqual([answered, (await store.get('/a')).entry?.value], [true, 1]);
});

test('SimStore loses at a crash what was not synced, whole batches of it, and never what was answered', async () => {
  const kept = new Set<number>();
  for (let seed = 0; seed < 20; seed++) {
    const clock = new SimClock();
    const store = new SimStore(clock, seeded(`crash/${seed}`));
    const seen: Change[] = [];
    const take = (batch: readonly Change[]) => {
      seen.push(...batch);
      return 'more' as const;
    };
    store.watch('/', store.revision, { take, closed: () => {} }, never);
    await store.commit('/sure', 0, 'x');
    store.syncMaxMs = 10;
    void store.commit('/a', 0, 1);
    void store.commit('/b', 0, 2);
    await drained();
    void store.commit('/never', 0, 3);
    store.crash();
    store.syncMaxMs = 0;
    const { entries } = await store.list('/');
    assert.ok(entries.length === 1 || entries.length === 3, `${entries.length} entries`);
    kept.add(entries.length);
    assert.equal((await store.commit('/next', 0, 4)).ok, true);
    assert.deepEqual(
      seen.map(({ entry }) => entry.modified),
      seen.map((_, index) => index + 2),
    );
    while (clock.step(100));
  }
  assert.deepEqual([...kept].sort(), [1, 3]);
});
