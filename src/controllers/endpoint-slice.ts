import {
  type Endpoint,
  type EndpointSlice,
  endpointSlices,
  serviceKeyOf,
  serviceNameLabel,
} from '../api/kinds/endpoint-slice.ts';
import type { Node } from '../api/kinds/node.ts';
import { isFinished, isReady, type Pod } from '../api/kinds/pod.ts';
import type { Service } from '../api/kinds/service.ts';
import { byKey, controllerOf, type Draft, type Key, keyOf, keyText, type Labels } from '../api/object.ts';
import type { Instant } from '../base/env.ts';
import { canonicalJson, equalJson, type Json } from '../base/json.ts';
import { type Action, act, type Notice } from '../client/action.ts';
import type { Cache } from '../machinery/cache.ts';
import { type Controller, nothing, type Plan, type Source, source } from '../machinery/controller.ts';
import { EmptyServices } from './empty-services.ts';
import { withHints } from './endpoint-hints.ts';
import {
  addressesOf,
  type Family,
  familiesOf,
  hasEndpoints,
  headlessLabel,
  hostnameOf,
  isHeadless,
  ServicePods,
  targetOf,
} from './service-pods.ts';
import { isAuto, type Sharing, shareOut, type ZoneShares, zoneShares } from './topology-hints.ts';

const enabled = 'Topology Aware Hints has been enabled';
const removed = 'Topology Aware Hints configuration was removed';
const managedByLabel = 'endpointslice.kubernetes.io/managed-by';
const managedBy = 'endpointslice-controller.k8s.io';
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
  /** Where endpoints are shared out to zones. */
  readonly shares?: ZoneShares;
}

/** Writes down, for every Service with a selector, which pods are behind it. */
export class EndpointSliceController implements Controller<ObservedService> {
  readonly name = 'endpoint-slice';
  readonly #caches: EndpointSliceCaches;
  readonly #behind: ServicePods;
  readonly #empty = new EmptyServices();
  /** By uid of the Service. */
  readonly #sharing = new Map<string, ReadonlyMap<Family, string>>();

  constructor(caches: EndpointSliceCaches) {
    this.#caches = caches;
    this.#behind = new ServicePods(caches.services, caches.pods);
    caches.slices.index('service', (slice) => [serviceKeyOf(slice)]);
    caches.services.index('auto', (service) => (isAuto(service) ? ['yes'] : []));
  }

