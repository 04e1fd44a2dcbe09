import { type EndpointSlice, serviceKeyOf } from '../api/kinds/endpoint-slice.ts';
import type { Service, ServicePort } from '../api/kinds/service.ts';
import { byKey, keyOf, keyText } from '../api/object.ts';
import { compareText } from '../base/text.ts';
import { anyAddress, type Family, familyOf, type Protocol, type Route, type Scope } from './dataplane.ts';
import { type Choice, chooseEndpoints, type TableOptions } from './endpoint-choice.ts';

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
  const families = [...new Set(addresses.map(({ ip }) => familyOf(ip)))];
  return (service.spec.ports ?? []).flatMap((port) => {
    const choices = new Map(families.map((family) => [family, chooseEndpoints(service, port, slices, of(family))]));
    const at = ({ ip, scope }: Address, number: number): Route => ({
      namespace: service.metadata.namespace ?? '',
      name: service.metadata.name,
      portName: port.name ?? '',
      scope,
      vip: ip,
      port: number,
      protocol: (port.protocol ?? 'TCP') as Protocol,
      ...answering(service, scope, choices.get(familyOf(ip)) as Choice),
      ...(scope === 'balancer' ? sourcesOf(service, familyOf(ip)) : {}),
      ...affinityOf(service),
    });
    const routes = addresses.map((address) => at(address, port.port));
    return [...routes, ...nodePlaces(port, families).map((place) => at(place, port.nodePort as number))];
  });

  function of(family: Family) {
    return { ...options, family };
  }
}

interface Address {
  readonly ip: string;
  readonly scope: Scope;
}

/** The cluster's own addresses first, then those that come from outside. None for headless and external names. */
function addressesOf(service: Service): readonly Address[] {
  const { spec } = service;
  const cluster = (spec.clusterIPs?.length ? spec.clusterIPs : [spec.clusterIP ?? '']).filter(isAddress);
  if (spec.type === 'ExternalName' || cluster.length === 0) return [];
  const sorted = (ips: readonly string[], but: readonly string[]) =>
    [...new Set(ips)].filter((ip) => isAddress(ip) && !but.includes(ip)).sort(compareText);
  const external = sorted(spec.externalIPs ?? [], cluster);
  const balancer = spec.type === 'LoadBalancer' ? sorted(ingressOf(service), [...cluster, ...external]) : [];
  return [
    ...cluster.map((ip) => ({ ip, scope: 'cluster' as const })),
    ...external.map((ip) => ({ ip, scope: 'external' as const })),
    ...balancer.map((ip) => ({ ip, scope: 'balancer' as const })),
  ];
}

const nodePlaces = ({ nodePort }: ServicePort, families: readonly Family[]): readonly Address[] =>
  nodePort ? families.map((family) => ({ ip: anyAddress[family], scope: 'node' })) : [];

const isAddress = (ip: string): boolean => ip !== '' && ip !== 'None';

/**
 * Policy Local is about who may answer: pods of this node only. Inside it binds everybody; at the other addresses only
 * clients from outside, whose own address the pod is to see. For pods the balancer is a detour that is cut short.
 */
function answering({ spec }: Service, scope: Scope, { cluster, local, any }: Choice) {
  const elsewhere = (backends: readonly unknown[]) =>
    any && backends.length === 0 ? { elsewhere: true as const } : {};
  if (scope === 'cluster') {
    const backends = spec.internalTrafficPolicy === 'Local' ? local : cluster;
    return { backends, ...elsewhere(backends) };
  }
  if (spec.externalTrafficPolicy !== 'Local') return { backends: cluster };
  return { backends: cluster, outside: local, ...elsewhere(local) };
}

function ingressOf(service: Service): readonly string[] {
  const status = service.status as
    | { readonly loadBalancer?: { readonly ingress?: readonly { readonly ip?: string; readonly ipMode?: string }[] } }
    | undefined;
  // A balancer in mode Proxy wants to see every packet itself.
  const ingress = status?.loadBalancer?.ingress ?? [];
  return ingress.flatMap((point) => (point.ip && point.ipMode !== 'Proxy' ? [point.ip] : []));
}

const sourcesAnnotation = 'service.beta.kubernetes.io/load-balancer-source-ranges';

/** Ranges of one family say nothing of clients of the other. */
function sourcesOf({ metadata, spec }: Service, family: Family): { readonly sources?: readonly string[] } {
  const noted = (metadata.annotations?.[sourcesAnnotation] ?? '').split(',');
  const given = (spec.loadBalancerSourceRanges?.length ? spec.loadBalancerSourceRanges : noted).map((text) =>
    text.trim(),
  );
  const sources = given.filter((range) => range !== '' && familyOf(range) === family).sort(compareText);
  return sources.length > 0 ? { sources } : {};
}

function affinityOf(service: Service): { readonly affinity?: number } {
  if (service.spec.sessionAffinity !== 'ClientIP') return {};
  const seconds = service.spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? affinityDefaultSeconds;
  return { affinity: seconds * 1000 };
}
