import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statfsSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { watched } from '../../store/store.conformance.ts';
import type { Store } from '../../store/store.ts';
import { StoreFull } from '../../store/store.ts';
import { fileName, openSqliteStore } from './sqlite.ts';

const canMount = process.platform === 'linux' && process.getuid?.() === 0;

test('SqliteStore refuses a file in use, and says so', async () => {
  await inFolder(async (folder) => {
    const store = openSqliteStore(folder);
    assert.throws(() => openSqliteStore(folder, { lockTimeoutMs: 1 }), /in use by another process/);
    await store.close();
    await openSqliteStore(folder).close();
  });
});

test('SqliteStore refuses a damaged file, and says what to do', async () => {
  await inFolder(async (folder) => {
    const file = join(folder, fileName);
    writeFileSync(file, 'this is not a database, and long enough to be sure of it'.repeat(100));
    assert.throws(() => openSqliteStore(folder), /cannot use .* put a backup/);
  });
  await inFolder(async (folder) => {
    const store = openSqliteStore(folder);
    await Promise.all(Array.from({ length: 100 }, (_, n) => store.commit(`/${n}`, 0, 'x'.repeat(3000))));
    await store.close();
    truncateSync(join(folder, fileName), 100_000);
    assert.throws(() => openSqliteStore(folder), /cannot use .* put a backup/);
  });
});

test('SqliteStore refuses a file with a missing revision, and one of a newer version', async () => {
  await inFolder(async (folder) => {
    const store = openSqliteStore(folder);
    for (let n = 0; n < 3; n++) await store.commit(`/${n}`, 0, n);
    await store.close();
    edit(folder, 'DELETE FROM log WHERE revision = 3');
    assert.throws(() => openSqliteStore(folder), /revision 3 is missing.* put a backup/);
    edit(folder, "UPDATE meta SET value = 99 WHERE name = 'schema'");
    assert.throws(() => openSqliteStore(folder), /schema 99 .* start a newer version/);
  });
});

test('SqliteStore deletes what history no longer needs', async () => {
  await inFolder(async (folder) => {
    const store = openSqliteStore(folder, { historyMax: 10 });
    const first = await store.commit('/a', 0, 0);
    assert(first.ok);
    let { revision } = first;
    // Each is judged against the one before it, which is not on the disk yet.
    const next = (_: unknown, n: number) => store.commit('/a', revision++, n);
    for (let round = 0; round < 30; round++)
      for (const answer of await Promise.all(Array.from({ length: 100 }, next))) assert(answer.ok);
    await store.close();
    const database = new DatabaseSync(join(folder, fileName));
    assert.equal(database.prepare('SELECT count(*) AS count FROM log').get()?.['count'], 11);
    database.close();
  });
});

const why = canMount ? false : 'only root on Linux can mount a small disk';
test('SqliteStore on a full disk refuses writes, stays readable, and recovers', { skip: why }, async () => {
  await inFolder(async (folder) => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', folder]);
    try {
      await fillAndRecover(folder);
    } finally {
      execFileSync('umount', [folder]);
    }
  });
});

async function fillAndRecover(folder: string): Promise<void> {
  const ballast = join(folder, 'ballast');
  const free = statfsSync(folder);
  writeFileSync(ballast, Buffer.alloc(free.bavail * free.bsize - 4 * 1024 * 1024));
  const store = openSqliteStore(folder);
  const written = await writeUntilFull(store);
  assert(written.length > 100);
  const { log } = watched(store, '/', 1);
  assert.deepEqual(
    log.map((change) => change.entry.key),
    written,
  );
  assert.deepEqual(
    (await store.list('/')).entries.map((entry) => entry.key),
    [...written].sort(),
  );
  // Several in one turn: those judged against what failed fail with it.
  const revision = store.revision;
  const large = 'x'.repeat(1_000_000);
  const answers = await Promise.allSettled([
    store.commit('/large', 0, large),
    store.commit('/large', revision + 1, large),
    store.commit('/large', 0, large),
  ]);
  assert.deepEqual(
    answers.map((answer) => answer.status),
    ['rejected', 'rejected', 'rejected'],
  );
  assert.equal(store.revision, revision);
  rmSync(ballast);
  const answer = await store.commit('/after', 0, 'there is room');
  assert(answer.ok && answer.revision === revision + 1);
  await store.close();
  const again = openSqliteStore(folder);
  assert.deepEqual(
    (await again.list('/')).entries.map((entry) => entry.key),
    [...written, '/after'].sort(),
  );
  await again.close();
}

async function writeUntilFull(store: Store): Promise<readonly string[]> {
  const written: string[] = [];
  for (;;) {
    const key = `/${written.length}`;
    try {
      await store.commit(key, 0, 'x'.repeat(10_000));
      written.push(key);
    } catch (error) {
      assert(error instanceof StoreFull, String(error));
      assert.match(error.message, /no room left in .* bytes free/);
      return written;
    }
  }
}

function edit(folder: string, sql: string): void {
  const database = new DatabaseSync(join(folder, fileName));
  database.exec(sql);
  database.close();
}

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'mini-k8s-failure-'));
  try {
    await run(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
