import type { CustomDefinition } from '../../api/custom/definition.ts';
import { isApiError } from '../../api/error.ts';
import type { Kind } from '../../api/kind.ts';
import { cleanupFinalizer, customResourceDefinitions } from '../../api/kinds/custom-resource-definition.ts';
import type { KubeObject } from '../../api/object.ts';
import { StopSource } from '../../base/stop.ts';
import { deleteObject } from '../delete.ts';
import { storagePrefix } from '../kinds.ts';
import type { ResourceRoute } from '../route.ts';
import type { WriteDeps, WriteOptions, Writer } from '../write.ts';

const definitions = customResourceDefinitions as unknown as Kind;

/** Takes away the objects of definitions that are being deleted, and then lets the definitions go. */
export class Cleanup {
  readonly #deps: WriteDeps & { readonly writer: Writer };
  readonly #options: WriteOptions;
  readonly #running = new Set<string>();

  constructor(deps: WriteDeps & { readonly writer: Writer }, options: WriteOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  start(definition: CustomDefinition, kind: Kind | undefined): void {
    const { uid = '', name, finalizers = [] } = definition.metadata;
    if (this.#running.has(uid) || !finalizers.includes(cleanupFinalizer)) return;
    this.#running.add(uid);
    this.#run(name, kind)
      .catch((error: unknown) => {
        if (isApiError(error, 'NotFound')) return;
        this.#deps.env.log.error('the objects of a definition could not be removed', { name, error: String(error) });
      })
      .finally(() => this.#running.delete(uid));
  }

  async #run(name: string, kind: Kind | undefined): Promise<void> {
    if (kind) await this.#empty(kind);
    const route = routeTo(definitions, '', name);
    await this.#deps.writer.update(route, released, this.#options);
  }

  /** Deletes every object; those that are held are waited for. */
  async #empty(kind: Kind): Promise<void> {
    const { store } = this.#deps;
    const prefix = storagePrefix(kind);
    for (let isFirst = true; ; isFirst = false) {
      const { entries, revision } = await store.list(prefix);
      if (entries.length === 0) return;
      if (isFirst) await Promise.all(entries.map(({ key }) => this.#delete(kind, key.slice(prefix.length))));
      else await this.#changeAfter(prefix, revision);
    }
  }

  async #delete(kind: Kind, rest: string): Promise<void> {
    const [name = '', namespace = ''] = rest.split('/').reverse();
    try {
      await deleteObject(this.#deps, routeTo(kind, namespace, name), {}, this.#options);
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
    }
  }

  #changeAfter(prefix: string, revision: number): Promise<void> {
    const stop = new StopSource();
    return new Promise((resolve) => {
      const done = () => {
        stop.stop();
        resolve();
      };
      const take = (batch: readonly unknown[]): 'more' => {
        if (batch.length > 0) done();
        return 'more';
      };
      this.#deps.store.watch(prefix, revision, { take, closed: done }, stop);
    });
  }
}

const routeTo = (kind: Kind, namespace: string, name: string): ResourceRoute => ({
  kind,
  namespace,
  name,
  subresource: '',
  rest: '',
  verb: 'delete',
});

function released(live: KubeObject): KubeObject {
  const finalizers = (live.metadata.finalizers ?? []).filter((name) => name !== cleanupFinalizer);
  const { finalizers: _held, ...metadata } = live.metadata;
  return { ...live, metadata: finalizers.length > 0 ? { ...metadata, finalizers } : metadata };
}
