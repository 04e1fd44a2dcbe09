import { deepFreeze, type Json } from '../base/json.ts';
import type { Stop } from '../base/stop.ts';
import { MemoryStore } from '../store/memory.ts';
import type { Commit, ListOptions, Revision, Store, Watcher } from '../store/store.ts';

/** A store in memory whose values nobody can change: proof that shared objects are only read. */
export class FrozenStore implements Store {
  readonly #store: Store = new MemoryStore();

  get revision(): Revision {
    return this.#store.revision;
  }

  get(key: string, at?: Revision): ReturnType<Store['get']> {
    return this.#store.get(key, at);
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
}
