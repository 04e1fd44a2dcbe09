import { type Part, partOf, partsOf, textOf } from '../api/kinds/defaulting.ts';
import { type Endpoint, type EndpointSlice, endpointSlices, serviceKeyOf } from '../api/kinds/endpoint-slice.ts';
import { type Endpoints, endpoints as endpointsKind } from '../api/kinds/endpoints.ts';
import type { Service } from '../api/kinds/service.ts';
import { byKey, type Draft, type Key, keyOf, keyText, type Labels } from '../api/object.ts';
import { canonicalJson, equalJson, type Json } from '../base/json.ts';
import { type Action, act, type Notice } from '../client/action.ts';
import type { Cache } from '../machinery/cache.ts';
import { type Controller, nothing, type Plan, type Source, source } from '../machinery/controller.ts';
import { type Offer, repack } from './endpoints.ts';
import { controllerReference } from './ownership.ts';
import { type Family, familyOf } from './service-pods.ts';

const managedByLabel = 'endpointslice.kubernetes.io/managed-by';
const managedBy = 'endpointslicemirroring-controller.k8s.io';
const serviceNameLabel = 'kubernetes.io/service-name';
const skipLabel = 'endpointslice.kubernetes.io/skip-mirror';
const leaderAnnotation = 'control-plane.alpha.kubernetes.io/leader';
const notCopied = [
  'endpoints.kubernetes.io/last-change-trigger-time',
  'kubectl.kubernetes.io/last-applied-configuration',
];
/** So many addresses of one subset are mirrored. */
const addressesMax = 1000;
const endpointsMax = 100;

export interface MirrorObserved {
  readonly service: Service | undefined;
  readonly endpoints: Endpoints | undefined;
  /** The slices that this controller made for the name. */
  readonly slices: readonly EndpointSlice[];
}

/** What somebody wrote into Endpoints by hand, as slices, for those who read nothing else. */
export class EndpointSliceMirroringController implements Controller<MirrorObserved> {
  readonly name = 'endpoint-slice-mirroring-controller';
  readonly #services: Cache<Service>;
  readonly #endpoints: Cache<Endpoints>;
  readonly #slices: Cache<EndpointSlice>;

  constructor(services: Cache<Service>, endpoints: Cache<Endpoints>, slices: Cache<EndpointSlice>) {
    this.#services = services;
    this.#endpoints = endpoints;
    this.#slices = slices.index('service', (slice) => [serviceKeyOf(slice)]);
  }

