import type { Clock, Millis, Random } from '../base/env.ts';
import { deepFreeze, type Json } from '../base/json.ts';
import type { Stop } from '../base/stop.ts';
import { StoreCore } from '../store/core.ts';
import { defaultHistoryLimits } from '../store/history.ts';
import { type Journal, JournaledStore } from '../store/journaled.ts';
import type { Change, Commit, ListOptions, Revision, Store, Watcher } from '../store/store.ts';

/**
 * A store on a pretended disk: its syncs take time, and what was not synced is lost when its machine stops. Values are
 * frozen, as proof that shared objects are only read.
 */
export class SimStore implements Store {
  /** The longest that a sync takes. At 0 there is no disk: what is committed is durable at once. */
  syncMaxMs: Millis = 0;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #core = new StoreCore(defaultHistoryLimits);
  #store = this.#open();
  /** What is on its way to the disk. */
  #syncing: readonly Change[] = [];
  #lives = 0;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  get revision(): Revision {
    return this.#store.revision;
  }

  get(key: string, at?: Revision): ReturnType<Store['get']> {
    return this.#store.get(key, at);
  }

  peek(key: string): ReturnType<Store['peek']> {
    return this.#store.peek(key);
  }

  list(prefix: string, options?: ListOptions): ReturnType<Store['list']> {
    return this.#store.list(prefix, options);
  }

  commit(key: string, expect: Revision, value: Json | undefined): Promise<Commit> {
    return this.#store.commit(key, expect, deepFreeze(value));
  }

  watch(prefix: string, since: Revision, watcher: Watcher, stop: Stop): void {
    this.#store.watch(prefix, since, watcher, stop);
  }

  compact(before: Revision): Promise<void> {
    return this.#store.compact(before);
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  /** Its process ends without a word. Of a batch on its way to the disk either all is there afterwards or nothing. */
  crash(): void {
    this.#lives++;
    if (this.#syncing.length > 0 && this.#random.below(2) === 0) this.#core.publish(this.#syncing);
    this.#syncing = [];
    this.#core.discard();
    this.#store = this.#open();
  }

  #open(): JournaledStore {
    const journal: Journal = { write: (batch) => this.#write(batch), forget: () => {}, close: () => {} };
    return new JournaledStore(this.#core, journal, (run) => void Promise.resolve().then(run));
  }

  #write(batch: readonly Change[]): void | Promise<void> {
    if (this.syncMaxMs === 0) return;
    this.#syncing = batch;
    const life = this.#lives;
    return new Promise((resolve) => {
      this.#clock.after(this.#random.float() * this.syncMaxMs, () => {
        // Nobody hears any more what the disk says to a process that has ended.
        if (life !== this.#lives) return;
        this.#syncing = [];
        resolve();
      });
    });
  }
}
