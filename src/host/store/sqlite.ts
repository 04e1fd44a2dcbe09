import { mkdirSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import type { StatementSync } from 'node:sqlite';
import { DatabaseSync } from 'node:sqlite';
import { assert } from '../../base/env.ts';
import type { Json } from '../../base/json.ts';
import { nestedText } from '../../base/shared-json.ts';
import type { StoreCore } from '../../store/core.ts';
import { entryText } from '../../store/entry-text.ts';
import type { HistoryLimits } from '../../store/history.ts';
import { defaultHistoryLimits, weigh } from '../../store/history.ts';
import type { Journal } from '../../store/journaled.ts';
import { JournaledStore, type Losable, type Prepared } from '../../store/journaled.ts';
import type { Change, Revision } from '../../store/store.ts';
import { StoreFull } from '../../store/store.ts';
import { LogRoom } from './log-room.ts';
import { LogSync, type SyncCalls } from './log-sync.ts';
import { lentMax, load } from './sqlite-load.ts';
import { deleteUnnamed, LongValues, type Place } from './sqlite-parts.ts';
import { migrate } from './sqlite-schema.ts';
import { TellingPace } from './telling-pace.ts';

export interface SqliteStoreOptions extends Partial<HistoryLimits> {
  /** How long to wait for another process to let go of the file. */
  readonly lockTimeoutMs?: number;
  /** What need not be on disk before it is answered. */
  readonly losable?: Losable;
  readonly syncCalls?: SyncCalls;
}

export const fileName = 'state.sqlite';

/**
 * So many pages (16 MB) are in the write-ahead log before they are written to the file itself, which stops everything
 * for a moment: what is written again meanwhile is moved once. SQLite's own 1,000 took twice as long for the same.
 */
const checkpointPages = 4_000;
/** SQLite's own choice. */
const pageBytes = 4_096;

/** A value whose text is about so long is written ahead in parts: at once it would take the loop longer than a few turns. */
const longBytesMin = 256 * 1024;

/** Rows that history no longer needs are deleted once there are so many, so that most commits delete nothing. */
const forgetMin = 1000;

/**
 * A store in one file of this folder. State and history are served from memory; everything committed in one turn of
 * the event loop is one transaction, answered after it is on disk. The file has one owner at a time.
 */
export function openSqliteStore(folder: string, options: SqliteStoreOptions = {}): JournaledStore {
  const { lockTimeoutMs = 5000, losable, syncCalls, ...limits } = options;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, fileName);
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file, { timeout: lockTimeoutMs });
    // Exclusive before the first access: no shared-memory file, and a second process is refused rather than let in.
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
    database.exec(`PRAGMA journal_size_limit = 67108864; PRAGMA wal_autocheckpoint = ${checkpointPages}`);
    checkIntegrity(database);
    migrate(database);
    const { core, dropped, isCut, places } = load(database, { ...defaultHistoryLimits, ...limits });
    deleteUnnamed(database, places);
    // From here on each commit is synced by the journal. What a checkpoint needs SQLite still syncs itself.
    database.exec('PRAGMA synchronous = NORMAL');
    const log = new LogSync(`${file}-wal`, new LogRoom(checkpointPages * pageBytes), syncCalls);
    const journal = new SqliteJournal(database, folder, { log, places });
    journal.forget(dropped);
    if (isCut && losable) journal.forget(renewed(core, journal, losable.prefix));
    return new JournaledStore(core, journal, new TellingPace().schedule, losable);
  } catch (error) {
    database?.close();
    throw openError(error, file, folder);
  }
}

/**
 * Newer states of these objects may have been seen than are known. They are said again at new revisions, so that
 * whoever saw those comes to see what is there now.
 */
function renewed(core: StoreCore, journal: SqliteJournal, prefix: string): readonly Change[] {
  const { entries } = core.list(prefix);
  const judged = entries.map(({ key, modified, value }) => core.judge(key, modified, value, weigh(value)));
  const batch = judged.flatMap((judgement) => (judgement.ok ? [judgement.change] : []));
  journal.writeNow(batch);
  return core.publish(batch);
}

