import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Store } from '../../store/store.ts';
import { fileName, openSqliteStore } from './sqlite.ts';

const stepBytes = 1024 * 1024;

async function withKeys(context: TestContext, count: number): Promise<{ store: Store; folder: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'mini-k8s-room-'));
  const store = openSqliteStore(folder);
  context.after(() => rmSync(folder, { recursive: true }));
  context.after(() => store.close());
  for (let index = 0; index < count; index++) await store.commit(`/${index}`, 0, 'value');
  return { store, folder };
}

const logOf = (folder: string): string => join(folder, `${fileName}-wal`);

test('The log is made longer in steps, and not by each commit', async (context) => {
  const { store, folder } = await withKeys(context, 20);
  const before = statSync(logOf(folder)).size;
  assert.ok(before > stepBytes && before < 2 * stepBytes);
  for (let index = 20; index < 120; index++) await store.commit(`/${index}`, 0, 'value');
  assert.equal(statSync(logOf(folder)).size, before);
});

test('It does not grow beyond what SQLite fills before it begins anew', async (context) => {
  const { store, folder } = await withKeys(context, 0);
  // Of 100 KB each, so that the log is full after 160 of them.
  const long = 'x'.repeat(100_000);
  for (let index = 0; index < 400; index++) await store.commit('/long', index === 0 ? 0 : store.revision, long);
  assert.ok(statSync(logOf(folder)).size < 20 * stepBytes);
});

test('A process that ends without a word leaves a log with room in it that reads as one without', async (context) => {
  const { folder } = await withKeys(context, 40);
  const left = mkdtempSync(join(tmpdir(), 'mini-k8s-room-'));
  context.after(() => rmSync(left, { recursive: true }));
  for (const name of [fileName, `${fileName}-wal`]) copyFileSync(join(folder, name), join(left, name));
  const again = openSqliteStore(left);
  context.after(() => again.close());
  assert.equal((await again.list('/')).entries.length, 40);
  for (let index = 40; index < 80; index++) await again.commit(`/${index}`, 0, 'value');
  assert.equal((await again.list('/')).entries.length, 80);
});
