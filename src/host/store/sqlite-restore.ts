import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Backup } from '../../server/backup.ts';
import { fileName } from './sqlite.ts';
import { migrate } from './sqlite-schema.ts';

/**
 * A new store with the state of a backup: all of it or no file. Its history is empty and its revision the backup's, so
 * that whoever watches from before is told to list again.
 */
export function restoreSqliteStore(folder: string, backup: Backup): void {
  const file = join(folder, fileName);
  if (existsSync(file)) throw new Error(`${file} is there already: restore into an empty folder`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  try {
    fill(file, backup);
  } catch (cause) {
    rmSync(file, { force: true });
    throw new Error(`write ${file}`, { cause });
  }
}

function fill(file: string, { revision, entries }: Backup): void {
  const database = new DatabaseSync(file);
  try {
    // One transaction in the plain journal: either it is committed and on disk, or the next one begins afresh.
    database.exec('PRAGMA synchronous = FULL');
    migrate(database);
    database.exec('BEGIN IMMEDIATE');
    const insert = database.prepare('INSERT INTO log (revision, key, created, value) VALUES (?, ?, ?, ?)');
    for (const { key, created, modified, value } of entries) insert.run(modified, key, created, JSON.stringify(value));
    database.prepare("UPDATE meta SET value = ? WHERE name = 'compacted'").run(revision);
    database.exec('COMMIT');
  } finally {
    database.close();
  }
}
