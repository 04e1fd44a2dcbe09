import type { Json } from '../base/json.ts';
import type { Stop } from '../base/stop.ts';
import type { Judgement, Page, StoreCore } from './core.ts';
import { weigh } from './history.ts';
import type { Change, Commit, Entry, ListOptions, Revision, Store, Watcher } from './store.ts';
import { StoreClosed } from './store.ts';

/** What was written ahead of a commit. */
export interface Prepared {
  /** The value of this change is what was written. */
  use(change: Change): void;
  /** Nobody needs it, for there is no such change, or it is not made. */
  leave(): void;
}

/** Where changes become durable. */
export interface Journal {
  /** Begins to write a long value ahead, a little in a turn, so that its commit is short. Nothing for all others. */
  prepare?(value: Json, bytes: number): Promise<Prepared> | undefined;
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
 * Runs something soon, and never at once. What is committed until then becomes one batch. `alone`: whoever commits does
 * so alone, and nobody is to be waited for. `telling`: it tells watchers. `told`: it comes after all of them were told,
 * and they may need a while.
 */
export type Schedule = (run: () => void, phase?: 'alone' | 'telling' | 'told') => void;

/** How many bytes are handed to watchers in one go, about; then others have their turn. */
const handOutBytesMax = 2 * 1024 * 1024;
/** Not more than these are told at once, and not of more than is handed out in one go. */
const fewWatchers = 64;
/** So much may wait to be told while others are told before more is written: writers do not run away from watchers. */
const aheadBytesMax = 2 * handOutBytesMax;

/** After a batch, so many watchers that saw nothing of it are told in one go; then others have their turn. */
const progressMax = 256;

type Answer = () => void;

interface Asked {
  readonly key: string;
  readonly expect: Revision;
  readonly value: Json | undefined;
  readonly bytes: number;
}

interface Waiting {
  readonly answer: Commit;
  /** Nothing, for a conflict with something that is not durable yet. */
  readonly change?: Change;
  readonly prepared?: Prepared | undefined;
  readonly resolve: (commit: Commit) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * A store around a core: commits are judged at once, become durable together with everything committed until the
 * journal is free, are published, and are answered only then.
 *
 * Watchers: a batch is handed to those whose prefix it touches, at once or, where they are many, a slice at a time.
 * What is committed during such a pass is due in the next one, all of it together. Whoever commits more than watchers
 * can be told in a moment is answered when they have been told: changes are not made faster than they are handed out.
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
  /** Whether the last batch was one commit. */
  #isAlone = false;
  /** Whether those who saw nothing of the last batches are being told so. */
  #telling = false;
  /** Whether many watchers are being told, and whose answers wait for the end of that. */
  #isPassing = false;
  #passed: Answer[] = [];
  /** Whose answers wait for the next pass. */
  #ahead: Answer[] = [];
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
    try {
      this.#checkOpen();
      const bytes = value === undefined ? 0 : weigh(value);
      const preparing = value === undefined ? undefined : this.#journal.prepare?.(value, bytes);
      if (preparing === undefined) return this.#judged({ key, expect, value, bytes });
      return preparing.then(
        (prepared) => this.#judged({ key, expect, value, bytes }, prepared),
        (error: unknown) => {
          this.#checkOpen();
          throw error;
        },
      );
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #judged(asked: Asked, prepared?: Prepared): Promise<Commit> {
    let judged: Judgement;
    try {
      this.#checkOpen();
      judged = this.#core.judge(asked.key, asked.expect, asked.value, asked.bytes);
    } catch (error) {
      prepared?.leave();
      throw error;
    }
    if (!judged.ok) {
      prepared?.leave();
      const answer: Commit = { ok: false, actual: judged.actual };
      return judged.pending ? this.#wait(answer) : Promise.resolve(answer);
    }
    const { change } = judged;
    prepared?.use(change);
    return this.#wait({ ok: true, revision: change.entry.modified, entry: change.entry }, change, prepared);
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
    while (this.#writing !== undefined || this.#queue.length > 0) {
      if (this.#writing === undefined) this.#flush();
      await this.#writing;
    }
    this.#core.handOutAll();
    this.#isPassing = false;
    for (const answer of [...this.#passed, ...this.#ahead]) answer();
    this.#core.close();
    this.#journal.close();
  }

  #wait(answer: Commit, change?: Change, prepared?: Prepared): Promise<Commit> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ answer, resolve, reject, prepared, ...(change && { change }) });
      this.#scheduleFlush();
    });
  }

  #scheduleFlush(): void {
    if (this.#scheduled || this.#writing !== undefined) return;
    this.#scheduled = true;
    const flush = () => {
      this.#scheduled = false;
      if (this.#writing === undefined) this.#flush();
    };
    this.#schedule(flush, this.#isAlone ? 'alone' : undefined);
  }

  #flush(): void {
    const waiting = this.#queue;
    if (waiting.length === 0) return;
    this.#queue = [];
    this.#isAlone = waiting.length === 1;
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
    const { watchers, price } = this.#core.due;
    if (watchers <= fewWatchers && price <= handOutBytesMax && !this.#isPassing) {
      this.#core.handOutAll();
      this.#tellProgress();
      return answerAll();
    }
    if (price <= aheadBytesMax) answerAll();
    else this.#ahead.push(answerAll);
    if (this.#isPassing) return;
    this.#isPassing = true;
    this.#schedule(() => this.#beginPass(), 'telling');
  }

  #beginPass(): void {
    if (!this.#isPassing) return;
    const isShort = this.#core.due.price <= aheadBytesMax;
    this.#core.beginHandOut();
    this.#passed = this.#ahead;
    this.#ahead = [];
    if (isShort) this.#answerPassed();
    this.#handOutMore();
  }

  /** A slice after the other. */
  #handOutMore(): void {
    if (!this.#isPassing) return;
    if (this.#core.handOut(handOutBytesMax)) this.#schedule(() => this.#handOutMore(), 'telling');
    else this.#schedule(() => this.#endPass(), 'told');
  }

  #endPass(): void {
    if (!this.#isPassing) return;
    this.#answerPassed();
    this.#isPassing = this.#core.due.watchers > 0;
    if (this.#isPassing) this.#schedule(() => this.#beginPass(), 'telling');
    else this.#tellProgress();
  }

  #answerPassed(): void {
    for (const answer of this.#passed) answer();
    this.#passed = [];
  }

  /** What was judged meanwhile stands on what failed, so it fails too. */
  #fail(waiting: readonly Waiting[], error: unknown): void {
    const all = [...waiting, ...this.#queue];
    this.#queue = [];
    this.#core.discard();
    for (const { prepared, reject } of all) {
      prepared?.leave();
      reject(error);
    }
  }

  #forget(dropped: readonly Change[]): void {
    if (dropped.length > 0) this.#journal.forget(dropped, this.#core.compacted);
  }

  /** After the answers: nobody waits for it. */
  #tellProgress(): void {
    if (this.#telling) return;
    this.#telling = true;
    this.#schedule(() => {
      this.#telling = false;
      // Whoever is still to be told of changes must not hear first that there were none.
      if (this.#closed || this.#isPassing) return;
      if (this.#core.progress(progressMax)) this.#tellProgress();
    });
  }

  #checkOpen(): void {
    if (this.#closed) throw new StoreClosed();
  }
}
