import assert from 'node:assert/strict';
import { fdatasyncSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import type { Json } from '../../base/json.ts';
import { StoreClosed } from '../../store/store.ts';
import { fileName, openSqliteStore, type SqliteStoreOptions } from './sqlite.ts';

/** Letters of four bytes behind an odd number of others: some part would end in the middle of one. */
const longText = (name: string): string => `${name}${'x'.repeat(300_001)}${'𝛼'.repeat(200_000)}`;

interface Begun {
  readonly folder: string;
  open(options?: SqliteStoreOptions): ReturnType<typeof openSqliteStore>;
}

function begun(context: TestContext): Begun {
  const folder = mkdtempSync(join(tmpdir(), 'mini-k8s-parts-'));
  context.after(() => rmSync(folder, { recursive: true }));
  return { folder, open: (options) => openSqliteStore(folder, options) };
}

function inFile<T>(folder: string, ask: (database: DatabaseSync) => T): T {
  const database = new DatabaseSync(join(folder, fileName));
  try {
    return ask(database);
  } finally {
    database.close();
  }
}

const partsIn = (folder: string): number =>
  inFile(folder, (database) => Number(database.prepare('SELECT count(*) AS count FROM part').get()?.['count']));

test('A long value is written in many turns, others are committed between, and it is read again as it was', async (context) => {
  const { folder, open } = begun(context);
  const store = open();
  const value = { text: longText('a') };
  let isDone = false;
  const long = store.commit('/long', 0, value).then(() => (isDone = true));
  const turns: boolean[] = [];
  while (!isDone) {
    await store.commit(`/short/${turns.length}`, 0, turns.length);
    turns.push(isDone);
  }
  await long;
  assert(turns.filter((wasDone) => !wasDone).length >= 3, `${turns.length} short ones were committed`);
  await store.close();
  assert(partsIn(folder) >= 4);
  const again = open();
  assert.deepEqual((await again.get('/long')).entry?.value, value);
  await again.close();
});

test('Parts go with the last change that needed them, and when their commit is refused', async (context) => {
  const { folder, open } = begun(context);
  const store = open({ historyMax: 1 });
  let revision = 0;
  for (const name of ['a', 'b', 'c']) {
    const done = await store.commit('/long', revision, { text: longText(name) });
    assert(done.ok);
    revision = done.revision;
  }
  const refused = await store.commit('/long', 1, { text: longText('too late') });
  assert.equal(refused.ok, false);
  for (let n = 0; n < 10; n++) await store.commit(`/short/${n}`, 0, n);
  await store.close();
  const needed = partsIn(folder);
  const again = open({ historyMax: 1 });
  assert.deepEqual((await again.get('/long')).entry?.value, { text: longText('c') });
  const gone = await again.commit('/long', revision, undefined);
  assert(gone.ok);
  for (let n = 10; n < 20; n++) await again.commit(`/short/${n}`, 0, n);
  await again.close();
  assert.deepEqual([needed > 0, partsIn(folder)], [true, 0]);
});

test('What was written ahead by a process that ended goes when the file is opened', async (context) => {
  const { folder, open } = begun(context);
  await open().close();
  inFile(folder, (database) => database.exec("INSERT INTO part (place, text) VALUES (7, 'half')"));
  await open().close();
  assert.equal(partsIn(folder), 0);
});

test('A part that is missing is damage that is named', async (context) => {
  const { folder, open } = begun(context);
  const store = open();
  await store.commit('/long', 0, { text: longText('a') });
  await store.close();
  inFile(folder, (database) => database.exec('DELETE FROM part WHERE place = 2'));
  assert.throws(() => open(), /damaged: of \d+ parts of a value there are \d+/);
});

test('A long value whose sync fails is refused, and neither it nor its parts are there later', async (context) => {
  const { folder, open } = begun(context);
  let error: Error | undefined;
  const now = (descriptor: number) => {
    if (error) throw error;
    fdatasyncSync(descriptor);
  };
  const store = open({ syncCalls: { now, soon: (_descriptor, done) => done(error ?? null) } });
  error = new Error('the disk is broken');
  await assert.rejects(store.commit('/long', 0, { text: longText('a') }), /the disk is broken/);
  error = undefined;
  for (let n = 0; n < 5; n++) await store.commit(`/short/${n}`, 0, n);
  await store.close();
  assert.equal(partsIn(folder), 0);
  const again = open();
  assert.equal((await again.get('/long')).entry, undefined);
  assert.equal((await again.list('/short/')).entries.length, 5);
  await again.close();
});

test('A store that is closed while a long value is written ahead refuses it', async (context) => {
  const { folder, open } = begun(context);
  const store = open();
  const value: Json = { text: longText('a') };
  const commit = store.commit('/long', 0, value);
  const refused = assert.rejects(commit, StoreClosed);
  await store.close();
  await refused;
  const again = open();
  assert.equal((await again.get('/long')).entry, undefined);
  await again.close();
  assert.equal(partsIn(folder), 0);
});
