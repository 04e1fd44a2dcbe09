import { type Node, nodes } from '../../api/kinds/node.ts';
import { type Pod, pods } from '../../api/kinds/pod.ts';
import type { KubeObject, Labels } from '../../api/object.ts';
import type { JsonObject } from '../../base/json.ts';
import type { Store } from '../../store/store.ts';
import { ObjectIndex } from './object-index.ts';
import type { AdmissionPlugin, AdmissionRequest } from './plugin.ts';

const copied = ['topology.kubernetes.io/zone', 'topology.kubernetes.io/region'];

/** A pod can read where its node is: it gets the node's zone and region as labels when it gets the node. */
export class PodTopologyLabels implements AdmissionPlugin {
  readonly name = 'PodTopologyLabels';
  readonly kinds = [pods];
  readonly #nodes: ObjectIndex<Node>;

  constructor(store: Store) {
    this.#nodes = new ObjectIndex(store, nodes);
  }

  mutate(object: KubeObject, { operation, kind, route }: AdmissionRequest): Promise<KubeObject> | KubeObject {
    if (operation !== 'CREATE' || kind.group !== pods.group || kind.plural !== pods.plural) return object;
    const { subresource } = route;
    if (subresource !== '' && subresource !== 'binding') return object;
    const name = subresource === '' ? (object as Pod).spec.nodeName : targetOf(object);
    if (!name) return object;
    return this.#nodes.whenReady(() => this.#labelled(object, name));
  }

  #labelled(object: KubeObject, name: string): KubeObject {
    const labels = this.#nodes.get('', name)?.metadata.labels ?? {};
    const own: Record<string, string> = {};
    for (const key of copied) if (labels[key] !== undefined) own[key] = labels[key];
    return Object.keys(own).length > 0 ? withLabels(object, own) : object;
  }
}

function targetOf(binding: KubeObject): string {
  const { target } = binding as unknown as { readonly target?: JsonObject };
  return typeof target?.name === 'string' ? target.name : '';
}

const withLabels = (object: KubeObject, labels: Labels): KubeObject => ({
  ...object,
  metadata: { ...object.metadata, labels: { ...object.metadata.labels, ...labels } },
});
