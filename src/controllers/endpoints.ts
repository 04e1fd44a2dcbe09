import { mapOf, type Part, partsOf, textOf } from '../api/kinds/defaulting.ts';
import { type Endpoints, endpoints as endpointsKind } from '../api/kinds/endpoints.ts';
import { isFinished, isReady, type Pod } from '../api/kinds/pod.ts';
import type { Service } from '../api/kinds/service.ts';
import { type Draft, type Key, keyOf, type Labels } from '../api/object.ts';
import { canonicalJson, equalJson, type Json } from '../base/json.ts';
import { compareText } from '../base/text.ts';
import { act } from '../client/action.ts';
import type { Cache } from '../machinery/cache.ts';
import { type Controller, nothing, type Plan, type Source, source } from '../machinery/controller.ts';
import {
  addressesOf,
  familiesOf,
  hasEndpoints,
  headlessLabel,
  hostnameOf,
  isHeadless,
  ServicePods,
  targetOf,
} from './service-pods.ts';

const managedByLabel = 'endpoints.kubernetes.io/managed-by';
const managedBy = 'endpoint-controller';
const capacityAnnotation = 'endpoints.kubernetes.io/over-capacity';
/** What an Endpoints object holds; who needs more reads the slices. */
const addressesMax = 1000;

export interface EndpointsObserved {
  readonly key: Key;
  /** Undefined once it has gone. */
  readonly service: Service | undefined;
  readonly pods: readonly Pod[];
  readonly endpoints: Endpoints | undefined;
}

/** The old form of what EndpointSlices tell: one object for each Service, with everything in it. */
export class EndpointsController implements Controller<EndpointsObserved> {
  readonly name = 'endpoint-controller';
  readonly #services: Cache<Service>;
  readonly #pods: Cache<Pod>;
  readonly #endpoints: Cache<Endpoints>;
  readonly #behind: ServicePods;

  constructor(services: Cache<Service>, pods: Cache<Pod>, endpoints: Cache<Endpoints>) {
    this.#services = services;
    this.#pods = pods;
    this.#endpoints = endpoints;
    this.#behind = new ServicePods(services, pods);
  }

