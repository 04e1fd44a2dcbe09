import { canonicalAddress } from '../api/kinds/addresses.ts';
import { partOf, textOf } from '../api/kinds/defaulting.ts';
import { type IPAddress, ipAddresses } from '../api/kinds/ip-address.ts';
import type { Service } from '../api/kinds/service.ts';
import { type Draft, type Key, keyOf, keyText } from '../api/object.ts';
import { act } from '../client/action.ts';
import type { Cache } from '../machinery/cache.ts';
import { type Controller, nothing, type Plan, type Source, source } from '../machinery/controller.ts';
import { familyOf } from './service-pods.ts';

const managedByLabel = 'ipaddress.kubernetes.io/managed-by';
const managedBy = 'ipallocator.k8s.io';
const familyLabel = 'ipaddress.kubernetes.io/ip-family';

export interface AddressObserved {
  readonly address: string;
  /** The Service that has it. */
  readonly service: Service | undefined;
  readonly object: IPAddress | undefined;
}

/** An IPAddress for each address that a Service has, and none for those that nobody has any more. */
export class ServiceAddressController implements Controller<AddressObserved> {
  readonly name = 'service-address-controller';
  readonly #services: Cache<Service>;
  readonly #addresses: Cache<IPAddress>;

  constructor(services: Cache<Service>, addresses: Cache<IPAddress>) {
    this.#services = services.index('address', addressesOf);
    this.#addresses = addresses;
  }

  sources(): readonly Source[] {
    return [
      source(this.#services, (service) => addressesOf(service).map((name) => ({ namespace: '', name }))),
      source(this.#addresses, (address) => [keyOf(address)]),
    ];
  }

  observe(key: Key): AddressObserved {
    const [service] = this.#services.by('address', key.name);
    return { address: key.name, service, object: this.#addresses.get(key) };
  }

  plan({ address, service, object }: AddressObserved): Plan {
    const isOurs = object?.metadata.labels?.[managedByLabel] === managedBy;
    if (!service) {
      if (!object || !isOurs || object.metadata.deletionTimestamp !== undefined) return nothing;
      const { uid } = object.metadata;
      return { actions: [[act({ verb: 'delete', kind: ipAddresses, key: keyOf(object), uid })]] };
    }
    const { namespace = '', name } = service.metadata;
    const parentRef = { group: '', resource: 'services', namespace, name };
    if (!object) {
      const draft = {
        metadata: { name: address, labels: { [familyLabel]: familyOf(address), [managedByLabel]: managedBy } },
        spec: { parentRef },
      } as Draft<IPAddress>;
      return { actions: [[act({ verb: 'create', kind: ipAddresses, object: draft })]] };
    }
    const told = partOf(partOf(object.spec).parentRef);
    const isRight =
      keyText({ namespace: textOf(told.namespace), name: textOf(told.name) }) === keyText({ namespace, name });
    if (isRight || !isOurs) return nothing;
    // Whom it belongs to cannot be changed: it is made anew.
    const { uid } = object.metadata;
    return { actions: [[act({ verb: 'delete', kind: ipAddresses, key: keyOf(object), uid })]] };
  }
}

function addressesOf({ spec }: Service): readonly string[] {
  const all = spec.clusterIPs ?? (spec.clusterIP ? [spec.clusterIP] : []);
  return all.filter((address) => address !== '' && address !== 'None').map(canonicalAddress);
}
