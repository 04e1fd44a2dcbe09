import { isApiError } from '../api/error.ts';
import type { Pod } from '../api/kinds/pod.ts';
import { runtimeClasses } from '../api/kinds/runtime-class.ts';
import type { Client } from '../client/client.ts';
import { noRuntime } from './no-runtime.ts';
import type { Runtime } from './runtime.ts';

/** By handler name; `default` runs what names no RuntimeClass. A runtime belongs to one agent alone. */
export interface Runtimes {
  readonly default: Runtime;
  /** Without it every RuntimeClass means the default. */
  readonly byHandler?: Readonly<Record<string, Runtime>>;
}

/** Which runtime a pod asks for by its RuntimeClass. One that cannot be had is never replaced by another. */
export class RuntimeChoice {
  readonly #client: Client;
  readonly #runtimes: Runtimes;
  /** By class, once found: a class cannot change its handler. */
  readonly #found = new Map<string, Runtime>();
  readonly #all: readonly Runtime[];

  constructor(client: Client, runtimes: Runtimes) {
    this.#client = client;
    this.#runtimes = runtimes;
    this.#all = [...new Set([runtimes.default, ...Object.values(runtimes.byHandler ?? {})])];
  }

  all(): readonly Runtime[] {
    return this.#all;
  }

  has(runtime: Runtime): boolean {
    return this.#all.includes(runtime);
  }

  async of(pod: Pod): Promise<Runtime> {
    const { byHandler, default: usual } = this.#runtimes;
    const name = pod.spec.runtimeClassName;
    if (!name || !byHandler) return usual;
    const known = this.#found.get(name);
    if (known) return known;
    const handler = await this.#handlerOf(name);
    if (handler === undefined) return noRuntime(usual.name, `RuntimeClass.node.k8s.io "${name}" not found`);
    const runtime = byHandler[handler];
    if (!runtime) return noRuntime(usual.name, `no runtime for "${handler}" is configured`);
    this.#found.set(name, runtime);
    return runtime;
  }

  async #handlerOf(name: string): Promise<string | undefined> {
    try {
      const found = await this.#client.get(runtimeClasses, { namespace: '', name });
      return (found as { readonly handler?: string }).handler;
    } catch (error) {
      if (isApiError(error, 'NotFound')) return undefined;
      throw error;
    }
  }
}
