import {
  type Endpoint,
  type EndpointSlice,
  endpointSlices,
  serviceKeyOf,
  serviceNameLabel,
} from '../api/kinds/endpoint-slice.ts';
import type { Node } from '../api/kinds/node.ts';
import { isFinished, isReady, type Pod } from '../api/kinds/pod.ts';
import type { Service, ServicePort } from '../api/kinds/service.ts';
import { byKey, controllerOf, type Draft, type Key, keyOf, keyText, type Labels } from '../api/object.ts';
import { matcherOf } from '../api/selector.ts';
import { canonicalJson, equalJson, type Json } from '../base/json.ts';
import { compareText } from '../base/text.ts';
import { type Action, act } from '../client/action.ts';
import type { Cache } from '../machinery/cache.ts';
import { type Controller, nothing, type Plan, type Source, source } from '../machinery/controller.ts';

const managedByLabel = 'endpointslice.kubernetes.io/managed-by';
const managedBy = 'endpointslice-controller.k8s.io';
const headlessLabel = 'service.kubernetes.io/headless';
const zoneLabel = 'topology.kubernetes.io/zone';
/** More would make every write of a slice dear: one pod's change sends the whole slice to every watcher. */
const endpointsMax = 100;

export interface EndpointSliceCaches {
  readonly services: Cache<Service>;
  readonly pods: Cache<Pod>;
  readonly slices: Cache<EndpointSlice>;
  /** Only for the zone of an endpoint. */
  readonly nodes?: Cache<Node>;
}

export interface ObservedService {
  readonly service: Service;
  readonly pods: readonly Pod[];
  /** Our own slices of this very service. */
  readonly slices: readonly EndpointSlice[];
  readonly zones: Labels;
}

/** Writes down, for every Service with a selector, which pods are behind it. */
export class EndpointSliceController implements Controller<ObservedService> {
  readonly name = 'endpoint-slice';
  readonly #caches: EndpointSliceCaches;

  constructor(caches: EndpointSliceCaches) {
    this.#caches = caches;
    caches.services.index('selector', selectorPairs);
    caches.pods.index('label', (pod) => labelPairs(pod.metadata.namespace, pod.metadata.labels));
    caches.slices.index('service', (slice) => [serviceKeyOf(slice)]);
  }

  sources(): readonly Source[] {
    const { services, pods, slices } = this.#caches;
    return [
      source(services, (service) => [keyOf(service)]),
      source(pods, (pod) => this.#servicesOf(pod)),
      source(slices, (slice) => (isOurs(slice) ? [serviceOf(slice)] : [])),
    ];
  }

  observe(key: Key): ObservedService | undefined {
    const { services, slices } = this.#caches;
    const service = services.get(key);
    if (!service || service.metadata.deletionTimestamp || !hasEndpoints(service)) return undefined;
    const pods = this.#podsOf(service);
    return {
      service,
      pods,
      slices: slices
        .by('service', keyText(key))
        .filter((slice) => {
          const owned = controllerOf(slice)?.uid === service.metadata.uid;
          return owned && isOurs(slice) && !slice.metadata.deletionTimestamp && slice.addressType === 'IPv4';
        })
        .sort(byKey),
      zones: this.#zonesOf(pods),
    };
  }

  plan(observed: ObservedService): Plan {
    return planSlices(observed);
  }

  /** A service is filed under one pair of its selector, so a pod asks only about its own labels. */
  #servicesOf(pod: Pod): readonly Key[] {
    const { namespace, labels } = pod.metadata;
    const candidates = labelPairs(namespace, labels).flatMap((pair) => this.#caches.services.by('selector', pair));
    return candidates.filter((service) => selects(service, pod)).map(keyOf);
  }

  #podsOf(service: Service): readonly Pod[] {
    const pairs = labelPairs(service.metadata.namespace, service.spec.selector);
    const buckets = pairs.map((pair) => this.#caches.pods.by('label', pair));
    const smallest = buckets.reduce((best, bucket) => (bucket.length < best.length ? bucket : best));
    return smallest.filter((pod) => selects(service, pod)).sort(byKey);
  }

  #zonesOf(pods: readonly Pod[]): Labels {
    const zones: Record<string, string> = {};
    for (const { spec } of pods) {
      const name = spec.nodeName;
      const zone = name && this.#caches.nodes?.get({ namespace: '', name })?.metadata.labels?.[zoneLabel];
      if (name && zone) zones[name] = zone;
    }
    return zones;
  }
}

