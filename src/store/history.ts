import { assert } from '../base/env.ts';
import { isObject, type Json } from '../base/json.ts';
import { knownText } from '../base/shared-json.ts';
import type { Change, Entry, Revision } from './store.ts';
import { Compacted, Future } from './store.ts';

export interface HistoryLimits {
  readonly historyMax: number;
  /** Of the values as JSON text, roughly. In memory they take several times as much. */
  readonly historyBytesMax: number;
}

export const defaultHistoryLimits: HistoryLimits = { historyMax: 50_000, historyBytesMax: 32 * 1024 * 1024 };

/**
 * The newest changes, in order. There is one for each revision, but for those that a store which ended without a word
 * had given out and not kept. `compacted` is the oldest revision that can still be read at or watched from.
 */
export class History {
  readonly #limits: HistoryLimits;
  #changes: (Change | undefined)[] = [];
  #bytes: number[] = [];
  #head = 0;
  #bytesSum = 0;
  #compacted: Revision;
  #newest: Revision;

  constructor(limits: HistoryLimits, compacted: Revision) {
    this.#limits = limits;
    this.#compacted = compacted;
    this.#newest = compacted;
  }

  get compacted(): Revision {
    return this.#compacted;
  }

  get size(): number {
    return this.#changes.length - this.#head;
  }

  get newest(): Revision {
    return this.#newest;
  }

  push(change: Change, bytes: number): void {
    assert(change.entry.modified === this.newest + 1, 'history has no gap');
    this.#newest = change.entry.modified;
    this.#changes.push(change);
    this.#bytes.push(bytes);
    this.#bytesSum += bytes;
  }

  /** Nothing is known of the revisions up to this one, and none of them is given out again. */
  skip(to: Revision): void {
    assert(to >= this.#newest, 'revisions only rise');
    this.#newest = to;
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
    const dropped = this.#drop(this.#after(before) - this.#head);
    this.#compacted = Math.max(this.#compacted, before);
    return dropped;
  }

  /** Throws unless the state at this revision can be known. */
  check(revision: Revision): void {
    if (revision > this.newest) throw new Future(revision, this.newest);
    if (revision < this.#compacted) throw new Compacted(revision, this.#compacted);
  }

  /** The changes that came next after this revision, so many at most. */
  after(revision: Revision, max: number): readonly Change[] {
    const start = this.#after(revision);
    return this.#changes.slice(start, start + max) as Change[];
  }

  /** What was different at `revision` under the prefix: each key changed since, with what it held then. */
  undo(prefix: string, revision: Revision): Map<string, Entry | undefined> {
    const then = new Map<string, Entry | undefined>();
    const changes = this.#changes;
    for (let index = this.#after(revision); index < changes.length; index++) {
      const change = changes[index] as Change;
      const key = change.entry.key;
      if (key.startsWith(prefix) && !then.has(key)) then.set(key, change.previous);
    }
    return then;
  }

  /** The place of the first change after this revision. */
  #after(revision: Revision): number {
    let low = this.#head;
    let high = this.#changes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#changes[middle] as Change).entry.modified > revision) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #drop(count: number): readonly Change[] {
    if (count === 0) return [];
    const end = this.#head + count;
    const dropped = this.#changes.slice(this.#head, end) as Change[];
    for (; this.#head < end; this.#head++) {
      this.#bytesSum -= this.#bytes[this.#head] as number;
      this.#changes[this.#head] = undefined;
    }
    this.#compacted = (dropped.at(-1) as Change).entry.modified;
    // The dead front is cut off only once it is half of the array, so that forgetting one change stays cheap.
    if (this.#head * 2 >= this.#changes.length) {
      this.#changes = this.#changes.slice(this.#head);
      this.#bytes = this.#bytes.slice(this.#head);
      this.#head = 0;
    }
    return dropped;
  }
}

/** About how long the JSON text of a value is, without making it. What is long near its top may have its text already. */
export function weigh(value: Json, levels = 2): number {
  if (levels === 0 || !isObject(value)) return weighed(value);
  let bytes = 2;
  for (const key in value) {
    const member = value[key] as Json;
    const known = typeof member === 'object' && member !== null ? knownText(member) : undefined;
    bytes += key.length + 4 + (known?.length ?? weigh(member, levels - 1));
  }
  return bytes;
}

function weighed(value: Json): number {
  if (typeof value === 'string') return value.length + 2;
  if (typeof value !== 'object' || value === null) return 5;
  let bytes = 2;
  if (Array.isArray(value)) {
    for (const item of value as readonly Json[]) bytes += weighed(item) + 1;
    return bytes;
  }
  const object = value as { readonly [key: string]: Json };
  for (const key in object) bytes += key.length + 4 + weighed(object[key] as Json);
  return bytes;
}
