import type { Json } from '../base/json.ts';
import type { Stop } from '../base/stop.ts';

export type Revision = number;

/**
 * The value never holds its own revision (an engine such as etcd knows it only afterwards): resourceVersion is put in
 * from `modified` when the object is read or encoded.
 */
export interface Entry {
  readonly key: string;
  readonly value: Json;
  readonly created: Revision;
  readonly modified: Revision;
}

/** For a delete, `entry` is the last value with `modified` set to the revision of the deletion. */
export interface Change {
  readonly type: 'put' | 'delete';
  readonly entry: Entry;
  readonly previous?: Entry;
}

export type Commit =
  | { readonly ok: true; readonly revision: Revision; readonly entry: Entry }
  | { readonly ok: false; readonly actual: Entry | undefined };

export interface ListOptions {
  /** Keys strictly greater than this one. */
  readonly after?: string;
  readonly limit?: number;
  readonly at?: Revision;
}

/** A revisioned, ordered key space with compare-and-set and replayable history. Nothing about Kubernetes. */
export interface Store {
  /** The newest durable revision. */
  readonly revision: Revision;
  get(key: string, at?: Revision): Promise<{ readonly entry: Entry | undefined; readonly revision: Revision }>;
  /** The same at once, of now. Undefined where something has to be waited for: then `get` is to be asked. */
  peek(key: string): { readonly entry: Entry | undefined } | undefined;
  /** In code-unit order of keys. Throws Compacted for a revision whose history is gone, Future for one to come. */
  list(
    prefix: string,
    options?: ListOptions,
  ): Promise<{ readonly entries: readonly Entry[]; readonly revision: Revision; readonly remaining: number }>;
  /**
   * Compare-and-set. `expect` 0: must not exist. No value: delete. Judged against what is pending, resolved when
   * durable; reads and watches show durable revisions only. A conflict is a result, not an exception.
   */
  commit(key: string, expect: Revision, value: Json | undefined): Promise<Commit>;
  /**
   * Every change after `since`, once, in order, a batch at a time: first, synchronously, what history holds, then each
   * durable batch. Throws Compacted when that history is gone. 'full' closes the watch: `closed` is told.
   */
  watch(prefix: string, since: Revision, watcher: Watcher, stop: Stop): void;
  /** Forgets history up to and including `before`. */
  compact(before: Revision): Promise<void>;
  close(): Promise<void>;
}

export interface Watcher {
  /** `upTo` is durable for the whole store: also told, with an empty batch, when nothing under the prefix changed. */
  take(batch: readonly Change[], upTo: Revision): 'more' | 'full';
  closed(reason: 'full' | 'store closed'): void;
}

/** The history asked for is gone. */
export class Compacted extends Error {
  readonly oldest: Revision;
  constructor(asked: Revision, oldest: Revision) {
    super(`revision ${asked} is compacted, the oldest kept is ${oldest}`);
    this.name = 'Compacted';
    this.oldest = oldest;
  }
}

/** The revision asked for is not there yet. */
export class Future extends Error {
  readonly asked: Revision;
  readonly current: Revision;
  constructor(asked: Revision, current: Revision) {
    super(`revision ${asked} is in the future, the newest is ${current}`);
    this.name = 'Future';
    this.asked = asked;
    this.current = current;
  }
}

/** There is no room to make a commit durable. Nothing of it was kept; it works again once there is room. */
export class StoreFull extends Error {
  readonly folder: string;
  readonly freeBytes: number;
  constructor(folder: string, freeBytes: number, cause?: unknown) {
    super(`no room left in ${folder} (${freeBytes} bytes free): nothing was written, make room and try again`, {
      cause,
    });
    this.name = 'StoreFull';
    this.folder = folder;
    this.freeBytes = freeBytes;
  }
}

/** It was told to end: nothing is read or written any more. */
export class StoreClosed extends Error {
  constructor() {
    super('the store is closed');
    this.name = 'StoreClosed';
  }
}
