import type { DatabaseSync } from 'node:sqlite';
import { assert } from '../../base/env.ts';
import type { Json } from '../../base/json.ts';
import { StoreCore } from '../../store/core.ts';
import type { HistoryLimits } from '../../store/history.ts';
import { Likeness } from '../../store/likeness.ts';
import type { Change, Entry, Revision } from '../../store/store.ts';
import { type Place, textAt } from './sqlite-parts.ts';

/** So many revisions at most are given out before they are on disk: those of changes that may be lost. */
export const lentMax = 1000;
/** So many changes of history are published at a time, to keep what falls out of its limits small. */
const publishMax = 1000;

interface Row {
  readonly revision: Revision;
  readonly key: string;
  readonly created: Revision;
  readonly value: string | null;
  readonly first_part: number | null;
  readonly parts: number | null;
}

export interface Loaded {
  readonly core: StoreCore;
  /** History on disk that is over the limits. */
  readonly dropped: readonly Change[];
  /** Revisions had been given out that are not on disk. */
  readonly isCut: boolean;
  /** Of values that are written in parts. */
  readonly places: Map<Revision, Place>;
}

/** State and history as they were. */
export function load(database: DatabaseSync, limits: HistoryLimits): Loaded {
  const compacted = Number(database.prepare("SELECT value FROM meta WHERE name = 'compacted'").get()?.['value']);
  assert(Number.isSafeInteger(compacted), 'the file is damaged: it does not say what was compacted');
  const select = 'SELECT revision, key, created, value, first_part, parts FROM log WHERE revision';
  const places = new Map<Revision, Place>();
  const rows = (sql: string) => rowsOf(database, sql, { compacted, places });
  const state = new Map<string, Entry>();
  const likeness = new Likeness();
  for (const row of rows(`${select} <= ? ORDER BY revision`)) {
    if (row.value === null) state.delete(row.key);
    else state.set(row.key, entryOf(row, row.value, likeness));
  }
  const core = new StoreCore(limits, compacted, { entries: [...state.values()], likeness });
  const dropped: Change[] = [];
  let batch: Change[] = [];
  const publish = () => {
    for (const change of core.publish(batch)) dropped.push(change);
    batch = [];
  };
  const isCut = leaveOutLent(database, compacted);
  const skipped = skippedOf(database);
  let revision = compacted;
  const skip = () => {
    for (let to = skipped.get(revision); to !== undefined; to = skipped.get(revision)) {
      publish();
      core.skip(to);
      revision = to;
    }
  };
  for (const row of rows(`${select} > ? ORDER BY revision`)) {
    skip();
    assert(row.revision === ++revision, `the file is damaged: revision ${revision} is missing`);
    batch.push(changeOf(row, state, likeness));
    if (batch.length === publishMax) publish();
  }
  publish();
  skip();
  return { core, dropped, isCut, places };
}

/** Whoever lent revisions and ended without a word may have given out so many: none of them is ever given out again. */
function leaveOutLent(database: DatabaseSync, compacted: Revision): boolean {
  if (Number(database.prepare("SELECT value FROM meta WHERE name = 'lent'").get()?.['value']) !== 1) return false;
  const newest = 'SELECT max(revision) AS revision FROM (SELECT revision FROM log UNION ALL SELECT up_to FROM skipped)';
  const known = Math.max(compacted, Number(database.prepare(newest).get()?.['revision']));
  database.exec('BEGIN IMMEDIATE');
  database.prepare('DELETE FROM skipped WHERE up_to <= ?').run(compacted);
  database.prepare('INSERT INTO skipped (behind, up_to) VALUES (?, ?)').run(known, known + lentMax);
  database.exec("UPDATE meta SET value = 0 WHERE name = 'lent'; COMMIT");
  return true;
}

/** By the revision behind which they are missing, up to which. */
function skippedOf(database: DatabaseSync): ReadonlyMap<Revision, Revision> {
  const found = database.prepare('SELECT behind, up_to FROM skipped').all();
  return new Map(found.map((row) => [Number(row['behind']), Number(row['up_to'])]));
}

function changeOf(row: Row, state: Map<string, Entry>, likeness: Likeness): Change {
  const previous = state.get(row.key);
  if (row.value !== null) {
    const entry = entryOf(row, row.value, likeness, previous);
    state.set(row.key, entry);
    return previous === undefined ? { type: 'put', entry } : { type: 'put', entry, previous };
  }
  assert(previous !== undefined, `the file is damaged: revision ${row.revision} deletes what is not there`);
  state.delete(row.key);
  return { type: 'delete', entry: { ...previous, modified: row.revision }, previous };
}

function entryOf(row: Row, text: string, likeness: Likeness, previous?: Entry): Entry {
  const value = likeness.fitted(row.key, JSON.parse(text) as Json, { bytes: text.length, previous: previous?.value });
  const entry = { key: row.key, value, created: row.created, modified: row.revision };
  likeness.remember(entry, text.length);
  return entry;
}

interface Range {
  readonly compacted: Revision;
  readonly places: Map<Revision, Place>;
}

function* rowsOf(database: DatabaseSync, sql: string, { compacted, places }: Range): Generator<Row, void> {
  const found = database.prepare(sql).iterate(compacted) as Iterable<unknown> as Iterable<Row>;
  for (const row of found) {
    const { revision, first_part: first, parts: count } = row;
    if (first === null || count === null) {
      yield row;
      continue;
    }
    places.set(revision, { first, count });
    yield { ...row, value: textAt(database, { first, count }) };
  }
}
