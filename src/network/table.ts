import { type Endpoint, type EndpointSlice, serviceKeyOf } from '../api/kinds/endpoint-slice.ts';
import type { Service, ServicePort } from '../api/kinds/service.ts';
import { byKey, keyOf, keyText } from '../api/object.ts';
import { compareText } from '../base/text.ts';
import type { Backend, Protocol, Route } from './dataplane.ts';

export interface TableOptions {
  /** The node that the table is for: with it, a service with internalTrafficPolicy Local stays on that node. */
  readonly node?: string;
}

/** What services and their slices mean for the network. Pure, and the same order for the same objects. */
export function routingTable(
  services: readonly Service[],
  slices: readonly EndpointSlice[],
  options: TableOptions = {},
): readonly Route[] {
  const slicesOf = new Map<string, EndpointSlice[]>();
  for (const slice of slices) {
    const key = serviceKeyOf(slice);
    const known = slicesOf.get(key);
    if (known) known.push(slice);
    else slicesOf.set(key, [slice]);
  }
  return services.toSorted(byKey).flatMap((service) => {
    return routesOf(service, slicesOf.get(keyText(keyOf(service))) ?? [], options);
  });
}

const affinityDefaultSeconds = 10_800;

/** The routes of one service. */
export function routesOf(
  service: Service,
  slices: readonly EndpointSlice[],
  options: TableOptions = {},
): readonly Route[] {
  const addresses = addressesOf(service);
  const local = service.spec.internalTrafficPolicy === 'Local' ? options.node : undefined;
  const routes: Route[] = [];
  for (const port of service.spec.ports ?? []) {
    // Several addresses of one family share one list of backends.
    const backends = new Map<string, readonly Backend[]>();
    for (const { ip, internal } of addresses) {
      const family = ip.includes(':') ? 'IPv6' : 'IPv4';
      const node = internal ? local : undefined;
      const group = `${family} ${node ?? ''}`;
      const found = backends.get(group) ?? backendsOf(service, port, { slices, family, node });
      backends.set(group, found);
      routes.push({
        namespace: service.metadata.namespace ?? '',
        name: service.metadata.name,
        portName: port.name ?? '',
        vip: ip,
        port: port.port,
        protocol: (port.protocol ?? 'TCP') as Protocol,
        backends: found,
        ...affinityOf(service),
        ...(internal && port.nodePort && ip === addresses[0]?.ip ? { nodePort: port.nodePort } : {}),
      });
    }
  }
  return routes;
}

/** The cluster's own addresses first, then those that come from outside. None for headless and external names. */
function addressesOf(service: Service): readonly { readonly ip: string; readonly internal: boolean }[] {
  const { spec } = service;
  const cluster = (spec.clusterIPs?.length ? spec.clusterIPs : [spec.clusterIP ?? '']).filter(isAddress);
  if (spec.type === 'ExternalName' || cluster.length === 0) return [];
  const outside = [...(spec.externalIPs ?? []), ...(spec.type === 'LoadBalancer' ? ingressOf(service) : [])];
  const others = [...new Set(outside)].filter((ip) => isAddress(ip) && !cluster.includes(ip)).sort(compareText);
  return [...cluster.map((ip) => ({ ip, internal: true })), ...others.map((ip) => ({ ip, internal: false }))];
}

const isAddress = (ip: string): boolean => ip !== '' && ip !== 'None';

function ingressOf(service: Service): readonly string[] {
  const status = service.status as
    | { readonly loadBalancer?: { readonly ingress?: readonly { readonly ip?: string; readonly ipMode?: string }[] } }
    | undefined;
  // A balancer in mode Proxy wants to see every packet itself.
  const ingress = status?.loadBalancer?.ingress ?? [];
  return ingress.flatMap((point) => (point.ip && point.ipMode !== 'Proxy' ? [point.ip] : []));
}

function affinityOf(service: Service): { readonly affinity?: number } {
  if (service.spec.sessionAffinity !== 'ClientIP') return {};
  const seconds = service.spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? affinityDefaultSeconds;
  return { affinity: seconds * 1000 };
}

interface Where {
  readonly slices: readonly EndpointSlice[];
  readonly family: string;
  readonly node: string | undefined;
}

/** Who is ready; where nobody is, who still serves while it ends, so that the last pod's work is not cut off. */
function backendsOf(service: Service, port: ServicePort, where: Where): readonly Backend[] {
  const ready = new Map<string, Backend>();
  const leaving = new Map<string, Backend>();
  for (const slice of where.slices) {
    if (slice.addressType !== where.family || slice.metadata.deletionTimestamp) continue;
    const number = portIn(slice, port);
    if (number === undefined) continue;
    for (const endpoint of slice.endpoints ?? []) {
      if (where.node !== undefined && endpoint.nodeName !== where.node) continue;
      const into = isReady(service, endpoint) ? ready : isLeaving(endpoint) ? leaving : undefined;
      // All addresses of one endpoint are the same pod: the first is enough.
      const ip = endpoint.addresses[0];
      if (into && ip) into.set(`${ip} ${number}`, { ip, port: number });
    }
  }
  const chosen = ready.size > 0 ? ready : leaving;
  return [...chosen.values()].sort((a, b) => compareText(a.ip, b.ip) || a.port - b.port);
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
const isReady = (service: Service, endpoint: Endpoint): boolean =>
  (endpoint.conditions?.ready ?? true) || service.spec.publishNotReadyAddresses === true;
const isLeaving = (endpoint: Endpoint): boolean =>
  endpoint.conditions?.terminating === true && (endpoint.conditions.serving ?? endpoint.conditions.ready ?? true);
