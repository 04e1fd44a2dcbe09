import { type Namespace, namespaces } from '../../api/kinds/namespace.ts';
import type { KubeObject } from '../../api/object.ts';
import type { Store } from '../../store/store.ts';
import { notFound } from '../read.ts';
import { ObjectIndex } from './object-index.ts';
import type { AdmissionPlugin, AdmissionRequest } from './plugin.ts';

/** Nothing at all is done in a namespace that is not there. Off unless somebody wants it. */
export class NamespaceExists implements AdmissionPlugin {
  readonly name = 'NamespaceExists';
  readonly #namespaces: ObjectIndex<Namespace>;

  constructor(store: Store) {
    this.#namespaces = new ObjectIndex(store, namespaces);
  }

  async validate(_object: KubeObject | undefined, { kind, route }: AdmissionRequest): Promise<void> {
    if (!kind.namespaced) return;
    await this.#namespaces.ready();
    if (!this.#namespaces.get('', route.namespace)) throw notFound(namespaces as never, route.namespace);
  }
}
