import type { DatabaseSync } from 'node:sqlite';
import { assert } from '../../base/env.ts';
import type { Json } from '../../base/json.ts';
import { StoreCore } from '../../store/core.ts';
import type { HistoryLimits } from '../../store/history.ts';
import type { Change, Entry, Revision } from '../../store/store.ts';

/** So many changes of history are published at a time, to keep what falls out of its limits small. */
const publishMax = 1000;

interface Row {
  readonly revision: Revision;
  readonly key: string;
  readonly created: Revision;
  readonly value: string | null;
}

/** State and history as they were. `dropped` is history on disk that is over the limits. */
export function load(
  database: DatabaseSync,
  limits: HistoryLimits,
): { readonly core: StoreCore; readonly dropped: readonly Change[] } {
  const compacted = Number(database.prepare("SELECT value FROM meta WHERE name = 'compacted'").get()?.['value']);
  assert(Number.isSafeInteger(compacted), 'the file is damaged: it does not say what was compacted');
  const select = 'SELECT revision, key, created, value FROM log WHERE revision';
  const state = new Map<string, Entry>();
  for (const row of rows(database, `${select} <= ? ORDER BY revision`, compacted)) {
    if (row.value === null) state.delete(row.key);
    else state.set(row.key, entryOf(row, row.value));
  }
  const core = new StoreCore(limits, compacted, [...state.values()]);
  const dropped: Change[] = [];
  let batch: Change[] = [];
  const publish = () => {
    for (const change of core.publish(batch)) dropped.push(change);
    batch = [];
  };
  let revision = compacted;
  for (const row of rows(database, `${select} > ? ORDER BY revision`, compacted)) {
    assert(row.revision === ++revision, `the file is damaged: revision ${revision} is missing`);
    batch.push(changeOf(row, state));
    if (batch.length === publishMax) publish();
  }
  publish();
  return { core, dropped };
}

function changeOf(row: Row, state: Map<string, Entry>): Change {
  const previous = state.get(row.key);
  if (row.value !== null) {
    const entry = entryOf(row, row.value);
    state.set(row.key, entry);
    return previous === undefined ? { type: 'put', entry } : { type: 'put', entry, previous };
  }
  assert(previous !== undefined, `the file is damaged: revision ${row.revision} deletes what is not there`);
  state.delete(row.key);
  return { type: 'delete', entry: { ...previous, modified: row.revision }, previous };
}

function entryOf(row: Row, text: string): Entry {
  return { key: row.key, value: JSON.parse(text) as Json, created: row.created, modified: row.revision };
}

function rows(database: DatabaseSync, sql: string, compacted: Revision): Iterable<Row> {
  return database.prepare(sql).iterate(compacted) as Iterable<unknown> as Iterable<Row>;
}
