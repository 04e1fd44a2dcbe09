import type { Kind } from '../../api/kind.ts';
import type { KubeObject } from '../../api/object.ts';
import type { Json } from '../../base/json.ts';
import type { Store } from '../../store/store.ts';
import { Mirror } from '../auth/mirror.ts';
import { storagePrefix } from '../kinds.ts';

/**
 * The objects of one kind in memory, in step with the store, found by name and by namespace: what a plugin may look at
 * in every request. They have no resourceVersion.
 */
export class ObjectIndex<T extends KubeObject> {
  readonly #mirror: Mirror;
  readonly #namespaces = new Map<string, Map<string, T>>();

  constructor(store: Store, kind: Kind<T>) {
    const prefix = storagePrefix(kind as unknown as Kind);
    this.#mirror = new Mirror(store, prefix, (key, next) => this.#take(key.slice(prefix.length), next));
  }

  /** Undefined when it can be asked at once. */
  ready(): Promise<void> | undefined {
    return this.#mirror.ready();
  }

  /** At once where nothing has to be waited for: that is nearly always, and a promise for each plugin adds up. */
  whenReady<R>(run: () => R): Promise<R> | R {
    const wait = this.#mirror.ready();
    return wait ? wait.then(run) : run();
  }

  get(namespace: string, name: string): T | undefined {
    return this.#namespaces.get(namespace)?.get(name);
  }

  /** In the order in which they came. Cluster-scoped objects are in the namespace ''. */
  list(namespace: string): readonly T[] {
    const found = this.#namespaces.get(namespace);
    return found ? [...found.values()] : [];
  }

  #take(key: string, next: Json | undefined): void {
    const slash = key.indexOf('/');
    const namespace = key.slice(0, Math.max(0, slash));
    const name = key.slice(slash + 1);
    const inside = this.#namespaces.get(namespace);
    if (next !== undefined) {
      if (inside) inside.set(name, next as unknown as T);
      else this.#namespaces.set(namespace, new Map([[name, next as unknown as T]]));
      return;
    }
    inside?.delete(name);
    if (inside?.size === 0) this.#namespaces.delete(namespace);
  }
}
