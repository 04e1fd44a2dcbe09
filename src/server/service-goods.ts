import type { Kind } from '../api/kind.ts';
import { partOf, partsOf, textOf, textsOf } from '../api/kinds/defaulting.ts';
import { type IPAddress, ipAddresses } from '../api/kinds/ip-address.ts';
import { type Service, services } from '../api/kinds/service.ts';
import { type ServiceCIDR, serviceCidrs } from '../api/kinds/service-cidr.ts';
import type { KubeObject } from '../api/object.ts';
import type { Json } from '../base/json.ts';
import type { Store } from '../store/store.ts';
import type { AddressRanges } from './address-ranges.ts';
import { type AllocatorOptions, ServiceAllocator } from './allocate.ts';
import { allReady, Mirror } from './auth/mirror.ts';
import { storagePrefix } from './kinds.ts';
import type { Goods, Reservation, ReserveOptions } from './write.ts';

/** Cluster addresses and node ports, as the writer asks for them. Every other kind needs nothing. */
export class ServiceGoods implements Goods {
  readonly #store: Store;
  readonly #options: AllocatorOptions;
  readonly #mirrors: readonly Mirror[];
  #allocator: Promise<ServiceAllocator> | undefined;
  #ranges: AddressRanges | undefined;

  constructor(store: Store, options: AllocatorOptions) {
    this.#store = store;
    this.#options = options;
    this.#mirrors = [
      new Mirror(store, storagePrefix(serviceCidrs as unknown as Kind), (key, next) =>
        this.#ranges?.offer(key, next === undefined ? [] : readyRanges(next)),
      ),
      new Mirror(store, storagePrefix(ipAddresses as unknown as Kind), (key, next) =>
        this.#ranges?.keep(key, next === undefined ? undefined : keptAddress(next)),
      ),
    ];
  }

  reserve(kind: Kind, object: KubeObject, options: ReserveOptions): Promise<Reservation> | Reservation {
    return isService(kind) ? this.#reserved(object, options) : { object, keep: nothing, undo: nothing };
  }

  async #reserved(object: KubeObject, options: ReserveOptions): Promise<Reservation> {
    this.#allocator ??= this.#rebuilt();
    const allocator = await this.#allocator;
    this.#ranges ??= allocator.ranges;
    const wait = allReady(this.#mirrors);
    if (wait) await wait;
    const { service, keep, undo } = allocator.allocate(
      object as Service,
      options.previous as Service | undefined,
      options.dryRun,
    );
    return { object: service as unknown as KubeObject, keep, undo };
  }

  release(kind: Kind, object: KubeObject): void {
    if (isService(kind)) this.#allocator?.then((allocator) => allocator.release(object as Service));
  }

  async #rebuilt(): Promise<ServiceAllocator> {
    const { entries } = await this.#store.list(storagePrefix(services as unknown as Kind));
    return new ServiceAllocator(
      this.#options,
      entries.map((entry) => entry.value as unknown as Service),
    );
  }
}

/** What a ServiceCIDR offers: nothing as long as nobody has said that it may be used, and nothing while it leaves. */
function readyRanges(value: Json): readonly string[] {
  const { metadata, spec, status } = value as unknown as ServiceCIDR;
  const isReady = partsOf(partOf(status).conditions).some((one) => one.type === 'Ready' && one.status === 'True');
  return isReady && metadata.deletionTimestamp === undefined ? textsOf(partOf(spec).cidrs) : [];
}

/** The address of an IPAddress that belongs to no Service: those of Services are known from these. */
function keptAddress(value: Json): string | undefined {
  const { metadata, spec } = value as unknown as IPAddress;
  const { group, resource } = partOf(partOf(spec).parentRef);
  return textOf(group) === '' && textOf(resource) === 'services' ? undefined : metadata.name;
}

const nothing = (): void => {};
const isService = (kind: Kind) => kind.group === '' && kind.plural === 'services';