  sources(): readonly Source[] {
    const { services, pods, slices, nodes } = this.#caches;
    return [
      source(services, (service) => [keyOf(service)]),
      source(pods, (pod) => this.#behind.servicesOf(pod)),
      source(slices, (slice) => (isOurs(slice) ? [serviceOf(slice)] : [])),
      ...(nodes ? [source(nodes, () => services.by('auto', 'yes').map(keyOf))] : []),
    ];
  }

  observe(key: Key): ObservedService | undefined {
    const { services, slices } = this.#caches;
    const service = services.get(key);
    if (!service || service.metadata.deletionTimestamp || !hasEndpoints(service)) return undefined;
    const pods = this.#behind.podsOf(service);
    return {
      service,
      pods,
      slices: slices
        .by('service', keyText(key))
        .filter((slice) => {
          const owned = controllerOf(slice)?.uid === service.metadata.uid;
          return owned && isOurs(slice) && !slice.metadata.deletionTimestamp;
        })
        .sort(byKey),
      zones: this.#zonesOf(pods),
      ...(isAuto(service) ? { shares: zoneShares(this.#caches.nodes?.list() ?? []) } : {}),
    };
  }

  plan(observed: ObservedService, now: Instant): Plan {
    const sharings = new Map<Family, Sharing>();
    const plan = planSlices(observed, sharings);
    const told = this.#told(observed.service, sharings);
    const { notices: warnings, again } = this.#empty.look(observed.service, observed.pods.length, now);
    const notices = [...told, ...warnings];
    if (notices.length === 0 && again === undefined) return plan;
    return { actions: [...plan.actions, notices], ...(again === undefined ? {} : { again }) };
  }

  /** Whether and why not zones are served by endpoints of their own: told when it changes. */
  #told(service: Service, sharings: ReadonlyMap<Family, Sharing>): readonly Notice[] {
    const { uid } = service.metadata;
    const before = this.#sharing.get(uid) ?? new Map<Family, string>();
    if (sharings.size === 0 && before.size === 0) return [];
    const now = new Map([...sharings].map(([family, sharing]) => [family, 'why' in sharing ? sharing.why : enabled]));
    if (now.size > 0) this.#sharing.set(uid, now);
    else this.#sharing.delete(uid);
    const notice = (message: string, family: Family): Notice => ({
      verb: 'event',
      about: service,
      ...(message === enabled || message === removed ? {} : { type: 'Warning' as const }),
      reason: message === enabled ? 'TopologyAwareHintsEnabled' : 'TopologyAwareHintsDisabled',
      message: `${message}, addressType: ${family}`,
    });
    const fresh = [...now].filter(([family, message]) => before.get(family) !== message);
    const gone = [...before.keys()].filter((family) => !now.has(family) && before.get(family) === enabled);
    return [
      ...fresh.map(([family, message]) => notice(message, family)),
      ...gone.map((family) => notice(removed, family)),
    ];
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
export function planSlices(observed: ObservedService, sharings = new Map<Family, Sharing>()): Plan {
  const families = familiesOf(observed.service);
  const made: Action[] = [];
  const removed = observed.slices.filter(({ addressType }) => !families.some((family) => family === addressType));
  for (const family of families) {
    const slices = observed.slices.filter(({ addressType }) => addressType === family);
    const plan = planFamily({ ...observed, slices }, family, sharings);
    made.push(...plan.actions);
    removed.push(...plan.unused);
  }
  const removals = removed.map((slice) =>
    act({ verb: 'delete', kind: endpointSlices, key: keyOf(slice), uid: slice.metadata.uid }),
  );
  // First what is added, then what is taken away: no moment in between has nobody.
  const plan = [made, removals].filter((group) => group.length > 0);
  return plan.length > 0 ? { actions: plan } : nothing;
}

interface FamilyPlan {
  readonly actions: readonly Action[];
  readonly unused: readonly EndpointSlice[];
}

/** Addresses of the two families never share a slice. */
function planFamily(
  { service, pods, slices, zones, shares }: ObservedService,
  family: Family,
  sharings: Map<Family, Sharing>,
): FamilyPlan {
  const labels = labelsOf(service);
  const all = groupByPorts(service, pods, { zones, family });
  const sharing =
    shares &&
    shareOut(
      [...all.values()].flatMap(({ endpoints }) => endpoints),
      shares,
      identity,
    );
  if (sharing) sharings.set(family, sharing);
  const groups = sharing ? sharedOut(all, sharing) : all;
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
    const action = slice ? update(slice, wanted) : create(service, wanted, family);
    if (action) actions.push(action);
  }
  return { actions, unused };
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
function groupByPorts(
  service: Service,
  pods: readonly Pod[],
  { zones, family }: { readonly zones: Labels; readonly family: Family },
): ReadonlyMap<string, Group> {
  const groups = new Map<string, { readonly ports: Ports; readonly endpoints: Endpoint[] }>();
  for (const pod of pods) {
    const addresses = addressesOf(pod, family);
    if (addresses.length === 0 || isFinished(pod)) continue;
    const ports = portsOf(service, pod);
    const key = canonicalJson(ports as Json);
    const group = groups.get(key) ?? { ports, endpoints: [] };
    group.endpoints.push(withHints(service, endpointOf(service, pod, { addresses, zones })));
    groups.set(key, group);
  }
  return groups;
}

function sharedOut(groups: ReadonlyMap<string, Group>, sharing: Sharing): ReadonlyMap<string, Group> {
  const hinted = ({ hints: _hints, ...endpoint }: Endpoint): Endpoint => {
    const zone = 'why' in sharing ? undefined : sharing.get(identity(endpoint));
    return zone === undefined ? endpoint : { ...endpoint, hints: { forZones: [{ name: zone }] } };
  };
  return new Map([...groups].map(([key, group]) => [key, { ...group, endpoints: group.endpoints.map(hinted) }]));
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

function endpointOf(
  service: Service,
  pod: Pod,
  found: { readonly addresses: readonly string[]; readonly zones: Labels },
): Endpoint {
  const { nodeName } = pod.spec;
  const hostname = hostnameOf(service, pod);
  const { namespace, name, uid, deletionTimestamp } = pod.metadata;
  const serving = isReady(pod);
  const terminating = deletionTimestamp !== undefined;
  const ready = service.spec.publishNotReadyAddresses === true || (serving && !terminating);
  const zone = nodeName === undefined ? undefined : found.zones[nodeName];
  return {
    addresses: found.addresses,
    conditions: { ready, serving, terminating },
    ...(hostname ? { hostname } : {}),
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

function create(service: Service, wanted: Wanted, addressType: Family): Action {
  const { name, namespace, uid } = service.metadata;
  const owner = { apiVersion: 'v1', kind: 'Service', name, uid, controller: true, blockOwnerDeletion: true };
  const object: Draft<EndpointSlice> = {
    metadata: {
      generateName: `${name}-`,
      ...(namespace ? { namespace } : {}),
      labels: wanted.labels,
      ownerReferences: [owner],
    },
    addressType,
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
    ...(isHeadless(service) ? { [headlessLabel]: '' } : {}),
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
