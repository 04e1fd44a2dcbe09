import type { Kind } from '../api/kind.ts';
import type { KubeObject } from '../api/object.ts';
import { type Env, forkEnv } from '../base/env.ts';
import type { Client } from '../client/client.ts';
import { Cache } from './cache.ts';

/** One cache of each kind, shared by all parts of one process. */
export class Caches {
  readonly #env: Env;
  readonly #client: Client;
  readonly #caches = new Map<Kind, Cache>();

  constructor(env: Env, client: Client) {
    this.#env = env;
    this.#client = client;
  }

  of<T extends KubeObject>(kind: Kind<T>): Cache<T> {
    const shared = kind as unknown as Kind;
    let cache = this.#caches.get(shared);
    if (!cache) {
      cache = new Cache(forkEnv(this.#env, `cache/${kind.plural}`), this.#client, shared);
      this.#caches.set(shared, cache);
    }
    return cache as unknown as Cache<T>;
  }

  /** Those that were asked for so far: run them all. */
  all(): readonly Cache[] {
    return [...this.#caches.values()];
  }
}
