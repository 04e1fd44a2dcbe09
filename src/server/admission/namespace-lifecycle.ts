import { ApiError } from '../../api/error.ts';
import { type Namespace, namespaces } from '../../api/kinds/namespace.ts';
import type { KubeObject } from '../../api/object.ts';
import type { Store } from '../../store/store.ts';
import { notFound } from '../read.ts';
import { ObjectIndex } from './object-index.ts';
import type { AdmissionPlugin, AdmissionRequest } from './plugin.ts';
import { isAbout, refusal } from './refusal.ts';

const immortal = new Set(['default', 'kube-system', 'kube-public']);

/** Nothing is created in a namespace that is not there or is going away; the system's own namespaces stay. */
export class NamespaceLifecycle implements AdmissionPlugin {
  readonly name = 'NamespaceLifecycle';
  readonly #namespaces: ObjectIndex<Namespace>;

  constructor(store: Store) {
    this.#namespaces = new ObjectIndex(store, namespaces);
  }

  /** Before anything else is looked at: what has no place to be is not judged. */
  mutate(object: KubeObject, request: AdmissionRequest): Promise<KubeObject> | KubeObject {
    if (request.operation !== 'CREATE' || !request.kind.namespaced) return object;
    const wait = this.#namespaces.ready();
    if (wait) return wait.then(() => this.#placed(object, request));
    return this.#placed(object, request);
  }

  validate(_object: KubeObject | undefined, request: AdmissionRequest): void {
    const { name } = request.route;
    if (request.operation !== 'DELETE' || !isAbout(request, namespaces) || !immortal.has(name)) return;
    throw refusal(request, 'this namespace may not be deleted');
  }

  #placed(object: KubeObject, request: AdmissionRequest): KubeObject {
    const { namespace } = request.route;
    const place = this.#namespaces.get('', namespace);
    if (!place) throw notFound(namespaces as never, namespace);
    if (place.metadata.deletionTimestamp === undefined) return object;
    const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
    const { message, details } = refusal(request, why);
    const cause = {
      reason: 'NamespaceTerminating',
      message: `namespace ${namespace} is being terminated`,
      field: 'metadata.namespace',
    };
    throw new ApiError('Forbidden', message, { ...details, causes: [cause] });
  }
}