  sources(): readonly Source[] {
    // What somebody else wrote there stays until a pod moves, as upstream has it; what was deleted is made again.
    const deleted = (object: Endpoints) => (this.#endpoints.get(keyOf(object)) ? [] : [keyOf(object)]);
    return [
      source(this.#services, (service) => [keyOf(service)]),
      source(this.#pods, (pod) => this.#behind.servicesOf(pod)),
      source(this.#endpoints, deleted),
    ];
  }

  observe(key: Key): EndpointsObserved | undefined {
    const service = this.#services.get(key);
    const endpoints = this.#endpoints.get(key);
    if (!service) return endpoints ? { key, service, pods: [], endpoints } : undefined;
    if (!hasEndpoints(service)) return undefined;
    return { key, service, pods: this.#behind.podsOf(service), endpoints };
  }

  plan({ key, service, pods, endpoints }: EndpointsObserved): Plan {
    if (!service) {
      if (mapOf(endpoints?.metadata.labels)[managedByLabel] !== managedBy) return nothing;
      return { actions: [[act({ verb: 'delete', kind: endpointsKind, key, uid: endpoints?.metadata.uid ?? '' })]] };
    }
    const wanted = capped(repack(offersOf(service, pods)));
    const labels: Labels = {
      ...without(service.metadata.labels ?? {}, headlessLabel),
      [managedByLabel]: managedBy,
      ...(isHeadless(service) ? { [headlessLabel]: '' } : {}),
    };
    const before = (endpoints ?? {}) as Part;
    const kept = without(endpoints?.metadata.annotations ?? {}, capacityAnnotation);
    const annotations = { ...kept, ...(wanted.truncated ? { [capacityAnnotation]: 'truncated' } : {}) };
    const same =
      endpoints !== undefined &&
      equalJson(partsOf(before.subsets), wanted.subsets) &&
      equalJson(endpoints.metadata.labels ?? {}, labels) &&
      equalJson(endpoints.metadata.annotations ?? {}, annotations);
    if (same) return nothing;
    const subsets = wanted.subsets.length > 0 ? { subsets: wanted.subsets } : {};
    if (!endpoints) {
      const metadata = { ...key, labels, ...(Object.keys(annotations).length > 0 ? { annotations } : {}) };
      const object = { metadata, ...subsets } as unknown as Draft<Endpoints>;
      return { actions: [[act({ verb: 'create', kind: endpointsKind, object })]] };
    }
    const { apiVersion, kind, metadata } = endpoints;
    const object = { apiVersion, kind, metadata: { ...metadata, labels, annotations }, ...subsets };
    return { actions: [[act({ verb: 'update', kind: endpointsKind, object: object as Endpoints })]] };
  }
}

const without = (labels: Labels, name: string): Labels => {
  const { [name]: _, ...rest } = labels;
  return rest;
};

export interface Offer {
  readonly address: Part;
  readonly ready: boolean;
  /** Undefined: an address alone, of a Service without ports. */
  readonly port: Part | undefined;
}

function offersOf(service: Service, pods: readonly Pod[]): readonly Offer[] {
  const [family = 'IPv4'] = familiesOf(service);
  const unready = service.spec.publishNotReadyAddresses === true;
  const ports = service.spec.ports ?? [];
  return pods.flatMap((pod): readonly Offer[] => {
    const [ip] = addressesOf(pod, family);
    if (!ip || isFinished(pod) || (!unready && pod.metadata.deletionTimestamp !== undefined)) return [];
    const address = addressOf(service, pod, ip);
    const ready = unready || isReady(pod);
    if (ports.length === 0) return isHeadless(service) ? [{ address, ready, port: undefined }] : [];
    return ports.flatMap((one) => {
      const number = targetOf(one, pod);
      if (number === undefined) return [];
      const { name, protocol = 'TCP', appProtocol } = one;
      const port = { ...(name ? { name } : {}), port: number, protocol, ...(appProtocol ? { appProtocol } : {}) };
      return [{ address, ready, port }];
    });
  });
}

function addressOf(service: Service, pod: Pod, ip: string): Part {
  const { namespace, name, uid } = pod.metadata;
  const hostname = hostnameOf(service, pod);
  return {
    ip,
    ...(hostname ? { hostname } : {}),
    ...(pod.spec.nodeName ? { nodeName: pod.spec.nodeName } : {}),
    targetRef: { kind: 'Pod', namespace, name, uid },
  };
}

const canonical = (value: unknown): string => canonicalJson(value as Json);

/** Ports that the same addresses offer stand together: upstream's canonical form. */
export function repack(offers: readonly Offer[]): readonly Part[] {
  const ports = new Map<string, { readonly port: Part | undefined; readonly offers: Map<string, Offer> }>();
  for (const offer of offers) {
    const key = canonical(offer.port ?? null);
    const entry = ports.get(key) ?? { port: offer.port, offers: new Map<string, Offer>() };
    const address = canonical(offer.address);
    // An address that is ready for one is ready.
    if (!entry.offers.get(address)?.ready) entry.offers.set(address, offer);
    ports.set(key, entry);
  }
  const subsets = new Map<string, { readonly ports: Part[]; readonly offers: readonly Offer[] }>();
  for (const { port, offers: found } of ports.values()) {
    const sorted = [...found].sort(byAddress).map(([, offer]) => offer);
    const key = sorted.map(({ address, ready }) => `${canonical(address)}${ready}`).join();
    const subset = subsets.get(key) ?? { ports: [], offers: sorted };
    if (port) subset.ports.push(port);
    subsets.set(key, subset);
  }
  return [...subsets]
    .sort(([a], [b]) => compareText(a, b))
    .map(([, subset]) => ({
      ...half('addresses', addressesWhere(subset.offers, true)),
      ...half('notReadyAddresses', addressesWhere(subset.offers, false)),
      ...half(
        'ports',
        subset.ports.toSorted((a, b) => compareText(canonical(a), canonical(b))),
      ),
    }));
}

const byAddress = ([a, x]: readonly [string, Offer], [b, y]: readonly [string, Offer]): number =>
  compareText(textOf(x.address.ip), textOf(y.address.ip)) || compareText(a, b);

const addressesWhere = (offers: readonly Offer[], wanted: boolean): readonly Part[] =>
  offers.filter(({ ready }) => ready === wanted).map(({ address }) => address);

const half = (name: string, list: readonly Part[]): Part => (list.length > 0 ? { [name]: list } : {});

/** Not more than fit, ready ones first. */
function capped(subsets: readonly Part[]): { readonly subsets: readonly Part[]; readonly truncated: boolean } {
  let ready = addressesMax;
  const total = (name: string) => subsets.reduce((sum, subset) => sum + partsOf(subset[name]).length, 0);
  if (total('addresses') + total('notReadyAddresses') <= addressesMax) return { subsets, truncated: false };
  let unready = Math.max(0, addressesMax - total('addresses'));
  const cut = subsets.flatMap((subset) => {
    const addresses = partsOf(subset.addresses).slice(0, ready);
    const notReady = partsOf(subset.notReadyAddresses).slice(0, unready);
    ready -= addresses.length;
    unready -= notReady.length;
    if (addresses.length + notReady.length === 0) return [];
    const { addresses: _a, notReadyAddresses: _n, ...rest } = subset;
    return [{ ...rest, ...half('addresses', addresses), ...half('notReadyAddresses', notReady) }];
  });
  return { subsets: cut, truncated: true };
}
