/** What a store costs: `node bench/store.ts [folder]`. The folder decides the disk that is measured. */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { never } from '../src/base/stop.ts';
import { fileName, openSqliteStore } from '../src/host/store/sqlite.ts';
import { MemoryStore } from '../src/store/memory.ts';
import type { Store } from '../src/store/store.ts';

/** About as large as a Pod with status and managedFields. */
const value = (n: number) => ({ n, labels: { app: `web-${n % 100}` }, text: 'x'.repeat(3000) });
const keysMax = 100_000;

await measure('memory', new MemoryStore());
const folder = mkdtempSync(join(process.argv[2] ?? tmpdir(), 'mini-k8s-bench-'));
try {
  await measure('sqlite', openSqliteStore(folder));
  const start = performance.now();
  const store = openSqliteStore(folder);
  report('sqlite', `open with ${keysMax} keys (${megabytes()} MB)`, performance.now() - start, 1);
  await store.close();
} finally {
  rmSync(folder, { recursive: true });
}

async function measure(name: string, store: Store): Promise<void> {
  await commits(name, store, 500, 1);
  await commits(name, store, 2000, 10);
  await commits(name, store, 10_000, 100);
  await commits(name, store, keysMax - 12_500, 1000);
  await reads(name, store);
  for (let n = 0; n < 5000; n++) {
    store.watch(`/pods/quiet-${n}/`, store.revision, { take: () => 'more', closed: () => {} }, never);
  }
  await commits(`${name}, 5000 watchers elsewhere`, store, 500, 1);
  await store.close();
}

async function commits(name: string, store: Store, count: number, atOnce: number): Promise<void> {
  const base = store.revision;
  let longest = 0;
  const start = performance.now();
  for (let n = 0; n < count; n += atOnce) {
    const turn = performance.now();
    const answers = Array.from({ length: atOnce }, (_, i) => store.commit(`/pods/${base + n + i}`, 0, value(n + i)));
    await Promise.all(answers);
    longest = Math.max(longest, performance.now() - turn);
  }
  const what = `commits, ${atOnce} in a turn (longest turn ${longest.toFixed(1)} ms)`;
  report(name, what, performance.now() - start, count);
}

async function reads(name: string, store: Store): Promise<void> {
  let start = performance.now();
  for (let n = 0; n < 1000; n++) await store.list('/pods/', { after: `/pods/${n * 90}`, limit: 500 });
  report(name, 'list pages of 500', performance.now() - start, 1000);
  const at = store.revision - 10_000;
  start = performance.now();
  for (let n = 0; n < 100; n++) await store.list('/pods/', { after: `/pods/${n * 90}`, limit: 500, at });
  report(name, 'list pages of 500, 10,000 revisions ago', performance.now() - start, 100);
}

function report(name: string, what: string, ms: number, count: number): void {
  const each = ((ms * 1000) / count).toFixed(1);
  console.log(
    `${name.padEnd(31)} ${what.padEnd(48)} ${each.padStart(10)} us each ${Math.round((count * 1000) / ms)}/s`,
  );
}

function megabytes(): number {
  return Math.round(statSync(join(folder, fileName)).size / 1e6);
}
