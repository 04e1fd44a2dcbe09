import { type ConfigMap, configMaps as mapKind } from '../api/kinds/config-map.ts';
import type { Namespace } from '../api/kinds/namespace.ts';
import { type Key, keyOf } from '../api/object.ts';
import { act } from '../client/action.ts';
import type { Cache } from '../machinery/cache.ts';
import { type Controller, nothing, type Plan, type Source, source } from '../machinery/controller.ts';

const published = 'kube-root-ca.crt';
/** Where the server itself says by whose word it is known. */
const told: Key = { namespace: 'kube-system', name: 'extension-apiserver-authentication' };
const description =
  'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.';

export interface ObservedRoot {
  readonly namespace: string;
  readonly authority: string;
  readonly map: ConfigMap | undefined;
}

/** Gives every namespace the certificate by which its pods know the server. */
export class RootCaPublisher implements Controller<ObservedRoot> {
  readonly name = 'root-ca-cert-publisher';
  readonly #namespaces: Cache<Namespace>;
  readonly #maps: Cache<ConfigMap>;

  constructor(namespaces: Cache<Namespace>, maps: Cache<ConfigMap>) {
    this.#namespaces = namespaces;
    this.#maps = maps;
  }

  sources(): readonly Source[] {
    return [
      source(this.#namespaces, (namespace) => [keyOf(namespace)]),
      source(this.#maps, ({ metadata }) => {
        const { namespace = '', name } = metadata;
        if (name === published) return [{ namespace: '', name: namespace }];
        return name === told.name && namespace === told.namespace ? this.#namespaces.list().map(keyOf) : [];
      }),
    ];
  }

  observe({ name: namespace }: Key): ObservedRoot | undefined {
    const found = this.#namespaces.get({ namespace: '', name: namespace });
    const authority = this.#maps.get(told)?.data?.['client-ca-file'];
    if (!found || found.metadata.deletionTimestamp !== undefined || !authority) return undefined;
    return { namespace, authority, map: this.#maps.get({ namespace, name: published }) };
  }

  plan({ namespace, authority, map }: ObservedRoot): Plan {
    const data = { 'ca.crt': authority };
    const annotations = { 'kubernetes.io/description': description };
    if (!map) {
      const object = { metadata: { name: published, namespace, annotations }, data };
      return { actions: [[act({ verb: 'create', kind: mapKind, object })]] };
    }
    const same = map.data?.['ca.crt'] === authority && Object.keys(map.data).length === 1;
    if (same && map.metadata.annotations?.['kubernetes.io/description'] !== undefined) return nothing;
    const metadata = { ...map.metadata, annotations: { ...map.metadata.annotations, ...annotations } };
    const { binaryData: _other, ...rest } = map;
    return { actions: [[act({ verb: 'update', kind: mapKind, object: { ...rest, metadata, data } })]] };
  }
}
