import type { Kind } from '../api/kind.ts';
import { type Service, services } from '../api/kinds/service.ts';
import type { KubeObject } from '../api/object.ts';
import type { Store } from '../store/store.ts';
import { type AllocatorOptions, ServiceAllocator } from './allocate.ts';
import { storagePrefix } from './kinds.ts';
import type { Goods, Reservation, ReserveOptions } from './write.ts';

/** Cluster addresses and node ports, as the writer asks for them. Every other kind needs nothing. */
export class ServiceGoods implements Goods {
  readonly #store: Store;
  readonly #options: AllocatorOptions;
  #allocator: Promise<ServiceAllocator> | undefined;

  constructor(store: Store, options: AllocatorOptions) {
    this.#store = store;
    this.#options = options;
  }

  async reserve(kind: Kind, object: KubeObject, options: ReserveOptions): Promise<Reservation> {
    if (!isService(kind)) return { object, keep: () => {}, undo: () => {} };
    this.#allocator ??= this.#rebuilt();
    const allocator = await this.#allocator;
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

const isService = (kind: Kind) => kind.group === '' && kind.plural === 'services';