/** Pure: what there is against what should be, with as few writes as possible. */
export function planSlices({ service, pods, slices, zones }: ObservedService): Plan {
  const labels = labelsOf(service);
  const groups = groupByPorts(service, pods, zones);
  const contents: Content[] = [];
  const unused: EndpointSlice[] = [];
  const homes = new Map<string, EndpointSlice[]>();
  for (const slice of slices) {
    const key = canonicalJson((slice.ports ?? []) as Json);
    if (!groups.has(key)) unused.push(slice);
    else homes.set(key, [...(homes.get(key) ?? []), slice]);
  }
  for (const [key, group] of groups) contents.push(...fill(group, homes.get(key) ?? []));
  // A service that nobody is behind has one slice that says so.
  if (groups.size === 0) contents.push({ ports: [], endpoints: [], slice: undefined });
  for (const content of contents) if (content.slice && content.endpoints.length === 0) unused.push(content.slice);

  const actions: Action[] = [];
  for (const content of contents) {
    if (content.slice && content.endpoints.length === 0) continue;
    // A slice that nobody needs any more is written anew rather than removed beside a new one.
    const slice = content.slice ?? unused.shift();
    const wanted = { labels, ports: content.ports.length > 0 ? content.ports : null, endpoints: content.endpoints };
    const action = slice ? update(slice, wanted) : create(service, wanted);
    if (action) actions.push(action);
  }
  const removals = unused.map((slice) =>
    act({ verb: 'delete', kind: endpointSlices, key: keyOf(slice), uid: slice.metadata.uid }),
  );
  // First what is added, then what is taken away: no moment in between has nobody.
  const plan = [actions, removals].filter((group) => group.length > 0);
  return plan.length > 0 ? { actions: plan } : nothing;
}

type Ports = NonNullable<EndpointSlice['ports']>;
interface Group {
  readonly ports: Ports;
  readonly endpoints: readonly Endpoint[];
}
interface Content {
  readonly ports: Ports;
  readonly endpoints: readonly Endpoint[];
  readonly slice: EndpointSlice | undefined;
}
interface Wanted {
  readonly labels: Labels;
  readonly ports: Ports | null;
  readonly endpoints: readonly Endpoint[];
}

/** Pods whose named ports mean different numbers cannot share a slice. */
function groupByPorts(service: Service, pods: readonly Pod[], zones: Labels): ReadonlyMap<string, Group> {
  const groups = new Map<string, { readonly ports: Ports; readonly endpoints: Endpoint[] }>();
  for (const pod of pods) {
    const ip = addressOf(pod);
    if (ip === undefined || isFinished(pod)) continue;
    const ports = portsOf(service, pod);
    const key = canonicalJson(ports as Json);
    const group = groups.get(key) ?? { ports, endpoints: [] };
    group.endpoints.push(endpointOf(service, pod, { ip, zones }));
    groups.set(key, group);
  }
  return groups;
}

/** Endpoints stay in the slice that they are in; new ones go where there is room, first where a write is due anyway. */
function fill(group: Group, slices: readonly EndpointSlice[]): readonly Content[] {
  const missing = new Map(group.endpoints.map((endpoint) => [identity(endpoint), endpoint]));
  const kept = slices.map((slice) => {
    const endpoints: Endpoint[] = [];
    for (const old of slice.endpoints ?? []) {
      const now = missing.get(identity(old));
      if (!now || endpoints.length === endpointsMax) continue;
      missing.delete(identity(old));
      endpoints.push(now);
    }
    return { slice, endpoints, due: !equalJson(endpoints, slice.endpoints ?? []) };
  });
  const left = [...missing.values()];
  const byUse = kept.toSorted((a, b) => Number(b.due) - Number(a.due) || b.endpoints.length - a.endpoints.length);
  for (const { endpoints } of byUse) endpoints.push(...left.splice(0, endpointsMax - endpoints.length));
  const contents: Content[] = kept.map(({ slice, endpoints }) => ({ ports: group.ports, endpoints, slice }));
  while (left.length > 0) {
    contents.push({ ports: group.ports, endpoints: left.splice(0, endpointsMax), slice: undefined });
  }
  return contents;
}

const identity = (endpoint: Endpoint): string => endpoint.targetRef?.uid ?? endpoint.addresses.join(' ');

function endpointOf(service: Service, pod: Pod, found: { readonly ip: string; readonly zones: Labels }): Endpoint {
  const { nodeName, hostname, subdomain } = pod.spec;
  const { namespace, name, uid, deletionTimestamp } = pod.metadata;
  const serving = isReady(pod);
  const terminating = deletionTimestamp !== undefined;
  const ready = service.spec.publishNotReadyAddresses === true || (serving && !terminating);
  const zone = nodeName === undefined ? undefined : found.zones[nodeName];
  return {
    addresses: [found.ip],
    conditions: { ready, serving, terminating },
    ...(hostname && subdomain === service.metadata.name ? { hostname } : {}),
    ...(nodeName ? { nodeName } : {}),
    targetRef: { kind: 'Pod', ...(namespace ? { namespace } : {}), name, uid },
    ...(zone ? { zone } : {}),
  };
}

