/**
 * SQLite on the main thread beside SQLite in a thread of its own, and beside what we do, which is the first with the
 * syncs elsewhere: `node bench/sqlite-thread.ts`. For decision 10. The thread takes everything that was queued while
 * the last sync ran as one batch. A poor disk is pretended by a pause after each sync, wherever that is.
 */
import { fdatasync, fdatasyncSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { LogRoom } from '../src/host/store/log-room.ts';
import { LogSync, type SyncCalls } from '../src/host/store/log-sync.ts';
import { StoreCore } from '../src/store/core.ts';
import { defaultHistoryLimits } from '../src/store/history.ts';
import { type Journal, JournaledStore } from '../src/store/journaled.ts';
import type { Change } from '../src/store/store.ts';

type Row = readonly [revision: number, key: string, created: number, value: string | null];

type Where = 'main' | 'thread' | 'ours';

const secondsEach = 4;
const fileName = 'bench.sqlite';
const value = { labels: { app: 'web' }, text: 'x'.repeat(3000) };

async function main(): Promise<void> {
  console.log('sync pause  where   clients  commits/s  p50 ms  p99 ms  loop p99 ms  loop max ms');
  for (const pauseMs of [0, 10]) {
    for (const clients of [1, 64]) {
      for (const where of ['main', 'thread', 'ours'] as const) await measure(where, clients, pauseMs);
    }
  }
}

async function measure(where: Where, clients: number, pauseMs: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'mini-k8s-bench-'));
  const journal = journals[where](folder, pauseMs);
  const store = new JournaledStore(new StoreCore(defaultHistoryLimits), journal, (run) => setImmediate(run));
  const times: number[] = [];
  const until = performance.now() + secondsEach * 1000;
  const lags = watchLoop(until);
  const client = async (number: number) => {
    for (let n = 0; performance.now() < until; n++) {
      const begun = performance.now();
      await store.commit(`/pods/${number}-${n}`, 0, value);
      times.push(performance.now() - begun);
      // What a server does between two writes of one client: nothing that waits, but a turn of the loop.
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, number) => client(number)));
  await store.close();
  rmSync(folder, { recursive: true });
  const loop = await lags;
  const figures = [times.length / secondsEach, at(times, 0.5), at(times, 0.99), at(loop, 0.99), Math.max(...loop)].map(
    (figure, index) => (index === 0 ? figure.toFixed(0) : figure.toFixed(2)).padStart(10),
  );
  console.log(
    `${String(pauseMs).padStart(7)} ms  ${where.padEnd(7)} ${String(clients).padStart(6)} ${figures.join(' ')}`,
  );
}

/** How late a timer of one millisecond is: what a heartbeat would have waited. */
async function watchLoop(until: number): Promise<readonly number[]> {
  const late: number[] = [];
  while (performance.now() < until) {
    const asked = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 1));
    late.push(performance.now() - asked - 1);
  }
  return late;
}

const at = (figures: readonly number[], share: number): number =>
  figures.toSorted((a, b) => a - b)[Math.floor(figures.length * share)] ?? Number.NaN;

const rowOf = ({ type, entry }: Change): Row => [
  entry.modified,
  entry.key,
  entry.created,
  type === 'put' ? JSON.stringify(entry.value) : null,
];

function mainJournal(folder: string, pauseMs: number): Journal {
  const { write, close } = writer(folder, pauseMs);
  return { write: (batch) => write(batch.map(rowOf)), forget: () => {}, close };
}

function threadJournal(folder: string, pauseMs: number): Journal {
  const worker = new Worker(new URL(import.meta.url), { workerData: { folder, pauseMs } });
  let done = () => {};
  worker.on('message', () => done());
  return {
    write: (batch) =>
      new Promise((resolve) => {
        done = resolve;
        worker.postMessage(batch.map(rowOf));
      }),
    forget: () => {},
    close: () => worker.postMessage('close'),
  };
}

/** As long as it gets before SQLite begins it anew. */
const logBytes = 4_000 * 4_096;

function ourJournal(folder: string, pauseMs: number): Journal {
  const { write, close } = writer(folder, 0, 'NORMAL');
  const calls: SyncCalls = {
    now: (descriptor) => {
      fdatasyncSync(descriptor);
      pause(pauseMs);
    },
    soon: (descriptor, done) => fdatasync(descriptor, (error) => void setTimeout(() => done(error), pauseMs)),
  };
  const log = new LogSync(join(folder, `${fileName}-wal`), new LogRoom(logBytes), pauseMs > 0 ? calls : undefined);
  const closeBoth = () => {
    close();
    log.close();
  };
  return {
    write: (batch) => {
      write(batch.map(rowOf));
      return log.sync(batch.length);
    },
    forget: () => {},
    close: closeBoth,
  };
}

const journals = { main: mainJournal, thread: threadJournal, ours: ourJournal };

function serve(): void {
  const { folder, pauseMs } = workerData as { readonly folder: string; readonly pauseMs: number };
  const { write, close } = writer(folder, pauseMs);
  parentPort?.on('message', (asked: readonly Row[] | 'close') => {
    if (asked === 'close') {
      close();
      parentPort?.close();
      return;
    }
    write(asked);
    parentPort?.postMessage('done');
  });
}

const cell = new Int32Array(new SharedArrayBuffer(4));
function pause(ms: number): void {
  if (ms > 0) Atomics.wait(cell, 0, 0, ms);
}

function writer(folder: string, pauseMs: number, synchronous = 'FULL') {
  const database = new DatabaseSync(join(folder, fileName));
  database.exec(`PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous}`);
  database.exec('CREATE TABLE log (revision INTEGER PRIMARY KEY, key TEXT, created INTEGER, value TEXT) STRICT');
  const insert = database.prepare('INSERT INTO log VALUES (?, ?, ?, ?)');
  const begin = database.prepare('BEGIN IMMEDIATE');
  const commit = database.prepare('COMMIT');
  return {
    write: (rows: readonly Row[]) => {
      begin.run();
      for (const row of rows) insert.run(...row);
      commit.run();
      pause(pauseMs);
    },
    close: () => database.close(),
  };
}

if (isMainThread) await main();
else serve();
