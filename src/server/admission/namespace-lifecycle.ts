import { ApiError } from '../../api/error.ts';
import { resourceText } from '../../api/kind.ts';
import { type Namespace, namespaces } from '../../api/kinds/namespace.ts';
import type { KubeObject } from '../../api/object.ts';
import type { Store } from '../../store/store.ts';
import { storageKey } from '../kinds.ts';
import { notFound } from '../read.ts';
import type { AdmissionPlugin, AdmissionRequest } from './plugin.ts';

const immortal = new Set(['default', 'kube-system', 'kube-public', 'kube-node-lease']);

/** Nothing is created in a namespace that is not there or is going away; the system's own namespaces stay. */
export class NamespaceLifecycle implements AdmissionPlugin {
  readonly name = 'NamespaceLifecycle';
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  async validate(_object: KubeObject | undefined, request: AdmissionRequest): Promise<void> {
    const { kind, route, operation } = request;
    if (operation === 'DELETE' && isNamespaceKind(request) && immortal.has(route.name)) {
      throw new ApiError(
        'Forbidden',
        `namespaces ${JSON.stringify(route.name)} is forbidden: this namespace may not be deleted`,
        { name: route.name, kind: 'namespaces' },
      );
    }
    if (operation !== 'CREATE' || !kind.namespaced) return;
    const { entry } = await this.#store.get(storageKey(namespaces as never, '', route.namespace));
    if (!entry) throw notFound(namespaces as never, route.namespace);
    const namespace = entry.value as unknown as Namespace;
    if (namespace.metadata.deletionTimestamp === undefined) return;
    const message = `${resourceText(kind)} ${JSON.stringify(route.name)} is forbidden: unable to create new content in namespace ${route.namespace} because it is being terminated`;
    throw new ApiError('Forbidden', message, {
      name: route.name,
      ...(kind.group ? { group: kind.group } : {}),
      kind: kind.plural,
      causes: [
        {
          reason: 'NamespaceTerminating',
          message: `namespace ${route.namespace} is being terminated`,
          field: 'metadata.namespace',
        },
      ],
    });
  }
}

const isNamespaceKind = ({ kind }: AdmissionRequest) => kind.group === '' && kind.plural === 'namespaces';
