import type { DatabaseSync } from 'node:sqlite';
import { firstRevision } from '../../store/core.ts';

/**
 * Each takes the file from the version that is its place in the list to the next one; the file remembers how many ran.
 * One that was released is never changed.
 */
const migrations: readonly ((database: DatabaseSync) => void)[] = [createLog, createSkipped, createParts];

/** Brings the file to the newest schema, all of it or nothing. */
export function migrate(database: DatabaseSync): void {
  database.exec('BEGIN IMMEDIATE');
  try {
    const version = schemaVersion(database);
    if (version > migrations.length) {
      throw new Error(
        `the file has schema ${version} and this version knows ${migrations.length}: start a newer version of mini-k8s`,
      );
    }
    for (const step of migrations.slice(version)) step(database);
    if (version < migrations.length) {
      database.prepare("UPDATE meta SET value = ? WHERE name = 'schema'").run(migrations.length);
    }
    database.exec('COMMIT');
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

function schemaVersion(database: DatabaseSync): number {
  const table = database.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'meta'").get();
  if (table === undefined) return 0;
  const row = database.prepare("SELECT value FROM meta WHERE name = 'schema'").get();
  return Number(row?.['value'] ?? 0);
}

/**
 * One row for each revision; no value is a deletion. A row goes once it is neither in history nor the newest of its
 * key, so state and history are one table and a commit writes its value once. The row of a key is never looked up.
 */
function createLog(database: DatabaseSync): void {
  database.exec(`
    CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
    CREATE TABLE log (revision INTEGER PRIMARY KEY, key TEXT NOT NULL, created INTEGER NOT NULL, value TEXT) STRICT;
    INSERT INTO meta (name, value) VALUES ('schema', 0), ('compacted', ${firstRevision});
  `);
}

/**
 * `lent`: 1 while revisions are given out that the log does not have yet. `skipped`: which ones a process took with it,
 * each from behind the first revision up to the second.
 */
function createSkipped(database: DatabaseSync): void {
  database.exec(`
    CREATE TABLE skipped (behind INTEGER PRIMARY KEY, up_to INTEGER NOT NULL) STRICT;
    INSERT INTO meta (name, value) VALUES ('lent', 0);
  `);
}

/** Where a value is so long that it was written in parts before its row, the row has the place of the first and their number. */
function createParts(database: DatabaseSync): void {
  database.exec(`
    CREATE TABLE part (place INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;
    ALTER TABLE log ADD COLUMN first_part INTEGER;
    ALTER TABLE log ADD COLUMN parts INTEGER;
  `);
}