class SqliteJournal implements Journal {
  readonly #database: DatabaseSync;
  readonly #folder: string;
  readonly #log: LogSync;
  readonly #insert: StatementSync;
  readonly #delete: StatementSync;
  readonly #compacted: StatementSync;
  readonly #lent: StatementSync;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  readonly #rollback: StatementSync;
  readonly #insertNamed: StatementSync;
  readonly #long: LongValues;
  #dropped: Change[] = [];
  /** Whether there are long values among them, which are not kept for long. */
  #dropsLong = false;
  /** Published, and written with what comes next. */
  #carried: Change[] = [];
  #isLending = false;
  /** In the file, but refused because they could not be synced: their revisions are given out again. */
  #refused: readonly Change[] = [];

  constructor(
    database: DatabaseSync,
    folder: string,
    { log, places }: { readonly log: LogSync; readonly places: Map<Revision, Place> },
  ) {
    this.#database = database;
    this.#log = log;
    this.#folder = folder;
    this.#insert = database.prepare('INSERT INTO log (revision, key, created, value) VALUES (?, ?, ?, ?)');
    this.#delete = database.prepare('DELETE FROM log WHERE revision = ?');
    this.#compacted = database.prepare("UPDATE meta SET value = ? WHERE name = 'compacted'");
    this.#lent = database.prepare("UPDATE meta SET value = ? WHERE name = 'lent'");
    this.#begin = database.prepare('BEGIN IMMEDIATE');
    this.#commit = database.prepare('COMMIT');
    this.#rollback = database.prepare('ROLLBACK');
    this.#insertNamed = database.prepare(
      'INSERT INTO log (revision, key, created, first_part, parts) VALUES (?, ?, ?, ?, ?)',
    );
    this.#long = new LongValues(database, places, (run) => this.#write(run));
  }

  prepare(value: Json, bytes: number): Promise<Prepared> | undefined {
    return bytes < longBytesMin ? undefined : this.#long.prepare(nestedText(value));
  }

  write(batch: readonly Change[]): void | Promise<void> {
    this.#written(batch);
    return this.#synced(batch, () => this.#log.sync(batch.length))?.catch((error: unknown) => {
      throw this.#refusal(batch, error);
    });
  }

  writeNow(batch: readonly Change[]): void {
    this.#written(batch);
    this.#synced(batch, () => this.#log.now());
  }

  carry(batch: readonly Change[]): boolean {
    if (this.#carried.length + batch.length > lentMax) return false;
    if (!this.#isLending) {
      this.#transaction(() => this.#lent.run(1));
      this.#synced([], () => this.#log.now());
    }
    this.#isLending = true;
    this.#carried.push(...batch);
    return true;
  }

  #written(batch: readonly Change[]): void {
    // Twice as many go as come, so that what is to be deleted never piles up.
    const isDue = this.#dropsLong || this.#dropped.length >= forgetMin;
    const count = isDue ? Math.max(forgetMin, batch.length * 2) : 0;
    const isLeftToDo = count + this.#carried.length + this.#refused.length > 0 || this.#long.hasUnneeded;
    // One statement is a transaction by itself, for less.
    if (batch.length === 1 && !isLeftToDo) return this.#guarded(() => this.#insertAll(batch));
    this.#write((gone) => {
      this.#insertAll(this.#carried);
      this.#insertAll(batch);
      this.#deleteDropped(count, gone);
    });
    this.#carried = [];
    if (count > 0) this.#dropped.splice(0, count);
    this.#dropsLong &&= this.#dropped.length > 0;
  }

  /** A transaction that first takes back what was refused. Whoever deletes rows says which. */
  #write(run: (gone: Revision[]) => void): void {
    const gone: Revision[] = [];
    this.#transaction(() => {
      this.#deleteRefused(gone);
      run(gone);
      this.#long.deleteSome();
    });
    this.#refused = [];
    this.#long.deleted(gone);
  }

  #synced<T>(batch: readonly Change[], sync: () => T): T {
    try {
      return sync();
    } catch (error) {
      throw this.#refusal(batch, error);
    }
  }

  #refusal(batch: readonly Change[], error: unknown): unknown {
    this.#refused = [...this.#refused, ...batch];
    const isFull = error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
    return isFull ? new StoreFull(this.#folder, freeBytes(this.#folder), error) : error;
  }

  #insertAll(batch: readonly Change[]): void {
    for (const change of batch) {
      const { type, entry } = change;
      const place = this.#long.named(change);
      if (place) {
        this.#insertNamed.run(entry.modified, entry.key, entry.created, place.first, place.count);
        continue;
      }
      const text = type === 'put' ? entryText(entry) : null;
      this.#insert.run(entry.modified, entry.key, entry.created, text);
    }
  }

  forget(dropped: readonly Change[]): void {
    for (const change of dropped) this.#dropped.push(change);
    this.#dropsLong ||= dropped.some(({ previous }) => previous !== undefined && this.#long.has(previous.modified));
  }

  close(): void {
    try {
      if (this.#dropped.length + this.#refused.length > 0 || this.#isLending) this.#write((gone) => this.#settle(gone));
      this.#database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    } catch (error) {
      // On a full disk what was acknowledged stays in the write-ahead log, where the next start finds it.
      if (!(error instanceof StoreFull) && !isFull(error, this.#folder)) throw error;
    } finally {
      this.#database.close();
      this.#log.close();
    }
  }

  #settle(gone: Revision[]): void {
    this.#insertAll(this.#carried);
    this.#deleteDropped(this.#dropped.length, gone);
    if (this.#isLending) this.#lent.run(0);
  }

  #deleteRefused(gone: Revision[]): void {
    for (const { entry } of this.#refused) this.#deleteRow(entry.modified, gone);
  }

  /** A change that left history was the only one that still needed the value before it, and a deletion itself. */
  #deleteDropped(count: number, gone: Revision[]): void {
    let compacted: Revision | undefined;
    for (const { type, entry, previous } of this.#dropped.slice(0, count)) {
      if (previous !== undefined) this.#deleteRow(previous.modified, gone);
      if (type === 'delete') this.#deleteRow(entry.modified, gone);
      compacted = entry.modified;
    }
    if (compacted !== undefined) this.#compacted.run(compacted);
  }

  #deleteRow(revision: Revision, gone: Revision[]): void {
    this.#delete.run(revision);
    gone.push(revision);
  }

  #transaction(run: () => void): void {
    this.#guarded(() => {
      this.#begin.run();
      run();
      this.#commit.run();
    });
  }

  #guarded(run: () => void): void {
    try {
      run();
    } catch (error) {
      // SQLite has rolled back by itself after some errors, and not after others.
      if (this.#database.isTransaction) this.#rollback.run();
      throw isFull(error, this.#folder) ? new StoreFull(this.#folder, freeBytes(this.#folder), error) : error;
    }
  }
}

