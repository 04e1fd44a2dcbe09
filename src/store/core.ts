import { assert } from '../base/env.ts';
import type { Json } from '../base/json.ts';
import type { Stop } from '../base/stop.ts';
import type { HistoryLimits } from './history.ts';
import { History, weigh } from './history.ts';
import { Likeness } from './likeness.ts';
import { afterPrefix, OrderedKeys } from './ordered-keys.ts';
import type { Change, Entry, ListOptions, Revision, Watcher } from './store.ts';
import { Compacted, Future } from './store.ts';
import { type DueHandOut, WatchGroups } from './watch-groups.ts';

/** `pending`: what the judgement stands on is not durable yet, so it must not be answered before that is. */
export type Judgement =
  | { readonly ok: true; readonly change: Change }
  | { readonly ok: false; readonly actual: Entry | undefined; readonly pending: boolean };

/** What was there before. */
export interface StartState {
  readonly entries: readonly Entry[];
  readonly likeness: Likeness;
}

export interface Page {
  readonly entries: readonly Entry[];
  readonly revision: Revision;
  readonly remaining: number;
}

interface Pending {
  readonly entry: Entry | undefined;
  readonly revision: Revision;
  readonly bytes: number;
}

/** Revisions start at 1, as in etcd: to Kubernetes, 0 means "any". */
export const firstRevision: Revision = 1;

/** How many changes of history a new watcher is given at a time. */
const replayBatchMax = 1000;

/**
 * The whole meaning of a store, synchronous and without durability: `judge` decides a commit against what is pending,
 * `publish` makes judged changes visible once they are durable, `discard` forgets them when they never will be.
 */
export class StoreCore {
  readonly #entries = new Map<string, Entry>();
  readonly #keys = new OrderedKeys();
  readonly #history: History;
  readonly #groups = new WatchGroups();
  readonly #likeness: Likeness;
  /** What judged but unpublished changes make of a key: undefined is a deletion. */
  readonly #pending = new Map<string, Pending>();
  #revision: Revision;
  #judged: Revision;

  /** Starts from the state at `compacted`; history after it is published as usual. */
  constructor(
    limits: HistoryLimits,
    compacted: Revision = firstRevision,
    { entries, likeness }: StartState = { entries: [], likeness: new Likeness() },
  ) {
    this.#likeness = likeness;
    this.#history = new History(limits, compacted);
    this.#revision = compacted;
    this.#judged = compacted;
    for (const entry of entries) this.#entries.set(entry.key, entry);
    this.#keys.fill([...this.#entries.keys()]);
  }

  get revision(): Revision {
    return this.#revision;
  }

  get compacted(): Revision {
    return this.#history.compacted;
  }

