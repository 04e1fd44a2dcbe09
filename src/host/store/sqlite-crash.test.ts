import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { watched } from '../../store/store.conformance.ts';
import { openSqliteStore } from './sqlite.ts';

const rounds = 5;
const writers = 8;
/** A different place in the middle of its work each time. */
const acknowledgedBeforeKill = [1, 50, 400, 1500, 3000];

interface Acknowledged {
  readonly key: string;
  readonly revision: number;
  readonly value: string;
}

test('SqliteStore keeps every acknowledged write through a kill under concurrent writers', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'mini-k8s-crash-'));
  try {
    const acknowledged: Acknowledged[] = [];
    for (let round = 0; round < rounds; round++) {
      acknowledged.push(...(await writeUntilKilled(folder, acknowledgedBeforeKill[round] as number)));
      const store = openSqliteStore(folder);
      const changes = watched(store, '/', 1).log;
      assert.deepEqual(
        changes.map((change) => change.entry.modified),
        changes.map((_, index) => index + 2),
        'history has neither a gap nor a revision twice',
      );
      for (const { key, revision, value } of acknowledged) {
        const entry = changes[revision - 2]?.entry;
        assert.deepEqual([entry?.key, entry?.value], [key, value], `revision ${revision} was acknowledged`);
      }
      assert(store.revision >= (acknowledged.at(-1)?.revision ?? 0));
      const newest = new Map(changes.map((change) => [change.entry.key, change.entry]));
      assert.deepEqual(new Map((await store.list('/')).entries.map((entry) => [entry.key, entry])), newest);
      await store.close();
    }
    assert(acknowledged.length >= 4951, 'every round has written');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

async function writeUntilKilled(folder: string, count: number): Promise<readonly Acknowledged[]> {
  const parameters = JSON.stringify([import.meta.resolve('./sqlite.ts'), folder, writers]);
  const program = `(${writeForever.toString()})(...${parameters})`;
  const arguments_ = ['--no-warnings', '--input-type=module', '--eval', program];
  const child = spawn(process.execPath, arguments_, { stdio: ['ignore', 'pipe', 'inherit'] });
  const acknowledged: Acknowledged[] = [];
  for await (const line of createInterface(child.stdout)) {
    // A kill may cut the last line.
    if (line.endsWith('}')) acknowledged.push(JSON.parse(line) as Acknowledged);
    if (acknowledged.length === count) child.kill('SIGKILL');
  }
  return acknowledged;
}

/** Runs in the child, from its text: it can use nothing of this file. */
async function writeForever(module: string, folder: string, writers: number): Promise<void> {
  const { openSqliteStore } = (await import(module)) as typeof import('./sqlite.ts');
  const { writeSync } = await import('node:fs');
  const store = openSqliteStore(folder);
  const write = async (writer: number): Promise<never> => {
    for (let n = 0; ; n++) {
      const key = `/${(writer * 3 + n) % 17}`;
      const { entry } = await store.get(key);
      // Some are so long that they are written in parts.
      const value = `${writer}-${n}-${'x'.repeat(n % 150 === 75 ? 300_000 : n % 3000)}`;
      const answer = await store.commit(key, entry?.modified ?? 0, value);
      if (answer.ok) writeSync(1, `${JSON.stringify({ key, revision: answer.revision, value })}\n`);
    }
  };
  await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));
}
