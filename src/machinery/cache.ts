import { ApiError, isApiError } from '../api/error.ts';
import type { Kind } from '../api/kind.ts';
import { type Key, type KubeObject, keyOf, keyText } from '../api/object.ts';
import type { WatchEvent, Watching } from '../api/wire.ts';
import { type Component, type Env, Stopped, sleep } from '../base/env.ts';
import { type Stop, StopSource } from '../base/stop.ts';
import type { Client, Query } from '../client/client.ts';

const retryMinMs = 50;
const retryMaxMs = 5_000;

export type Changed<T> = (now: T | undefined, before: T | undefined) => void;
/** The values under which an object is found: `by('node', 'node-1')`. */
export type Index<T> = (object: T) => readonly string[];

/** List, then watch, for ever: a local read-only copy of one kind, and the revision it is true at. */
export class Cache<T extends KubeObject = KubeObject> implements Component {
  readonly name: string;
  readonly kind: Kind<T>;
  synced = false;
  revision: number = 0;
  readonly #env: Env;
  readonly #client: Client;
  readonly #query: Query;
  readonly #objects = new Map<string, T>();
  readonly #indexes = new Map<string, { readonly of: Index<T>; readonly found: Map<string, Map<string, T>> }>();
  readonly #changed: Changed<T>[] = [];
  readonly #progressed: (() => void)[] = [];

  constructor(env: Env, client: Client, kind: Kind<T>, query: Query = {}) {
    this.#env = env;
    this.#client = client;
    this.kind = kind;
    this.#query = query;
    this.name = `cache/${kind.plural}`;
  }

  get(key: Key): T | undefined {
    return this.#objects.get(keyText(key));
  }

  list(namespace?: string): readonly T[] {
    const all = [...this.#objects.values()];
    return namespace === undefined ? all : all.filter((object) => (object.metadata.namespace ?? '') === namespace);
  }

  by(index: string, value: string): readonly T[] {
    const known = this.#indexes.get(index);
    if (!known) throw new Error(`${this.name} has no index ${index}`);
    return [...(known.found.get(value)?.values() ?? [])];
  }

  /** Before it runs. Asking twice for the same index is fine: parts share caches. */
  index(name: string, of: Index<T>): this {
    if (!this.#indexes.has(name)) this.#indexes.set(name, { of, found: new Map() });
    return this;
  }

  onChange(listener: Changed<T>): void {
    this.#changed.push(listener);
  }

  /** Told whenever `revision` or `synced` has moved on. */
  onProgress(listener: () => void): void {
    this.#progressed.push(listener);
  }

  async run(stop: Stop): Promise<void> {
    for (let failures = 0; !stop.stopped; failures++) {
      try {
        await this.#listThenWatch(stop, () => {
          failures = 0;
        });
      } catch (error) {
        if (stop.stopped || error instanceof Stopped) return;
        if (!isApiError(error)) throw error;
        this.#env.log.debug('watch ended, listing again', { kind: this.kind.plural, error: error.message });
        const delay = failures === 0 ? 0 : Math.min(retryMinMs * 2 ** failures, retryMaxMs);
        await sleep(this.#env.clock, delay * (1 + this.#env.random.float() / 2), stop).catch(() => {});
      }
    }
  }

  async #listThenWatch(stop: Stop, progressed: () => void): Promise<void> {
    const listed = await this.#client.list(this.kind, this.#query);
    if (stop.stopped) return;
    const seen = new Set<string>();
    for (const object of listed.items) seen.add(this.#set(object));
    for (const [key, object] of this.#objects) if (!seen.has(key)) this.#drop(object);
    this.synced = true;
    this.#reach(Number(listed.revision));
    progressed();
    const watch = StopSource.under(stop);
    try {
      const watching = await this.#client.watch(this.kind, { ...this.#query, since: listed.revision }, watch);
      await this.#follow(watching, stop, progressed);
    } finally {
      watch.stop();
    }
  }

  #follow(watching: Watching<T>, stop: Stop, progressed: () => void): Promise<never> {
    return new Promise((_resolve, reject) => {
      stop.onStop(() => reject(new Stopped()));
      watching.onEnd((error) => reject(error ?? new ApiError('ServiceUnavailable', 'the watch ended')));
      watching.onBatch((batch) => {
        if (stop.stopped) return 'full';
        try {
          this.#apply(batch);
        } catch (error) {
          reject(error);
          return 'full';
        }
        progressed();
        return 'more';
      });
    });
  }

  #apply(batch: readonly WatchEvent<T>[]): void {
    let revision = this.revision;
    for (const event of batch) {
      if (event.type === 'ERROR') {
        const status = event.object as unknown as { readonly message?: string };
        throw new ApiError('Expired', status.message ?? 'the watch failed');
      }
      revision = Math.max(revision, Number(event.object.metadata.resourceVersion));
      if (event.type === 'DELETED') this.#drop(event.object);
      else if (event.type !== 'BOOKMARK') this.#set(event.object);
    }
    this.#reach(revision);
  }

  #reach(revision: number): void {
    this.revision = Math.max(this.revision, revision);
    for (const tell of this.#progressed) tell();
  }

  #set(object: T): string {
    const key = keyText(keyOf(object));
    const before = this.#objects.get(key);
    if (before?.metadata.resourceVersion === object.metadata.resourceVersion) return key;
    this.#objects.set(key, object);
    this.#reindex(key, object, before);
    for (const tell of this.#changed) tell(object, before);
    return key;
  }

  #drop(object: T): void {
    const key = keyText(keyOf(object));
    const before = this.#objects.get(key);
    if (!before) return;
    this.#objects.delete(key);
    this.#reindex(key, undefined, before);
    for (const tell of this.#changed) tell(undefined, object.metadata.uid === before.metadata.uid ? object : before);
  }

  #reindex(key: string, now: T | undefined, before: T | undefined): void {
    for (const { of, found } of this.#indexes.values()) {
      const next = now ? of(now) : [];
      for (const value of before ? of(before) : []) {
        if (next.includes(value)) continue;
        const bucket = found.get(value);
        bucket?.delete(key);
        if (bucket?.size === 0) found.delete(value);
      }
      for (const value of next) {
        const bucket = found.get(value);
        if (bucket) bucket.set(key, now as T);
        else found.set(value, new Map([[key, now as T]]));
      }
    }
  }
}

// Indexes that several parts use: the same name means the same index.
export const byOwner: Index<KubeObject> = (object) => (object.metadata.ownerReferences ?? []).map((owner) => owner.uid);
export const byNamespace: Index<KubeObject> = (object) => [object.metadata.namespace ?? ''];