function checkIntegrity(database: DatabaseSync): void {
  const rows = database.prepare('PRAGMA quick_check(3)').all();
  const problems = rows.map((row) => String(row['quick_check'])).filter((text) => text !== 'ok');
  assert(problems.length === 0, `the file is damaged: ${problems.join('; ')}`);
}

/** Says what to do, not only what happened. */
function openError(error: unknown, file: string, folder: string): Error {
  const code = resultCode(error);
  const text = error instanceof Error ? error.message : String(error);
  if (code === resultCodes.busy || code === resultCodes.locked) {
    return new Error(`${file} is in use by another process: stop that one first (or choose another data folder)`, {
      cause: error,
    });
  }
  if (isFull(error, folder)) return new StoreFull(folder, freeBytes(folder), error);
  if (code === resultCodes.corrupt || code === resultCodes.notDatabase || text.includes('damaged')) {
    const advice = 'put a backup of the data folder in its place, or move the file away to start with an empty cluster';
    return new Error(`cannot use ${file}: ${text}. Nothing was changed: ${advice}`, { cause: error });
  }
  return new Error(`open ${file}: ${text}`, { cause: error });
}

const resultCodes = { busy: 5, locked: 6, ioError: 10, corrupt: 11, full: 13, notDatabase: 26 } as const;

/** SQLite's primary result code: the low byte of the extended one. */
function resultCode(error: unknown): number | undefined {
  const code = error instanceof Error && 'errcode' in error ? error.errcode : undefined;
  return typeof code === 'number' ? code & 0xff : undefined;
}

/** Some writes on a full disk are reported as an input/output error. */
function isFull(error: unknown, folder: string): boolean {
  const code = resultCode(error);
  return code === resultCodes.full || (code === resultCodes.ioError && freeBytes(folder) < 65_536);
}

function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}
