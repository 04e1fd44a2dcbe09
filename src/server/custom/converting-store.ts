import type { Json } from '../../base/json.ts';
import { type Stop, StopSource } from '../../base/stop.ts';
import type { Change, Commit, ListOptions, Revision, Store, Watcher } from '../../store/store.ts';
import type { Conversions, Converting } from './conversions.ts';

/**
 * The store as the server sees it: objects whose versions are converted by a webhook are converted before they are
 * handed out, and what is written is converted to the version that is stored. All others pass untouched.
 */
export class ConvertingStore implements Store {
  readonly #store: Store;
  readonly #conversions: Conversions;

  constructor(store: Store, conversions: Conversions) {
    this.#store = store;
    this.#conversions = conversions;
  }

  get revision(): Revision {
    return this.#store.revision;
  }

  async get(key: string, at?: Revision): ReturnType<Store['get']> {
    const found = await this.#store.get(key, at);
    const converting = found.entry && this.#conversions.of(key);
    if (found.entry && converting) await this.#conversions.prepare(converting, [found.entry.value]);
    return found;
  }

  /** Where a webhook converts, it has to be waited for. */
  peek(key: string): ReturnType<Store['peek']> {
    return this.#conversions.of(key) ? undefined : this.#store.peek(key);
  }

  async list(prefix: string, options?: ListOptions): ReturnType<Store['list']> {
    const found = await this.#store.list(prefix, options);
    const converting = this.#conversions.of(prefix);
    if (converting)
      await this.#conversions.prepare(
        converting,
        found.entries.map(({ value }) => value),
      );
    return found;
  }

  commit(key: string, expect: Revision, value: Json | undefined): Promise<Commit> {
    const converting = value === undefined ? undefined : this.#conversions.of(key);
    if (value === undefined || !converting) return this.#store.commit(key, expect, value);
    return this.#converted(converting, { key, expect, value });
  }

  async #converted(
    converting: Converting,
    { key, expect, value }: { readonly key: string; readonly expect: Revision; readonly value: Json },
  ): Promise<Commit> {
    const done = await this.#store.commit(key, expect, await this.#conversions.toStorage(converting, value));
    if (done.ok) await this.#conversions.prepare(converting, [done.entry.value]);
    return done;
  }

  watch(prefix: string, since: Revision, watcher: Watcher, stop: Stop): void {
    if (this.#conversions.of(prefix)) this.#store.watch(prefix, since, this.#delayed(prefix, watcher, stop), stop);
    else this.#store.watch(prefix, since, watcher, stop);
  }

  /** Batches wait for their conversion, one behind the other. */
  #delayed(prefix: string, watcher: Watcher, stop: Stop): Watcher {
    const own = StopSource.under(stop);
    let last: Promise<void> = Promise.resolve();
    const give = async (batch: readonly Change[], upTo: Revision): Promise<void> => {
      const converting = this.#conversions.of(prefix);
      const values = batch.flatMap(({ entry, previous }) => [entry.value, ...(previous ? [previous.value] : [])]);
      if (converting) await this.#conversions.prepare(converting, values);
      if (own.stopped) return;
      if (watcher.take(batch, upTo) === 'more') return;
      own.stop();
      watcher.closed('full');
    };
    return {
      take: (batch, upTo) => {
        if (own.stopped) return 'full';
        last = last.then(() => give(batch, upTo));
        return 'more';
      },
      closed: (reason) => {
        if (!own.stopped) watcher.closed(reason);
      },
    };
  }

  compact(before: Revision): Promise<void> {
    return this.#store.compact(before);
  }
  close(): Promise<void> {
    return this.#store.close();
  }
}
