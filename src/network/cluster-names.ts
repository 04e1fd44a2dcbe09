import { canonicalAddress } from '../api/kinds/addresses.ts';
import { type EndpointSlice, serviceKeyOf } from '../api/kinds/endpoint-slice.ts';
import type { Namespace } from '../api/kinds/namespace.ts';
import type { Service } from '../api/kinds/service.ts';
import { type Key, keyText } from '../api/object.ts';
import type { Cache } from '../machinery/cache.ts';
import { clusterAddresses } from './kube-dns.ts';
import { type Answer, answerOf, isReady, type NameView, type Zone } from './resolver.ts';

export interface NameCaches {
  readonly services: Cache<Service>;
  readonly slices: Cache<EndpointSlice>;
  readonly namespaces: Cache<Namespace>;
}

/** So many answers are remembered: those of a busy cluster, not those of somebody who asks for names at random. */
const rememberedMax = 4_096;

/** The names of a cluster as its caches have it now. What was asked once is answered from memory until it changes. */
export class ClusterNames<Kept> implements NameView {
  readonly #caches: NameCaches;
  readonly #zone: Omit<Zone, 'serial'>;
  readonly #keep: (answer: Answer, name: string, type: number) => Kept;
  readonly #known = new Map<string, Kept>();
  #reverse: ReadonlyMap<string, readonly string[]> | undefined;

  /** The slices have the index 'service'. `keep` makes of an answer what is remembered of it. */
  constructor(
    caches: NameCaches,
    zone: Omit<Zone, 'serial'>,
    keep: (answer: Answer, name: string, type: number) => Kept,
  ) {
    this.#caches = caches;
    this.#zone = zone;
    this.#keep = keep;
    const forget = () => this.#forget();
    caches.services.onChange(forget);
    caches.slices.onChange(forget);
    caches.namespaces.onChange(forget);
  }

  /** Whether all is known: before, nothing can be said not to be there. */
  get synced(): boolean {
    return Object.values(this.#caches).every((cache) => cache.synced);
  }

  /** Nothing: the name is none of the cluster. */
  find(name: string, type: number): Kept | undefined {
    const key = `${type} ${name}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const serial = this.#caches.services.revision;
    const answer = answerOf({ ...this.#zone, serial }, this, name, type);
    if (!answer) return undefined;
    const kept = this.#keep(answer, name, type);
    if (this.#known.size >= rememberedMax) this.#known.clear();
    this.#known.set(key, kept);
    return kept;
  }

  hasNamespace(namespace: string): boolean {
    return this.#caches.namespaces.get({ namespace: '', name: namespace }) !== undefined;
  }

  service(namespace: string, name: string): Service | undefined {
    return this.#caches.services.get({ namespace, name });
  }

  slices(namespace: string, service: string): readonly EndpointSlice[] {
    return this.#caches.slices.by('service', keyText({ namespace, name: service }));
  }

  namesAt(ip: string): readonly string[] {
    this.#reverse ??= this.#reversed();
    return this.#reverse.get(ip) ?? [];
  }

  /** Namespace and name of the Service that has this address. */
  serviceAt(ip: string): Key | undefined {
    const [name = ''] = this.namesAt(ip);
    const [service = '', namespace = '', kind, more] = name.split('.');
    return kind === 'svc' && more === undefined && service ? { namespace, name: service } : undefined;
  }

  #forget(): void {
    this.#known.clear();
    this.#reverse = undefined;
  }

  /** A service's address belongs to it alone; only an endpoint with a name of its own has a way back. */
  #reversed(): ReadonlyMap<string, readonly string[]> {
    const found = new Map<string, string[]>();
    for (const service of this.#caches.services.list()) {
      const { name, namespace } = service.metadata;
      for (const ip of clusterAddresses(service)) found.set(canonicalAddress(ip), [`${name}.${namespace}.svc`]);
    }
    const ofServices = new Set(found.keys());
    for (const slice of this.#caches.slices.list()) {
      const [namespace, service] = serviceKeyOf(slice).split('/');
      if (!service || slice.addressType === 'FQDN') continue;
      for (const endpoint of slice.endpoints ?? []) {
        if (!endpoint.hostname || !isReady(endpoint)) continue;
        for (const address of endpoint.addresses.map(canonicalAddress)) {
          if (ofServices.has(address)) continue;
          const names = found.get(address) ?? [];
          found.set(address, names);
          names.push(`${endpoint.hostname}.${service}.${namespace}.svc`);
        }
      }
    }
    return found;
  }
}
