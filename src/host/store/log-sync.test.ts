import assert from 'node:assert/strict';
import { fdatasync, fdatasyncSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Store, StoreFull } from '../../store/store.ts';
import type { SyncCalls } from './log-sync.ts';
import { openSqliteStore } from './sqlite.ts';

type Done = (error: Error | null) => void;

/** A disk whose syncs somebody has to let through, or that fails with this error. */
class HeldDisk implements SyncCalls {
  readonly held: { readonly descriptor: number; readonly done: Done }[] = [];
  error: Error | undefined;
  synced = 0;

  now(descriptor: number): void {
    if (this.error) throw this.error;
    fdatasyncSync(descriptor);
    this.synced++;
  }

  soon(descriptor: number, done: Done): void {
    this.held.push({ descriptor, done });
  }

  release(): void {
    for (const { descriptor, done } of this.held.splice(0)) {
      if (this.error) done(this.error);
      else fdatasync(descriptor, done);
      this.synced++;
    }
  }
}

async function begun(context: TestContext): Promise<{ disk: HeldDisk; store: Store; folder: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'mini-k8s-sync-'));
  const disk = new HeldDisk();
  const store = openSqliteStore(folder, { syncCalls: disk });
  context.after(() => rmSync(folder, { recursive: true }));
  context.after(() => store.close());
  return { disk, store, folder };
}

const nextTurns = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
};

async function keysAfterRestart(store: Store, folder: string): Promise<readonly string[]> {
  await store.close();
  const again = openSqliteStore(folder);
  const { entries } = await again.list('/');
  await again.close();
  return entries.map(({ key }) => key);
}

test('Several commits wait for one sync, and meanwhile the loop goes on', async (context) => {
  const { disk, store, folder } = await begun(context);
  const before = store.revision;
  let answered = 0;
  const commits = ['/a', '/b'].map((key) => store.commit(key, 0, key).then(() => answered++));
  await nextTurns();
  assert.deepEqual([disk.held.length, answered, store.revision], [1, 0, before]);
  // Nobody sees what is not durable, and what comes meanwhile has the next sync.
  assert.equal((await store.get('/a')).entry, undefined);
  commits.push(...['/c', '/d'].map((key) => store.commit(key, 0, key).then(() => answered++)));
  await nextTurns();
  assert.equal(disk.held.length, 1);
  disk.release();
  await Promise.all(commits.slice(0, 2));
  assert.deepEqual([answered, store.revision], [2, before + 2]);
  await nextTurns();
  disk.release();
  await Promise.all(commits);
  assert.deepEqual(await keysAfterRestart(store, folder), ['/a', '/b', '/c', '/d']);
});

test('One commit alone is synced at once', async (context) => {
  const { disk, store } = await begun(context);
  await store.commit('/a', 0, 1);
  assert.deepEqual([disk.synced, disk.held.length], [1, 0]);
});

test('What cannot be synced is refused, is never seen, and gives its revisions back', async (context) => {
  const { disk, store, folder } = await begun(context);
  await store.commit('/a', 0, 1);
  const before = store.revision;
  disk.error = new Error('input/output error');
  await assert.rejects(store.commit('/alone', 0, 1), /input\/output error/);
  const together = ['/b', '/c'].map((key) => assert.rejects(store.commit(key, 0, 1), /input\/output error/));
  await nextTurns();
  disk.release();
  await Promise.all(together);
  assert.equal(store.revision, before);
  disk.error = undefined;
  assert.deepEqual(await store.commit('/d', 0, 1).then((answer) => answer.ok && answer.revision), before + 1);
  assert.deepEqual(await keysAfterRestart(store, folder), ['/a', '/d']);
});

test('What was refused last is not there after an end either', async (context) => {
  const { disk, store, folder } = await begun(context);
  disk.error = Object.assign(new Error('no space left'), { code: 'ENOSPC' });
  await assert.rejects(store.commit('/a', 0, 1), StoreFull);
  disk.error = undefined;
  assert.deepEqual(await keysAfterRestart(store, folder), []);
});
