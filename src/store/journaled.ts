import type { Json } from '../base/json.ts';
import type { Stop } from '../base/stop.ts';
import type { Judgement, Page, StoreCore } from './core.ts';
import type { Change, Commit, Entry, ListOptions, Revision, Store, Watcher } from './store.ts';
import { StoreClosed } from './store.ts';

/** Where changes become durable. */
export interface Journal {
  /** All of the batch or nothing: throws (or rejects) when nothing of it is, or will be, durable. */
  write(batch: readonly Change[]): void | Promise<void>;
  /**
   * Keeps changes that may be lost until something else is written, and writes them with that. False where it cannot:
   * then they are to be written. Throws as `write` does.
   */
  carry?(batch: readonly Change[]): boolean;
  /** These changes left history: whatever only they needed may go. */
  forget(dropped: readonly Change[], compacted: Revision): void;
  close(): void;
}

/** Changes that a store may lose when it ends without a word. What they made known is never made known again otherwise. */
export interface Losable {
  readonly prefix: string;
  /** Asked about changes of objects under the prefix. */
  allows(change: Change): boolean;
}

/**
 * Runs something soon, and never at once. What is committed until then becomes one batch. `isTold`: all watchers have
 * been told of the last one, and they may need a while.
 */
export type Schedule = (run: () => void, isTold?: boolean) => void;

/** How many bytes are handed to watchers in one go, about; then others have their turn. */
const handOutBytesMax = 2 * 1024 * 1024;
/** Whoever changes what not more than these watch is answered at once. */
const fewWatchers = 64;

/** After a batch, so many watchers that saw nothing of it are told in one go; then others have their turn. */
const progressMax = 256;

interface Waiting {
  readonly answer: Commit;
  /** Nothing, for a conflict with something that is not durable yet. */
  readonly change?: Change;
  readonly resolve: (commit: Commit) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * A store around a core: commits are judged at once, become durable together with everything committed until the
 * journal is free, are published, and are answered only then.
 *
 * Watchers: a batch is handed to those whose prefix it touches, at once or, where they are many, a slice at a time. The
 * next batch is written, and whoever committed this one is answered, after all of them were told: many writers cannot
 * make changes faster than they can be handed out.
 *
 * Progress: all others are told the newest revision
 * right after it, 256 at a time with a `schedule` between, once for however many batches went by: a batch never costs
 * as much as there are watchers, and everybody catches up even when nobody writes again.
 */
export class JournaledStore implements Store {
  readonly #core: StoreCore;
  readonly #journal: Journal;
  readonly #schedule: Schedule;
  readonly #losable: Losable | undefined;
  #queue: Waiting[] = [];
  #scheduled = false;
  #telling = false;
  /** What is to be done once watchers have been told of the last batch. Nothing else is written until then. */
  #handing: (() => void) | undefined;
  #writing: Promise<void> | undefined;
  #closed = false;

  constructor(core: StoreCore, journal: Journal, schedule: Schedule, losable?: Losable) {
    this.#losable = losable;
    this.#core = core;
    this.#journal = journal;
    this.#schedule = schedule;
  }

  get revision(): Revision {
    return this.#core.revision;
  }

