import { assert } from '../base/env.ts';
import type { Json } from '../base/json.ts';
import type { Change, Entry, Revision } from './store.ts';
import { Compacted, Future } from './store.ts';

export interface HistoryLimits {
  readonly historyMax: number;
  /** Of the values as JSON text, roughly. In memory they take several times as much. */
  readonly historyBytesMax: number;
}

export const defaultHistoryLimits: HistoryLimits = { historyMax: 50_000, historyBytesMax: 32 * 1024 * 1024 };

/**
 * The newest changes, one for each revision and without a gap, so that the place of a revision is a subtraction.
 * `compacted` is the oldest revision that can still be read at or watched from.
 */
export class History {
  readonly #limits: HistoryLimits;
  #changes: (Change | undefined)[] = [];
  #bytes: number[] = [];
  #head = 0;
  #bytesSum = 0;
  #compacted: Revision;

  constructor(limits: HistoryLimits, compacted: Revision) {
    this.#limits = limits;
    this.#compacted = compacted;
  }

  get compacted(): Revision {
    return this.#compacted;
  }

  get size(): number {
    return this.#changes.length - this.#head;
  }

  get newest(): Revision {
    return this.#compacted + this.size;
  }

  push(change: Change, bytes: number): void {
    assert(change.entry.modified === this.newest + 1, 'history has no gap');
    this.#changes.push(change);
    this.#bytes.push(bytes);
    this.#bytesSum += bytes;
  }

  /** Forgets what is over the limits, and answers it. The newest change always stays. */
  trim(): readonly Change[] {
    let count = Math.max(0, this.size - this.#limits.historyMax);
    let bytes = this.#bytesSum;
    for (let index = 0; index < count; index++) bytes -= this.#bytes[this.#head + index] as number;
    while (bytes > this.#limits.historyBytesMax && count < this.size - 1) {
      bytes -= this.#bytes[this.#head + count++] as number;
    }
    return this.#drop(count);
  }

  /** Forgets everything up to and including `before`, and answers it. */
  compact(before: Revision): readonly Change[] {
    return this.#drop(Math.max(0, before - this.#compacted));
  }

  /** Throws unless the state at this revision can be known. */
  check(revision: Revision): void {
    if (revision > this.newest) throw new Future(revision, this.newest);
    if (revision < this.#compacted) throw new Compacted(revision, this.#compacted);
  }

  /** The change that made this revision. */
  at(revision: Revision): Change {
    const change = this.#changes[this.#head + revision - this.#compacted - 1];
    assert(change !== undefined, `revision ${revision} is in history`);
    return change;
  }

  /** What was different at `revision` under the prefix: each key changed since, with what it held then. */
  undo(prefix: string, revision: Revision): Map<string, Entry | undefined> {
    const then = new Map<string, Entry | undefined>();
    const changes = this.#changes;
    for (let index = this.#head + revision - this.#compacted; index < changes.length; index++) {
      const change = changes[index] as Change;
      const key = change.entry.key;
      if (key.startsWith(prefix) && !then.has(key)) then.set(key, change.previous);
    }
    return then;
  }

  #drop(count: number): readonly Change[] {
    if (count === 0) return [];
    const end = this.#head + count;
    const dropped = this.#changes.slice(this.#head, end) as Change[];
    for (; this.#head < end; this.#head++) {
      this.#bytesSum -= this.#bytes[this.#head] as number;
      this.#changes[this.#head] = undefined;
    }
    this.#compacted += count;
    // The dead front is cut off only once it is half of the array, so that forgetting one change stays cheap.
    if (this.#head * 2 >= this.#changes.length) {
      this.#changes = this.#changes.slice(this.#head);
      this.#bytes = this.#bytes.slice(this.#head);
      this.#head = 0;
    }
    return dropped;
  }
}

/** About how long the JSON text of a value is, without making it. */
export function weigh(value: Json): number {
  if (typeof value === 'string') return value.length + 2;
  if (typeof value !== 'object' || value === null) return 5;
  let bytes = 2;
  if (Array.isArray(value)) {
    for (const item of value as readonly Json[]) bytes += weigh(item) + 1;
    return bytes;
  }
  const object = value as { readonly [key: string]: Json };
  for (const key in object) bytes += key.length + 4 + weigh(object[key] as Json);
  return bytes;
}
