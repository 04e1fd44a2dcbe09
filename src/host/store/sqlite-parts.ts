import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { assert } from '../../base/env.ts';
import { piecesOf } from '../../base/text.ts';
import type { Prepared } from '../../store/journaled.ts';
import type { Change, Revision } from '../../store/store.ts';
import { nextTurn } from '../long-work.ts';

/** Letters of a text that are written in one transaction: some milliseconds of work, whatever letters they are. */
const partLetters = 128 * 1024;
/** So many parts that nobody needs go with each transaction: more than come, and few enough to take no time. */
const unneededMax = 4;

/** Where the parts of one text are: so many from here on. */
export interface Place {
  readonly first: number;
  readonly count: number;
}

/** One transaction, all of it or nothing, in which what has been left is deleted too. */
type Write = (run: () => void) => void;

/**
 * Long values stand in a table of their own, in parts. They are written ahead, each part in a turn of its own, so that
 * the commit has only to name them; a process that ends in between leaves parts that nobody names, and they go when
 * the file is opened again.
 */
export class LongValues {
  readonly #insert: StatementSync;
  readonly #delete: StatementSync;
  readonly #write: Write;
  readonly #places: Map<Revision, Place>;
  readonly #ofChanges = new WeakMap<Change, Place>();
  readonly #unneeded: number[] = [];
  #next = 1;

  constructor(database: DatabaseSync, places: Map<Revision, Place>, write: Write) {
    this.#insert = database.prepare('INSERT INTO part (place, text) VALUES (?, ?)');
    this.#delete = database.prepare('DELETE FROM part WHERE place = ?');
    this.#write = write;
    this.#places = places;
    for (const { first, count } of places.values()) this.#next = Math.max(this.#next, first + count);
  }

  /** Writes a text ahead. */
  async prepare(text: string): Promise<Prepared> {
    const parts = piecesOf(text, partLetters);
    const place = { first: this.#next, count: parts.length };
    this.#next += parts.length;
    try {
      for (const [index, part] of parts.entries()) {
        await nextTurn();
        this.#write(() => this.#insert.run(place.first + index, part));
      }
    } catch (error) {
      this.#leave(place);
      throw error;
    }
    return {
      use: (change) => void this.#ofChanges.set(change, place),
      leave: () => this.#leave(place),
    };
  }

  /** Where the value of a change was written to ahead; from then on it is known by its revision. */
  named(change: Change): Place | undefined {
    const place = this.#ofChanges.get(change);
    if (place) this.#places.set(change.entry.modified, place);
    return place;
  }

  /** Whether the value of this revision is written in parts. */
  has(revision: Revision): boolean {
    return this.#places.has(revision);
  }

  get hasUnneeded(): boolean {
    return this.#unneeded.length > 0;
  }

  /** Inside a transaction: deletes some of what nobody needs any more. */
  deleteSome(): void {
    for (const place of this.#unneeded.slice(0, unneededMax)) this.#delete.run(place);
  }

  /** The transaction in which some were deleted is done, and with it the rows of these revisions are gone. */
  deleted(revisions: readonly Revision[]): void {
    this.#unneeded.splice(0, unneededMax);
    for (const revision of revisions) {
      const place = this.#places.get(revision);
      if (!place) continue;
      this.#places.delete(revision);
      this.#leave(place);
    }
  }

  #leave({ first, count }: Place): void {
    for (let place = first; place < first + count; place++) this.#unneeded.push(place);
  }
}

/** The text that was written at a place. */
export function textAt(database: DatabaseSync, { first, count }: Place): string {
  const rows = database
    .prepare('SELECT text FROM part WHERE place >= ? AND place < ? ORDER BY place')
    .all(first, first + count);
  assert(rows.length === count, `the file is damaged: of ${count} parts of a value there are ${rows.length}`);
  return rows.map((row) => row['text']).join('');
}

/** What was written ahead by a process that ended before it named it. */
export function deleteUnnamed(database: DatabaseSync, places: ReadonlyMap<Revision, Place>): void {
  const named = new Set<number>();
  for (const { first, count } of places.values()) for (let at = first; at < first + count; at++) named.add(at);
  const all = database.prepare('SELECT place FROM part').all();
  const unnamed = all.map((row) => Number(row['place'])).filter((place) => !named.has(place));
  if (unnamed.length === 0) return;
  const one = database.prepare('DELETE FROM part WHERE place = ?');
  database.exec('BEGIN IMMEDIATE');
  for (const place of unnamed) one.run(place);
  database.exec('COMMIT');
}