  get(key: string, at: Revision = this.#revision): Entry | undefined {
    if (at === this.#revision) return this.#entries.get(key);
    this.#history.check(at);
    const then = this.#history.undo(key, at);
    return then.has(key) ? then.get(key) : this.#entries.get(key);
  }

  list(prefix: string, options: ListOptions = {}): Page {
    const { at = this.#revision, limit = Number.POSITIVE_INFINITY } = options;
    this.#history.check(at);
    const after = options.after ?? '';
    // No key lies between a key and itself followed by the smallest code unit.
    const start = after >= prefix && options.after !== undefined ? `${after}\u0000` : prefix;
    if (at === this.#revision) {
      const entries = this.#take(this.#keys.from(start), prefix, limit);
      const remaining = entries.length < limit ? 0 : this.#count(start, prefix) - entries.length;
      return { entries, revision: at, remaining };
    }
    const then = this.#history.undo(prefix, at);
    let total = this.#count(start, prefix);
    for (const [key, entry] of then) {
      if (key >= start) total += (entry === undefined ? 0 : 1) - (this.#entries.has(key) ? 1 : 0);
    }
    const entries = this.#take(merged(this.#keys.from(start), then, start), prefix, limit, then);
    return { entries, revision: at, remaining: total - entries.length };
  }

  /** `bytes`: what the value weighs. */
  judge(key: string, expect: Revision, value: Json | undefined, bytes: number): Judgement {
    assert(key !== '', 'a key is not empty');
    assert(value !== undefined || expect > 0, 'a deletion expects a revision');
    // To look for a key that was made a moment ago, V8 first enters it among the texts it knows.
    const pending = this.#pending.size === 0 ? undefined : this.#pending.get(key);
    const actual = pending === undefined ? this.#entries.get(key) : pending.entry;
    if ((actual?.modified ?? 0) !== expect) return { ok: false, actual, pending: pending !== undefined };
    const modified = ++this.#judged;
    const fitted = value === undefined ? value : this.#likeness.fitted(key, value, { bytes, previous: actual?.value });
    const change = changeOf(key, fitted, actual, modified);
    this.#pending.set(key, { entry: change.type === 'put' ? change.entry : undefined, revision: modified, bytes });
    return { ok: true, change };
  }

  /** The changes are durable: shows them to readers and watchers. Answers what fell out of history. */
  publish(batch: readonly Change[]): readonly Change[] {
    const dropped = this.show(batch);
    this.handOutAll();
    return dropped;
  }

  /** The same for readers alone; watchers are told by `handOut`. */
  show(batch: readonly Change[]): readonly Change[] {
    const weights = batch.map((change) => this.#apply(change));
    this.#judged = Math.max(this.#judged, this.#revision);
    const dropped = this.#history.trim();
    this.#groups.prepare(batch, weights, this.#revision);
    return dropped;
  }

  /** What watchers are to be told once its handing out begins. */
  get due(): DueHandOut {
    return this.#groups.due;
  }

  beginHandOut(): void {
    this.#groups.begin();
  }

  /** Tells watchers what was begun, until that costs more than writing so many bytes. Answers whether some is left. */
  handOut(bytesMax: number): boolean {
    return this.#groups.handOut(bytesMax);
  }

  handOutAll(): void {
    this.beginHandOut();
    this.handOut(Number.POSITIVE_INFINITY);
  }

  /** Revisions up to this one were given out before and nothing is known of them: none is given out again. */
  skip(to: Revision): void {
    assert(this.#pending.size === 0, 'nothing is judged while revisions are skipped');
    this.#history.skip(to);
    this.#revision = to;
    this.#judged = to;
  }

  /** What was judged and not published will never be durable. */
  discard(): void {
    this.#pending.clear();
    this.#judged = this.#revision;
  }

  watch(prefix: string, since: Revision, watcher: Watcher, stop: Stop): void {
    this.#history.check(since);
    let told = since;
    do {
      if (stop.stopped) return;
      // The watcher may itself make history shorter.
      if (told < this.#history.compacted) throw new Compacted(told, this.#history.compacted);
      const next = this.#history.after(told, replayBatchMax);
      const upTo = next.length < replayBatchMax ? this.#revision : (next.at(-1) as Change).entry.modified;
      const batch = next.filter(({ entry }) => entry.key.startsWith(prefix));
      told = upTo;
      if (watcher.take(batch, upTo) === 'full') return watcher.closed('full');
    } while (told < this.#revision);
    this.#groups.add(prefix, told, watcher, stop);
  }

  /** Tells at most `max` watchers that saw nothing how far the store is. Answers whether more are left behind. */
  progress(max: number): boolean {
    return this.#groups.progress(this.#revision, max);
  }

  compact(before: Revision): readonly Change[] {
    if (before > this.#revision) throw new Future(before, this.#revision);
    return this.#history.compact(before);
  }

  close(): void {
    this.#groups.close();
  }

  /** Answers how much there is to tell. */
  #apply(change: Change): number {
    const { entry } = change;
    const pending = this.#pending.get(entry.key);
    const isLast = pending?.revision === entry.modified;
    const bytes = isLast && change.type === 'put' ? pending.bytes : weigh(entry.value);
    this.#history.push(change, bytes);
    this.#revision = entry.modified;
    if (isLast) this.#pending.delete(entry.key);
    if (change.type === 'put') {
      if (change.previous === undefined) this.#keys.add(entry.key);
      this.#entries.set(entry.key, entry);
      this.#likeness.remember(entry, bytes);
    } else {
      this.#keys.delete(entry.key);
      this.#entries.delete(entry.key);
    }
    return bytes;
  }

  #take(
    keys: Iterable<string>,
    prefix: string,
    limit: number,
    then?: ReadonlyMap<string, Entry | undefined>,
  ): readonly Entry[] {
    const entries: Entry[] = [];
    if (limit <= 0) return entries;
    for (const key of keys) {
      if (!key.startsWith(prefix)) break;
      const entry = then?.has(key) ? then.get(key) : this.#entries.get(key);
      if (entry !== undefined && entries.push(entry) >= limit) break;
    }
    return entries;
  }

  /** How many keys there are now from `start` to the end of the prefix. */
  #count(start: string, prefix: string): number {
    const end = afterPrefix(prefix);
    return Math.max(0, (end === undefined ? this.#keys.size : this.#keys.rank(end)) - this.#keys.rank(start));
  }
}

function changeOf(key: string, value: Json | undefined, actual: Entry | undefined, modified: Revision): Change {
  if (actual === undefined) {
    assert(value !== undefined, 'only what exists is deleted');
    return { type: 'put', entry: { key, value, created: modified, modified } };
  }
  if (value === undefined) return { type: 'delete', entry: { ...actual, modified }, previous: actual };
  return { type: 'put', entry: { key, value, created: actual.created, modified }, previous: actual };
}

/** The keys of now and those that were there then, each once, in order. */
function* merged(
  now: Iterable<string>,
  then: ReadonlyMap<string, Entry | undefined>,
  start: string,
): Generator<string, void> {
  const gone = [...then.keys()].filter((key) => key >= start).sort();
  let at = 0;
  for (const key of now) {
    for (; at < gone.length && (gone[at] as string) < key; at++) yield gone[at] as string;
    if (gone[at] === key) at++;
    yield key;
  }
  for (; at < gone.length; at++) yield gone[at] as string;
}