  sources(): readonly Source[] {
    return [
      source(this.#services, (service) => [keyOf(service)]),
      source(this.#endpoints, (endpoints) => [keyOf(endpoints)]),
      source(this.#slices, (slice) => {
        if (slice.metadata.labels?.[managedByLabel] !== managedBy) return [];
        return [{ namespace: slice.metadata.namespace ?? '', name: slice.metadata.labels[serviceNameLabel] ?? '' }];
      }),
    ];
  }

  observe(key: Key): MirrorObserved {
    const slices = this.#slices
      .by('service', keyText(key))
      .filter(({ metadata }) => metadata.labels?.[managedByLabel] === managedBy && !metadata.deletionTimestamp)
      .sort(byKey);
    return { service: this.#services.get(key), endpoints: this.#endpoints.get(key), slices };
  }

  plan({ service, endpoints, slices }: MirrorObserved): Plan {
    if (!service || !endpoints || !isMirrored(endpoints) || service.spec.selector !== undefined) {
      return slices.length > 0 ? { actions: [slices.map(remove)] } : nothing;
    }
    const { wanted, skipped } = contentsOf(endpoints);
    const actions: (Action | Notice)[] = [];
    const left = [...slices];
    for (const content of wanted) {
      const at = left.findIndex((slice) => fits(slice, content));
      const [slice] = at < 0 ? [] : left.splice(at, 1);
      const action = slice ? update(endpoints, slice, content) : create(endpoints, content);
      if (action) actions.push(action);
    }
    if (skipped > 0 && actions.length > 0) {
      const message = `A max of ${addressesMax} addresses can be mirrored to EndpointSlices per Endpoints subset. ${skipped} addresses were skipped`;
      actions.push({ verb: 'event', about: endpoints, type: 'Warning', reason: 'TooManyAddressesToMirror', message });
    }
    return { actions: [actions, left.map(remove)].filter((group) => group.length > 0) };
  }
}

function isMirrored({ metadata }: Endpoints): boolean {
  return metadata.labels?.[skipLabel] !== 'true' && metadata.annotations?.[leaderAnnotation] === undefined;
}

interface Content {
  readonly family: Family;
  readonly ports: readonly Part[];
  readonly endpoints: readonly Endpoint[];
}

/** A slice holds one family of addresses, one set of ports and not more than a hundred endpoints. */
function contentsOf(endpoints: Endpoints): { readonly wanted: readonly Content[]; readonly skipped: number } {
  const contents: Content[] = [];
  let skipped = 0;
  for (const subset of repack(offersOf(endpoints))) {
    const ready = partsOf(subset.addresses).map((address) => endpointOf(address, true));
    const all = [...ready, ...partsOf(subset.notReadyAddresses).map((address) => endpointOf(address, false))];
    skipped += Math.max(0, all.length - addressesMax);
    const ports = partsOf(subset.ports).map((port) => ({ name: '', protocol: 'TCP', ...port }));
    for (const family of ['IPv4', 'IPv6'] as const) {
      const own = all.slice(0, addressesMax).filter(({ addresses: [ip = ''] }) => familyOf(ip) === family);
      for (let start = 0; start < own.length; start += endpointsMax) {
        contents.push({ family, ports, endpoints: own.slice(start, start + endpointsMax) });
      }
    }
  }
  return { wanted: contents, skipped };
}

function offersOf(endpoints: Endpoints): readonly Offer[] {
  return partsOf((endpoints as unknown as Part).subsets).flatMap((subset) => {
    const ports = partsOf(subset.ports);
    const offer = (ready: boolean) => (address: Part) =>
      (ports.length > 0 ? ports : [undefined]).map((port) => ({ address, ready, port }));
    return [
      ...partsOf(subset.addresses).flatMap(offer(true)),
      ...partsOf(subset.notReadyAddresses).flatMap(offer(false)),
    ];
  });
}

function endpointOf(address: Part, ready: boolean): Endpoint {
  const { ip, hostname, nodeName, targetRef } = address;
  return {
    addresses: [textOf(ip)],
    conditions: { ready },
    ...(hostname ? { hostname: textOf(hostname) } : {}),
    ...(nodeName ? { nodeName: textOf(nodeName) } : {}),
    ...(targetRef ? { targetRef: partOf(targetRef) as NonNullable<Endpoint['targetRef']> } : {}),
  };
}

const canonical = (value: unknown): string => canonicalJson(value as Json);
const fits = (slice: EndpointSlice, { family, ports }: Content): boolean =>
  slice.addressType === family && canonical(slice.ports ?? []) === canonical(ports);

function metadataOf({ metadata }: Endpoints): { readonly labels: Labels; readonly annotations: Labels } {
  const annotations = Object.entries(metadata.annotations ?? {}).filter(([name]) => !notCopied.includes(name));
  const own = { [serviceNameLabel]: metadata.name, [managedByLabel]: managedBy };
  return { labels: { ...metadata.labels, ...own }, annotations: Object.fromEntries(annotations) };
}

function create(endpoints: Endpoints, { family, ports, endpoints: list }: Content): Action {
  const { name, namespace = '' } = endpoints.metadata;
  const { labels, annotations } = metadataOf(endpoints);
  const object = {
    metadata: {
      generateName: `${name}-`,
      namespace,
      labels,
      ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
      ownerReferences: [controllerReference(endpointsKind, endpoints)],
    },
    addressType: family,
    endpoints: list,
    ports: ports.length > 0 ? ports : null,
  } as unknown as Draft<EndpointSlice>;
  return act({ verb: 'create', kind: endpointSlices, object });
}

function update(endpoints: Endpoints, slice: EndpointSlice, content: Content): Action | undefined {
  const { labels, annotations } = metadataOf(endpoints);
  const same =
    equalJson(slice.metadata.labels ?? {}, labels) &&
    equalJson(slice.metadata.annotations ?? {}, annotations) &&
    equalJson(slice.endpoints ?? [], content.endpoints);
  if (same) return undefined;
  const object = { ...slice, metadata: { ...slice.metadata, labels, annotations }, endpoints: content.endpoints };
  return act({ verb: 'update', kind: endpointSlices, object });
}

const remove = (slice: EndpointSlice): Action =>
  act({ verb: 'delete', kind: endpointSlices, key: keyOf(slice), uid: slice.metadata.uid });