function portsOf(service: Service, pod: Pod): Ports {
  return (service.spec.ports ?? []).flatMap((port) => {
    const number = targetOf(port, pod);
    if (number === undefined) return [];
    const protocol = port.protocol ?? 'TCP';
    const { appProtocol } = port;
    return [{ name: port.name ?? '', port: number, protocol, ...(appProtocol ? { appProtocol } : {}) }];
  });
}

function targetOf(port: ServicePort, pod: Pod): number | undefined {
  const { targetPort } = port;
  if (targetPort === undefined || targetPort === 0 || targetPort === '') return port.port;
  if (typeof targetPort === 'number') return targetPort;
  const sidecars = (pod.spec.initContainers ?? []).filter((container) => container.restartPolicy === 'Always');
  for (const container of [...pod.spec.containers, ...sidecars]) {
    for (const candidate of container.ports ?? []) {
      const sameProtocol = (candidate.protocol ?? 'TCP') === (port.protocol ?? 'TCP');
      if (candidate.name === targetPort && sameProtocol) return candidate.containerPort;
    }
  }
  return undefined;
}

function create(service: Service, wanted: Wanted): Action {
  const { name, namespace, uid } = service.metadata;
  const owner = { apiVersion: 'v1', kind: 'Service', name, uid, controller: true, blockOwnerDeletion: true };
  const object: Draft<EndpointSlice> = {
    metadata: {
      generateName: `${name}-`,
      ...(namespace ? { namespace } : {}),
      labels: wanted.labels,
      ownerReferences: [owner],
    },
    addressType: 'IPv4',
    endpoints: wanted.endpoints,
    ports: wanted.ports,
  };
  return act({ verb: 'create', kind: endpointSlices, object });
}

function update(slice: EndpointSlice, wanted: Wanted): Action | undefined {
  const same =
    equalJson(slice.metadata.labels ?? {}, wanted.labels) &&
    equalJson(slice.ports ?? [], wanted.ports ?? []) &&
    equalJson(slice.endpoints ?? [], wanted.endpoints);
  if (same) return undefined;
  const metadata = { ...slice.metadata, labels: wanted.labels };
  const object: EndpointSlice = { ...slice, metadata, endpoints: wanted.endpoints, ports: wanted.ports };
  return act({ verb: 'update', kind: endpointSlices, object });
}

/** The service's own labels travel along, so that slices can be selected as their services are. */
function labelsOf(service: Service): Labels {
  const { [headlessLabel]: _, ...own } = service.metadata.labels ?? {};
  return {
    ...own,
    [managedByLabel]: managedBy,
    [serviceNameLabel]: service.metadata.name,
    ...(service.spec.clusterIP === 'None' ? { [headlessLabel]: '' } : {}),
  };
}

// One whose label was taken away is still known by its owner, and gets the label back.
function isOurs(slice: EndpointSlice): boolean {
  const manager = slice.metadata.labels?.[managedByLabel];
  return manager === managedBy || (manager === undefined && controllerOf(slice)?.kind === 'Service');
}
const serviceOf = (slice: EndpointSlice): Key => ({
  namespace: slice.metadata.namespace ?? '',
  name: controllerOf(slice)?.name ?? slice.metadata.labels?.[serviceNameLabel] ?? '',
});

const addressOf = (pod: Pod): string | undefined =>
  [...(pod.status?.podIPs ?? []).map(({ ip }) => ip), pod.status?.podIP].find((ip) => ip && !ip.includes(':'));

/** Without a selector someone else writes the slices; an external name has no endpoints at all. */
const hasEndpoints = (service: Service): boolean =>
  service.spec.type !== 'ExternalName' && Object.keys(service.spec.selector ?? {}).length > 0;

const selects = (service: Service, pod: Pod): boolean =>
  hasEndpoints(service) && matcherOf({ matchLabels: service.spec.selector ?? {} })(pod.metadata.labels);

const labelPairs = (namespace: string | undefined, labels: Labels | undefined): readonly string[] =>
  Object.entries(labels ?? {}).map(([key, value]) => `${namespace ?? ''} ${key}=${value}`);

function selectorPairs(service: Service): readonly string[] {
  const pairs = labelPairs(service.metadata.namespace, service.spec.selector);
  return pairs.toSorted(compareText).slice(0, 1);
}
