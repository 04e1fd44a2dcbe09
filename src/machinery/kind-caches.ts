import { isApiError } from '../api/error.ts';
import { type Kind, makeKind, type Verb } from '../api/kind.ts';
import { apiServices } from '../api/kinds/api-service.ts';
import { customResourceDefinitions } from '../api/kinds/custom-resource-definition.ts';
import { type Part, partOf, partsOf, textOf, textsOf } from '../api/kinds/defaulting.ts';
import { type Component, type Env, forkEnv, sleep } from '../base/env.ts';
import { type Stop, StopSource } from '../base/stop.ts';
import { type Client, jsonOf } from '../client/client.ts';
import { Cache } from './cache.ts';
import type { Caches } from './caches.ts';

const retryMs = 1_000;
/** After a change it is looked so often: the server may serve a kind a moment after it has said so. */
const looksPerChange = 3;
const lookAgainMs = 500;
const discoveryType = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

export interface KindListener {
  added(cache: Cache): void;
  removed(cache: Cache): void;
}

/**
 * A cache of every kind that can be listed, watched and deleted. Those that are built in are there from the start;
 * the others come and go as the cluster's definitions do.
 */
export class KindCaches implements Component {
  readonly name = 'discovered-kinds';
  readonly #env: Env;
  readonly #client: Client;
  readonly #builtIn: readonly Cache[];
  readonly #builtInNames: ReadonlySet<string>;
  readonly #found = new Map<string, { readonly cache: Cache; readonly stop: StopSource }>();
  readonly #listeners: KindListener[] = [];
  /** `apiVersion/Kind` of all that is served beside what is built in. */
  #served: ReadonlySet<string> = new Set();
  #looks = looksPerChange;
  #wake: (() => void) | undefined;
  /** Why the last look failed: some kinds may be missing. */
  failure: string | undefined = 'discovery has not been read yet';

  constructor(env: Env, client: Client, caches: Caches, kinds: readonly Kind[]) {
    this.#env = env;
    this.#client = client;
    this.#builtIn = collectable(kinds).map((kind) => caches.of(kind));
    this.#builtInNames = new Set(kinds.map((kind) => `${kind.apiVersion}/${kind.kind}`));
    const look = () => {
      this.#looks = looksPerChange;
      this.#wake?.();
    };
    caches.of(customResourceDefinitions).onChange(look);
    caches.of(apiServices).onChange(look);
  }

  get builtIn(): readonly Cache[] {
    return this.#builtIn;
  }

  all(): readonly Cache[] {
    return [...this.#builtIn, ...[...this.#found.values()].map(({ cache }) => cache)];
  }

  /** Whether the server has such a kind: what nobody serves cannot be looked for. */
  isServed(apiVersion: string, kind: string): boolean {
    const name = `${apiVersion}/${kind}`;
    return this.#builtInNames.has(name) || this.#served.has(name);
  }

  onKind(listener: KindListener): void {
    this.#listeners.push(listener);
  }

  async run(stop: Stop): Promise<void> {
    stop.onStop(() => this.#wake?.());
    const running: Promise<void>[] = [];
    while (!stop.stopped) {
      if (this.#looks === 0) await this.#change();
      if (stop.stopped) break;
      this.#looks--;
      try {
        running.push(...this.#settle(await this.#discover(), stop));
        this.failure = undefined;
        if (this.#looks > 0) await sleep(this.#env.clock, lookAgainMs, stop).catch(() => {});
      } catch (error) {
        if (!isApiError(error)) throw error;
        this.failure = error.message;
        this.#looks = Math.max(1, this.#looks);
        await sleep(this.#env.clock, retryMs, stop).catch(() => {});
      }
    }
    for (const { stop: end } of this.#found.values()) end.stop();
    await Promise.all(running);
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  async #discover(): Promise<readonly Kind[]> {
    const response = await this.#client.request({ method: 'GET', path: '/apis', headers: { accept: discoveryType } });
    const served = new Set<string>();
    const kinds = new Map<string, Kind>();
    for (const group of partsOf(partOf(await jsonOf(response)).items)) {
      const name = textOf(partOf(group.metadata).name);
      for (const { version, resources } of partsOf(group.versions)) {
        for (const resource of partsOf(resources)) {
          const kind = kindOf(name, textOf(version), resource);
          if (this.#builtInNames.has(`${kind.apiVersion}/${kind.kind}`)) continue;
          served.add(`${kind.apiVersion}/${kind.kind}`);
          const id = `${kind.plural}.${name}`;
          // The first version is the one that the server prefers.
          if (isCollectable(kind) && !kinds.has(id)) kinds.set(id, kind);
        }
      }
    }
    this.#served = served;
    return [...kinds.values()];
  }

  /** Starts the caches of kinds that are new and ends those of kinds that went. */
  #settle(kinds: readonly Kind[], stop: Stop): readonly Promise<void>[] {
    const wanted = new Map(kinds.map((kind) => [`${kind.apiVersion}/${kind.plural}`, kind]));
    for (const [id, { cache, stop: end }] of this.#found) {
      if (wanted.has(id)) continue;
      end.stop();
      this.#found.delete(id);
      for (const listener of this.#listeners) listener.removed(cache);
    }
    const running: Promise<void>[] = [];
    for (const [id, kind] of wanted) {
      if (this.#found.has(id)) continue;
      const cache = new Cache(forkEnv(this.#env, `cache/${id}`), this.#client, kind);
      const own = StopSource.under(stop);
      this.#found.set(id, { cache, stop: own });
      for (const listener of this.#listeners) listener.added(cache);
      running.push(cache.run(own));
    }
    return running;
  }
}

const needed: readonly Verb[] = ['list', 'watch', 'delete'];
const isCollectable = (kind: Kind): boolean => needed.every((verb) => kind.verbs.includes(verb));

/** Each resource once: not in its older versions, and not in the form that another kind stores. */
function collectable(kinds: readonly Kind[]): readonly Kind[] {
  const first = new Map<string, Kind>();
  for (const kind of kinds) {
    const id = `${kind.plural}.${kind.group}`;
    if (isCollectable(kind) && !kind.rules.storedAs && !first.has(id)) first.set(id, kind);
  }
  return [...first.values()];
}

function kindOf(group: string, version: string, resource: Part): Kind {
  return makeKind({
    group,
    version,
    kind: textOf(partOf(resource.responseKind).kind),
    plural: textOf(resource.resource),
    singular: textOf(resource.singularResource),
    namespaced: resource.scope === 'Namespaced',
    verbs: textsOf(resource.verbs) as readonly Verb[],
    shortNames: textsOf(resource.shortNames),
    categories: textsOf(resource.categories),
    subresources: partsOf(resource.subresources).map((sub) => {
      const { group: ofGroup, version: ofVersion, kind } = partOf(sub.responseKind);
      const facts = { group: textOf(ofGroup), version: textOf(ofVersion), kind: textOf(kind) };
      return { ...facts, name: textOf(sub.subresource), verbs: textsOf(sub.verbs) as readonly Verb[] };
    }),
  });
}
