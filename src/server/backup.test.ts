import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeText } from '../base/json.ts';
import { seeded } from '../base/random.ts';
import { SimClock } from '../sim/clock.ts';
import { simEnv } from '../sim/env.ts';
import { MemoryStore } from '../store/memory.ts';
import { backupLines, readBackup } from './backup.ts';

const env = simEnv({ clock: new SimClock(), random: seeded('backup') });
const { crypto } = env;

async function written(count: number): Promise<{ readonly store: MemoryStore; readonly lines: string[] }> {
  const store = new MemoryStore();
  for (let n = 0; n < count; n++) await store.commit(`/core/configmaps/default/${n}`, 0, { data: { n: `${n}\n` } });
  let text = '';
  for await (const bytes of backupLines(store, env)) {
    text += decodeText(bytes);
    // What is written while it is read does not come into it.
    await store.commit('/late', store.revision === 0 ? 0 : ((await store.get('/late')).entry?.modified ?? 0), {});
  }
  return { store, lines: text.trimEnd().split('\n') };
}

test('a backup holds the state at one revision, and reads back the same', async () => {
  const { store, lines } = await written(450);
  const { revision, entries } = readBackup(lines, crypto);
  assert.equal(revision, 451);
  assert.deepEqual(entries, (await store.list('/core/')).entries);
});

test('a backup of nothing is one too', async () => {
  const { lines } = await written(0);
  assert.deepEqual(readBackup(lines, crypto).entries, []);
});

test('a backup that is cut, changed or something else is refused with what is wrong', async () => {
  const { lines } = await written(3);
  const refused = (given: readonly string[], why: RegExp) => assert.throws(() => readBackup(given, crypto), why);
  refused(['{"kind":"Pod"}'], /line 1 does not begin a backup/);
  refused([], /line 1 is no JSON/);
  refused(lines.slice(0, -1), /ends too early, after 4 lines/);
  refused([...lines.slice(0, 2), ...lines.slice(3)], /has 2 objects and was written with 3/);
  refused(lines.with(2, (lines[2] as string).replace('"n":"', '"n":"9')), /the digest differs/);
  refused(lines.with(2, '{}'), /line 3 is no object/);
  refused(lines.with(2, '{'), /line 3 is no JSON/);
});
