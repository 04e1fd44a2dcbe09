import type { Kind } from '../api/kind.ts';
import type { KubeObject } from '../api/object.ts';
import { type Env, forkEnv } from '../base/env.ts';
import { StopSource } from '../base/stop.ts';
import type { Client } from '../client/client.ts';
import { Cache } from '../machinery/cache.ts';

interface Watched {
  readonly cache: Cache;
  readonly stop: StopSource;
  readonly tell: Set<() => void>;
}

/** One object that somebody wants to be told of. */
export interface Named {
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
}

/** Watches single objects, each once however many ask: a node learns of what its pods name, and of nothing else. */
export class ObjectWatch {
  readonly #env: Env;
  readonly #client: Client;
  readonly #watched = new Map<string, Watched>();

  constructor(env: Env, client: Client) {
    this.#env = env;
    this.#client = client;
  }

  /** `tell` is called whenever it is made, changed or removed. Answers how to be told no more. */
  on({ kind, namespace, name }: Named, tell: () => void): () => void {
    const key = `${kind.plural}/${namespace}/${name}`;
    let watched = this.#watched.get(key);
    if (!watched) {
      watched = this.#begin(kind, { namespace, fields: `metadata.name=${name}` });
      this.#watched.set(key, watched);
    }
    const { tell: listeners, stop } = watched;
    // A wrapper of its own, so that the same function given twice is two listeners.
    const listener = () => tell();
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      if (listeners.size > 0) return;
      stop.stop();
      if (this.#watched.get(key)?.stop === stop) this.#watched.delete(key);
    };
  }

  /** What the object's revision is, as far as is known here. */
  revision({ kind, namespace, name }: Named): string {
    const cache = this.#watched.get(`${kind.plural}/${namespace}/${name}`)?.cache;
    return cache?.get({ namespace, name })?.metadata.resourceVersion ?? '';
  }

  /** With whoever asked: what is asked afterwards begins anew. */
  end(): void {
    for (const { stop } of this.#watched.values()) stop.stop();
    this.#watched.clear();
  }

  #begin(kind: Kind, query: { readonly namespace: string; readonly fields: string }): Watched {
    const cache = new Cache<KubeObject>(forkEnv(this.#env, `object/${kind.plural}`), this.#client, kind, query);
    const watched = { cache, stop: new StopSource(), tell: new Set<() => void>() };
    cache.onChange(() => {
      for (const tell of watched.tell) tell();
    });
    cache.run(watched.stop).catch((error: unknown) => {
      this.#env.log.error('a watch of one object broke', { kind: kind.plural, error: String(error) });
    });
    return watched;
  }
}
