import type { Endpoint, EndpointSlice } from '../api/kinds/endpoint-slice.ts';
import type { Service, ServicePort } from '../api/kinds/service.ts';
import { compareText } from '../base/text.ts';
import { type Backend, type Family, familyOf } from './dataplane.ts';

export interface TableOptions {
  /** The node that the table is for. Absent where several nodes share one network: then every pod is near. */
  readonly node?: string;
  /** The zone of that node. */
  readonly zone?: string;
}

/** Who may answer at one port of a service, in one family of addresses. */
export interface Choice {
  readonly cluster: readonly Backend[];
  /** Those of this node. */
  readonly local: readonly Backend[];
  /** Somebody in the cluster answers, near or far. */
  readonly any: boolean;
}

/** Who is ready; where nobody is, who still serves while it ends, so that the last pod's work is not cut off. */
export function chooseEndpoints(
  service: Service,
  port: ServicePort,
  slices: readonly EndpointSlice[],
  { family, node, zone }: TableOptions & { readonly family: Family },
): Choice {
  const found = endpointsAt(port, slices, family);
  const ready = found.filter(({ endpoint }) => isReady(service, endpoint));
  const leaving = ready.length > 0 ? [] : found.filter(({ endpoint }) => isLeaving(endpoint));
  const near = nearest(ready, { ...(node === undefined ? {} : { node }), ...(zone === undefined ? {} : { zone }) });
  const cluster = backendsOf(ready.length > 0 ? near : leaving);
  const here = found.filter(({ endpoint }) => node === undefined || endpoint.nodeName === node);
  const readyHere = here.filter(({ endpoint }) => isReady(service, endpoint));
  const local = backendsOf(readyHere.length > 0 ? readyHere : here.filter(({ endpoint }) => isLeaving(endpoint)));
  return { cluster, local, any: cluster.length > 0 };
}

interface Found {
  readonly endpoint: Endpoint;
  readonly backend: Backend;
}

function endpointsAt(port: ServicePort, slices: readonly EndpointSlice[], family: Family): readonly Found[] {
  const found: Found[] = [];
  for (const slice of slices) {
    if (slice.addressType !== family || slice.metadata.deletionTimestamp) continue;
    const number = portIn(slice, port);
    if (number === undefined) continue;
    for (const endpoint of slice.endpoints ?? []) {
      // All addresses of one endpoint are the same pod: the first is enough.
      const ip = endpoint.addresses[0];
      if (ip && familyOf(ip) === family) found.push({ endpoint, backend: { ip, port: number } });
    }
  }
  return found;
}

/**
 * Those that ask to be used from here, if every one says from where. One that says nothing is new to the hints: until
 * they are complete nobody is left out. Hints that leave nobody for this place are no help either.
 */
function nearest(ready: readonly Found[], { node, zone }: TableOptions): readonly Found[] {
  const hinted = (names: (endpoint: Endpoint) => readonly string[], here: string | undefined) => {
    if (here === undefined || ready.some(({ endpoint }) => names(endpoint).length === 0)) return [];
    return ready.filter(({ endpoint }) => names(endpoint).includes(here));
  };
  const sameNode = hinted(({ hints }) => (hints?.forNodes ?? []).map(({ name }) => name), node);
  if (sameNode.length > 0) return sameNode;
  const sameZone = hinted(({ hints }) => (hints?.forZones ?? []).map(({ name }) => name), zone);
  return sameZone.length > 0 ? sameZone : ready;
}

/** Each once, in one order: two slices may name the same pod while it moves from one to the other. */
function backendsOf(found: readonly Found[]): readonly Backend[] {
  const unique = new Map(found.map(({ backend }) => [`${backend.ip} ${backend.port}`, backend]));
  return [...unique.values()].sort((a, b) => compareText(a.ip, b.ip) || a.port - b.port);
}

/** Slices name their ports after the service's: equal names and protocols belong together. */
function portIn(slice: EndpointSlice, port: ServicePort): number | undefined {
  const found = slice.ports?.find(
    (candidate) =>
      (candidate.name ?? '') === (port.name ?? '') && (candidate.protocol ?? 'TCP') === (port.protocol ?? 'TCP'),
  );
  return found?.port;
}

// An absent condition means yes, as the API has it.
const isReady = (service: Service, { conditions }: Endpoint): boolean =>
  (conditions?.ready ?? true) || service.spec.publishNotReadyAddresses === true;
const isLeaving = ({ conditions }: Endpoint): boolean =>
  conditions?.terminating === true && (conditions.serving ?? conditions.ready ?? true);
