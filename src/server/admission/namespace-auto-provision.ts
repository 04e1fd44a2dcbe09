import { ApiError } from '../../api/error.ts';
import { type Namespace, namespaces } from '../../api/kinds/namespace.ts';
import type { KubeObject } from '../../api/object.ts';
import type { Caller, Transport } from '../../api/wire.ts';
import { never } from '../../base/stop.ts';
import type { Store } from '../../store/store.ts';
import { mastersGroup } from '../attributes.ts';
import { ObjectIndex } from './object-index.ts';
import type { AdmissionPlugin, AdmissionRequest } from './plugin.ts';

const self: Caller = { name: 'system:apiserver', groups: [mastersGroup], extra: {} };
/** Somebody else was quicker. */
const conflict = 409;

/** Whoever makes something in a namespace that is not there makes the namespace. Off unless somebody wants it. */
export class NamespaceAutoProvision implements AdmissionPlugin {
  readonly name = 'NamespaceAutoProvision';
  readonly #namespaces: ObjectIndex<Namespace>;
  readonly #self: Transport;

  constructor(store: Store, self: Transport) {
    this.#namespaces = new ObjectIndex(store, namespaces);
    this.#self = self;
  }

  async mutate(object: KubeObject, { operation, kind, route, dryRun }: AdmissionRequest): Promise<KubeObject> {
    if (operation !== 'CREATE' || !kind.namespaced || dryRun) return object;
    await this.#namespaces.ready();
    const { namespace: name } = route;
    if (this.#namespaces.get('', name)) return object;
    const namespace = { apiVersion: 'v1', kind: namespaces.kind, metadata: { name } };
    const response = await this.#self({
      method: 'POST',
      path: '/api/v1/namespaces',
      query: [],
      headers: {},
      caller: self,
      body: { object: namespace },
      stop: never,
    });
    if (response.status < 400 || response.status === conflict) return object;
    throw new ApiError('InternalError', `the namespace ${name} could not be made: ${response.status}`);
  }
}
