import { type Node, nodeApiAuthority, nodeApiHost, nodes } from '../../api/kinds/node.ts';
import type { Store } from '../../store/store.ts';
import { storageKey } from '../kinds.ts';
import type { NodePlace } from '../node-doors.ts';
import { notFound } from '../read.ts';

const usualPort = 10_250;
/** The kinds of address, the best first. */
const addressTypes = ['InternalIP', 'InternalDNS', 'ExternalIP', 'ExternalDNS', 'Hostname'];

/** Where the API of a node is. */
export async function nodePlace(store: Store, name: string): Promise<NodePlace> {
  const node = (await store.get(storageKey(nodes, '', name))).entry?.value as unknown as Node | undefined;
  if (!node) throw notFound(nodes, name);
  const addresses = node.status?.addresses ?? [];
  const known = addressTypes.map((type) => addresses.find((address) => address.type === type)?.address);
  const host = node.metadata.annotations?.[nodeApiHost] ?? known.find((address) => address);
  const authority = node.metadata.annotations?.[nodeApiAuthority];
  return {
    name,
    host: host ?? '',
    port: node.status?.daemonEndpoints?.kubeletEndpoint?.Port || usualPort,
    ...(authority ? { authority } : {}),
  };
}
