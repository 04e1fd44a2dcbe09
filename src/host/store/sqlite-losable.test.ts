import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import type { Losable } from '../../store/journaled.ts';
import { watched } from '../../store/store.conformance.ts';
import type { Change, Store } from '../../store/store.ts';
import { fileName, openSqliteStore } from './sqlite.ts';
import { lentMax } from './sqlite-load.ts';

const losable: Losable = { prefix: '/leases/', allows: ({ previous }) => previous !== undefined };

test('SqliteStore shows what may be lost at once, in order, and keeps it when it is closed', async () => {
  await inFolders(async ([folder]) => {
    const store = openSqliteStore(folder, { losable });
    const start = store.revision;
    const { log } = watched(store, '/', start);
    await put(store, '/leases/a', 1);
    await put(store, '/leases/a', 2);
    await put(store, '/pods/a', 3);
    await put(store, '/leases/a', 4);
    assert.deepEqual(told(log), [
      ['/leases/a', 1, start + 1],
      ['/leases/a', 2, start + 2],
      ['/pods/a', 3, start + 3],
      ['/leases/a', 4, start + 4],
    ]);
    assert.equal(loggedRows(folder), undefined, 'the file is in use');
    await store.close();
    const again = openSqliteStore(folder, { losable });
    assert.deepEqual(watched(again, '/', start).log, log);
    assert.equal(again.revision, start + 4);
    await again.close();
  });
});

test('SqliteStore writes what may be lost with what may not, or when there is too much of it', async () => {
  await inFolders(async ([folder, copy]) => {
    const store = openSqliteStore(folder, { losable });
    await put(store, '/leases/a', 0);
    for (let n = 1; n <= 5; n++) await put(store, '/leases/a', n);
    cpSync(folder, copy, { recursive: true });
    assert.equal(loggedRows(copy), 1);
    await put(store, '/pods/a', 0);
    cpSync(folder, copy, { recursive: true });
    assert.equal(loggedRows(copy), 7);
    for (let n = 0; n <= lentMax; n++) await put(store, '/leases/a', n);
    cpSync(folder, copy, { recursive: true });
    assert.equal(loggedRows(copy), 8 + lentMax);
    await store.close();
  });
});

test('SqliteStore that ended without a word never gives out a revision again, and says anew what may have been lost', async () => {
  await inFolders(async ([folder, copy]) => {
    const store = openSqliteStore(folder, { losable });
    await put(store, '/pods/a', 'kept');
    await put(store, '/leases/a', 'kept');
    const durable = store.revision;
    await put(store, '/leases/a', 'lost');
    const seen = store.revision;
    cpSync(folder, copy, { recursive: true });
    await store.close();

    const again = openSqliteStore(copy, { losable });
    assert.ok(again.revision > durable + lentMax, 'whatever was given out lies behind');
    const { log } = watched(again, '/', seen);
    assert.deepEqual(told(log), [['/leases/a', 'kept', again.revision]], 'who saw what was lost comes to see what is');
    assert.deepEqual(
      told(watched(again, '/', 1).log).map(([, value]) => value),
      ['kept', 'kept', 'kept'],
    );
    assert.equal((await again.get('/leases/a')).entry?.modified, again.revision);
    assert.equal((await again.list('/', { at: seen })).entries[0]?.modified, durable);
    const next = await put(again, '/pods/b', 1);
    assert.equal(next, again.revision);
    await again.close();
    const third = openSqliteStore(copy, { losable });
    assert.equal(third.revision, next, 'an end with a word leaves nothing out');
    assert.deepEqual(told(watched(third, '/', 1).log).length, 4);
    await third.close();
  });
});

test('SqliteStore may end without a word again and again, with and without anything said between', async () => {
  await inFolders(async ([folder, copy]) => {
    let from = folder;
    let newest = 1;
    for (let round = 0; round < 4; round++) {
      const to = `${copy}-${round}`;
      const store = openSqliteStore(from, round % 2 ? {} : { losable });
      assert.ok(store.revision >= newest);
      const { log } = watched(store, '/', 1);
      const revisions = log.map(({ entry }) => entry.modified);
      assert.deepEqual(
        revisions,
        [...new Set(revisions)].sort((a, b) => a - b),
      );
      if (round === 0) await put(store, '/leases/a', round);
      if (round % 2 === 0) newest = await put(store, '/leases/a', round);
      cpSync(from, to, { recursive: true });
      await store.close();
      from = to;
    }
    for (let round = 0; round < 4; round++) rmSync(`${copy}-${round}`, { recursive: true });
  });
});

async function put(store: Store, key: string, value: string | number): Promise<number> {
  const { entry } = await store.get(key);
  const done = await store.commit(key, entry?.modified ?? 0, value);
  assert.ok(done.ok);
  return done.revision;
}

const told = (log: readonly Change[]) => log.map(({ entry }) => [entry.key, entry.value, entry.modified]);

/** Undefined where somebody has the file. */
function loggedRows(folder: string): number | undefined {
  const database = new DatabaseSync(join(folder, fileName), { timeout: 1 });
  try {
    return Number(database.prepare('SELECT count(*) AS count FROM log').get()?.['count']);
  } catch {
    return undefined;
  } finally {
    database.close();
  }
}

async function inFolders(run: (folders: readonly [string, string]) => Promise<void>): Promise<void> {
  const parent = mkdtempSync(join(tmpdir(), 'mini-k8s-losable-'));
  try {
    await run([join(parent, 'one'), join(parent, 'other')]);
  } finally {
    rmSync(parent, { recursive: true });
  }
}
