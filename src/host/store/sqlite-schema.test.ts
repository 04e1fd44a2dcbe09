import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { fileName, openSqliteStore } from './sqlite.ts';

/** A file as the first version left it: what was released is never changed, so it is written out here. */
function oldFile(context: TestContext): { readonly folder: string; readonly file: string } {
  const folder = mkdtempSync(join(tmpdir(), 'mini-k8s-schema-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, fileName);
  const database = new DatabaseSync(file);
  database.exec(`
    PRAGMA journal_mode = WAL;
    CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
    CREATE TABLE log (revision INTEGER PRIMARY KEY, key TEXT NOT NULL, created INTEGER NOT NULL, value TEXT) STRICT;
    INSERT INTO meta (name, value) VALUES ('schema', 1), ('compacted', 1);
    INSERT INTO log (revision, key, created, value) VALUES
      (2, '/a', 2, '{"n":1}'), (3, '/b', 3, '{"n":2}'), (4, '/a', 2, '{"n":3}'), (5, '/b', 3, NULL);
  `);
  database.close();
  return { folder, file };
}

const schemaOf = (file: string): unknown => {
  const database = new DatabaseSync(file, { readOnly: true });
  const row = database.prepare("SELECT value FROM meta WHERE name = 'schema'").get();
  database.close();
  return row?.['value'];
};

test('a file of the first version becomes one of the newest, with all that is in it', async (context) => {
  const { folder, file } = oldFile(context);
  for (const expected of [5, 6]) {
    const store = openSqliteStore(folder);
    const { entries, revision } = await store.list('/');
    assert.equal(revision, expected);
    assert.deepEqual(
      entries.filter(({ key }) => key < '/c'),
      [{ key: '/a', value: { n: 3 }, created: 2, modified: 4 }],
    );
    assert.deepEqual((await store.get('/b', 4)).entry?.value, { n: 2 }, 'its history is there');
    if (expected === 5) assert.ok((await store.commit('/long', 0, { text: 'x'.repeat(1_000_000) })).ok);
    await store.close();
  }
  assert.equal(schemaOf(file), 3);
});

test('a file that cannot be brought to the newest version stays as it was', (context) => {
  const { folder, file } = oldFile(context);
  const database = new DatabaseSync(file);
  database.exec('CREATE TABLE part (of TEXT) STRICT');
  database.close();
  assert.throws(() => openSqliteStore(folder), /part already exists/);
  assert.equal(schemaOf(file), 1);
});
