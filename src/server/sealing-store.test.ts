import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded } from '../base/random.ts';
import { never } from '../base/stop.ts';
import { SimClock } from '../sim/clock.ts';
import { simEnv } from '../sim/env.ts';
import { MemoryStore } from '../store/memory.ts';
import { storeConformance } from '../store/store.conformance.ts';
import type { Change } from '../store/store.ts';
import { SealingStore } from './sealing-store.ts';

const { crypto } = simEnv({ clock: new SimClock(), random: seeded('sealing') });
const secret = { data: { password: 'aHVzaA==' } };
const key = '/core/secrets/default/a';

storeConformance(
  'SealingStore',
  () => ({ open: (limits) => new SealingStore(new MemoryStore(limits), crypto), dispose: () => {} }),
  { durable: false },
);

test('SealingStore shows secrets as they were written, and keeps nothing of them readable', async () => {
  const inner = new MemoryStore();
  const store = new SealingStore(inner, crypto);
  const seen: Change[] = [];
  const take = (batch: readonly Change[]) => {
    seen.push(...batch);
    return 'more' as const;
  };
  store.watch('/', store.revision, { take, closed: () => {} }, never);
  const made = await store.commit(key, 0, secret);
  assert.ok(made.ok);
  await store.commit('/core/configmaps/default/a', 0, { data: { plain: 'x' } });
  assert.deepEqual((await store.get(key)).entry?.value, secret);
  assert.deepEqual((await store.list('/core/')).entries.at(-1)?.value, secret);
  assert.deepEqual(seen[0]?.entry.value, secret);
  // The same entry again: what is cached by it stays cached.
  assert.equal((await store.get(key)).entry, (await store.get(key)).entry);
  const kept = JSON.stringify((await inner.list('/')).entries);
  assert.equal(kept.includes('aHVzaA=='), false);
  assert.equal(kept.includes('password'), false);
  assert.ok(kept.includes('plain'));
  const taken = await store.commit(key, 0, secret);
  assert.deepEqual(!taken.ok && taken.actual?.value, secret);
});

test('SealingStore reads what was written before anybody sealed', async () => {
  const inner = new MemoryStore();
  await inner.commit(key, 0, secret);
  assert.deepEqual((await new SealingStore(inner, crypto).get(key)).entry?.value, secret);
});

test('SealingStore says which secret it cannot open', async () => {
  const inner = new MemoryStore();
  await new SealingStore(inner, crypto).commit(key, 0, secret);
  const other = new SealingStore(inner, { ...crypto, open: () => new TextEncoder().encode('no json') });
  await assert.rejects(other.get(key), /\/core\/secrets\/default\/a cannot be opened/);
});
