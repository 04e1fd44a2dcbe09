import { decodeBase64, encodeBase64 } from '../base/base64.ts';
import { beside } from '../base/beside.ts';
import type { Crypto } from '../base/env.ts';
import { decodeText, encodeText, isObject, type Json } from '../base/json.ts';
import { nestedText } from '../base/shared-json.ts';
import type { Stop } from '../base/stop.ts';
import type { Change, Commit, Entry, ListOptions, Revision, Store, Watcher } from '../store/store.ts';

/** Where what is secret lies. */
export const secretPrefix = '/core/secrets/';

/**
 * Keeps what is secret sealed wherever the store underneath keeps it: on disk, in its log, in its history. Whoever
 * reads through this sees it as it was written. What was written before anybody sealed stays readable.
 */
export class SealingStore implements Store {
  readonly #store: Store;
  readonly #crypto: Crypto;
  /** One opened entry for each sealed one: who caches by entry, caches these too. */
  readonly #opened = beside<Entry, Entry>();
  /** What was sealed into a value, for whoever is told of it before its writer is. */
  readonly #plain = beside<object, Json>();

  constructor(store: Store, crypto: Crypto) {
    this.#store = store;
    this.#crypto = crypto;
  }

  get revision(): Revision {
    return this.#store.revision;
  }

  async get(key: string, at?: Revision): ReturnType<Store['get']> {
    const found = await this.#store.get(key, at);
    return found.entry ? { ...found, entry: this.#open(found.entry) } : found;
  }

  peek(key: string): ReturnType<Store['peek']> {
    const found = this.#store.peek(key);
    return found?.entry && key.startsWith(secretPrefix) ? { entry: this.#open(found.entry) } : found;
  }

  async list(prefix: string, options?: ListOptions): ReturnType<Store['list']> {
    const page = await this.#store.list(prefix, options);
    return mayHoldSecrets(prefix) ? { ...page, entries: page.entries.map((entry) => this.#open(entry)) } : page;
  }

  commit(key: string, expect: Revision, value: Json | undefined): Promise<Commit> {
    if (!key.startsWith(secretPrefix)) return this.#store.commit(key, expect, value);
    return this.#sealed(key, expect, value);
  }

  async #sealed(key: string, expect: Revision, value: Json | undefined): Promise<Commit> {
    const done = await this.#store.commit(key, expect, value === undefined ? undefined : this.#seal(value));
    if (done.ok) return { ...done, entry: this.#open(done.entry) };
    return done.actual ? { ...done, actual: this.#open(done.actual) } : done;
  }

  watch(prefix: string, since: Revision, watcher: Watcher, stop: Stop): void {
    if (!mayHoldSecrets(prefix)) return this.#store.watch(prefix, since, watcher, stop);
    const take: Watcher['take'] = (batch, upTo) =>
      watcher.take(
        batch.map((change) => this.#shown(change)),
        upTo,
      );
    this.#store.watch(prefix, since, { take, closed: (reason) => watcher.closed(reason) }, stop);
  }

  compact(before: Revision): Promise<void> {
    return this.#store.compact(before);
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  #shown(change: Change): Change {
    const { entry, previous } = change;
    if (!entry.key.startsWith(secretPrefix)) return change;
    return { ...change, entry: this.#open(entry), ...(previous ? { previous: this.#open(previous) } : {}) };
  }

  #seal(value: Json): Json {
    const sealed = { sealed: encodeBase64(this.#crypto.seal(encodeText(nestedText(value)))) };
    this.#plain.set(sealed, value);
    return sealed;
  }

  #open(entry: Entry): Entry {
    const { key, value } = entry;
    if (!key.startsWith(secretPrefix) || !isObject(value) || typeof value.sealed !== 'string') return entry;
    let opened = this.#opened.get(entry);
    if (!opened) {
      opened = { ...entry, value: this.#plain.get(value) ?? this.#unsealed(key, value.sealed) };
      this.#opened.set(entry, opened);
    }
    return opened;
  }

  #unsealed(key: string, sealed: string): Json {
    try {
      return JSON.parse(decodeText(this.#crypto.open(decodeBase64(sealed))));
    } catch (cause) {
      throw new Error(`${key} cannot be opened: the key that sealed it is not in the key file`, { cause });
    }
  }
}

const mayHoldSecrets = (prefix: string): boolean => secretPrefix.startsWith(prefix) || prefix.startsWith(secretPrefix);