  async get(key: string, at?: Revision): Promise<{ readonly entry: Entry | undefined; readonly revision: Revision }> {
    this.#checkOpen();
    const revision = at ?? this.#core.revision;
    return { entry: this.#core.get(key, revision), revision };
  }

  peek(key: string): { readonly entry: Entry | undefined } {
    this.#checkOpen();
    return { entry: this.#core.get(key) };
  }

  async list(prefix: string, options?: ListOptions): Promise<Page> {
    this.#checkOpen();
    return this.#core.list(prefix, options);
  }

  /** One promise for each commit: it is what most of the time of a busy server goes through. */
  commit(key: string, expect: Revision, value: Json | undefined): Promise<Commit> {
    let judged: Judgement;
    try {
      this.#checkOpen();
      judged = this.#core.judge(key, expect, value);
    } catch (error) {
      return Promise.reject(error);
    }
    if (!judged.ok) {
      const answer: Commit = { ok: false, actual: judged.actual };
      return judged.pending ? this.#wait(answer) : Promise.resolve(answer);
    }
    const { entry } = judged.change;
    return this.#wait({ ok: true, revision: entry.modified, entry }, judged.change);
  }

  watch(prefix: string, since: Revision, watcher: Watcher, stop: Stop): void {
    this.#checkOpen();
    this.#core.watch(prefix, since, watcher, stop);
  }

  async compact(before: Revision): Promise<void> {
    this.#checkOpen();
    this.#forget(this.#core.compact(before));
  }

  /** What was committed before is still made durable and answered. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    while (this.#writing !== undefined || this.#handing !== undefined || this.#queue.length > 0) {
      if (this.#handing !== undefined) {
        this.#core.handOut(Number.POSITIVE_INFINITY);
        this.#handedOut();
      } else if (this.#writing === undefined) this.#flush();
      await this.#writing;
    }
    this.#core.close();
    this.#journal.close();
  }

  #wait(answer: Commit, change?: Change): Promise<Commit> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ answer, resolve, reject, ...(change && { change }) });
      this.#scheduleFlush();
    });
  }

  #scheduleFlush(): void {
    if (this.#scheduled || this.#isBusy) return;
    this.#scheduled = true;
    this.#schedule(() => {
      this.#scheduled = false;
      if (!this.#isBusy) this.#flush();
    });
  }

  get #isBusy(): boolean {
    return this.#writing !== undefined || this.#handing !== undefined;
  }

  #flush(): void {
    const waiting = this.#queue;
    if (waiting.length === 0) return;
    this.#queue = [];
    const batch: Change[] = [];
    for (const { change } of waiting) if (change !== undefined) batch.push(change);
    let written: void | Promise<void>;
    try {
      written = batch.length === 0 || this.#isCarried(batch) ? undefined : this.#journal.write(batch);
    } catch (error) {
      return this.#fail(waiting, error);
    }
    if (written === undefined) return this.#durable(waiting, batch);
    this.#writing = written
      .then(
        () => this.#durable(waiting, batch),
        (error: unknown) => this.#fail(waiting, error),
      )
      .then(() => {
        this.#writing = undefined;
        if (this.#queue.length > 0) this.#scheduleFlush();
      });
  }

  /** Whether it is enough that the batch is written with a later one. */
  #isCarried(batch: readonly Change[]): boolean {
    const losable = this.#losable;
    const mayBeLost = (change: Change) => change.entry.key.startsWith(losable?.prefix ?? '') && losable?.allows(change);
    return losable !== undefined && batch.every(mayBeLost) && this.#journal.carry?.(batch) === true;
  }

  #durable(waiting: readonly Waiting[], batch: readonly Change[]): void {
    const answerAll = () => {
      for (const { answer, resolve } of waiting) resolve(answer);
    };
    if (batch.length === 0) return answerAll();
    this.#forget(this.#core.show(batch));
    const { told, left } = this.#core.handOut(handOutBytesMax);
    const done = () => {
      this.#tellProgress();
      answerAll();
    };
    if (!left && told <= fewWatchers) return done();
    this.#handing = done;
    this.#handOutMore(left);
  }

  /** A slice after the other. */
  #handOutMore(left: boolean): void {
    if (!left) return this.#schedule(() => this.#handedOut(), true);
    this.#schedule(() => {
      if (this.#handing) this.#handOutMore(this.#core.handOut(handOutBytesMax).left);
    });
  }

  #handedOut(): void {
    const done = this.#handing;
    this.#handing = undefined;
    done?.();
    if (this.#queue.length > 0) this.#scheduleFlush();
  }

  /** What was judged meanwhile stands on what failed, so it fails too. */
  #fail(waiting: readonly Waiting[], error: unknown): void {
    const all = [...waiting, ...this.#queue];
    this.#queue = [];
    this.#core.discard();
    for (const { reject } of all) reject(error);
  }

  #forget(dropped: readonly Change[]): void {
    if (dropped.length > 0) this.#journal.forget(dropped, this.#core.compacted);
  }

  #tellProgress(): void {
    // Whoever is still to be told of changes must not hear first that there were none.
    if (this.#telling || this.#closed || this.#handing) return;
    this.#telling = this.#core.progress(progressMax);
    if (!this.#telling) return;
    this.#schedule(() => {
      this.#telling = false;
      this.#tellProgress();
    });
  }

  #checkOpen(): void {
    if (this.#closed) throw new StoreClosed();
  }
}
