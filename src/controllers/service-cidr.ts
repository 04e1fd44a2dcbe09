import { contains } from '../api/kinds/addresses.ts';
import { partOf, partsOf, textOf, textsOf } from '../api/kinds/defaulting.ts';
import type { IPAddress } from '../api/kinds/ip-address.ts';
import { type ServiceCIDR, serviceCidrs } from '../api/kinds/service-cidr.ts';
import { type Key, keyOf } from '../api/object.ts';
import type { Instant } from '../base/env.ts';
import type { Json } from '../base/json.ts';
import { parseTime, timestamp } from '../base/text.ts';
import { type Action, act } from '../client/action.ts';
import type { Cache } from '../machinery/cache.ts';
import { type Controller, nothing, type Plan, type Source, source } from '../machinery/controller.ts';

const finalizer = 'networking.k8s.io/service-cidr-finalizer';
/** So long allocators may not have seen yet that a range is leaving. */
const leavingMs = 10_000;

export interface RangeObserved {
  readonly range: ServiceCIDR;
  /** The other ranges that stay. */
  readonly others: readonly ServiceCIDR[];
  readonly addresses: readonly IPAddress[];
}

/** Says that a range of Service addresses may be used, and keeps it as long as an address of it is. */
export class ServiceCidrController implements Controller<RangeObserved> {
  readonly name = 'service-cidr-controller';
  readonly #ranges: Cache<ServiceCIDR>;
  readonly #addresses: Cache<IPAddress>;

  constructor(ranges: Cache<ServiceCIDR>, addresses: Cache<IPAddress>) {
    this.#ranges = ranges;
    this.#addresses = addresses;
  }

  sources(): readonly Source[] {
    const leaving = () => this.#ranges.list().filter(({ metadata }) => metadata.deletionTimestamp !== undefined);
    return [
      source(this.#ranges, (range) => [keyOf(range), ...leaving().map(keyOf)]),
      source(this.#addresses, () => leaving().map(keyOf)),
    ];
  }

  observe(key: Key): RangeObserved | undefined {
    const range = this.#ranges.get(key);
    if (!range) return undefined;
    const isLeaving = range.metadata.deletionTimestamp !== undefined;
    const others = this.#ranges
      .list()
      .filter(({ metadata }) => metadata.name !== key.name && metadata.deletionTimestamp === undefined);
    return { range, others, addresses: isLeaving ? this.#addresses.list() : [] };
  }

  plan({ range, others, addresses }: RangeObserved, now: Instant): Plan {
    const { deletionTimestamp, finalizers = [] } = range.metadata;
    if (deletionTimestamp === undefined) {
      const held = finalizers.includes(finalizer) ? [] : [finalizersTo(range, [...finalizers, finalizer])];
      const ready = condition(range, now, { status: 'True', reason: '', message: 'Kubernetes Service CIDR is ready' });
      return { actions: [held, ready].filter((group) => group.length > 0) };
    }
    if (!finalizers.includes(finalizer)) return nothing;
    const own = textsOf(partOf(range.spec).cidrs);
    const rest = others.flatMap(({ spec }) => textsOf(partOf(spec).cidrs));
    const isLost = ({ metadata }: IPAddress) =>
      own.some((cidr) => contains(cidr, metadata.name)) && !rest.some((cidr) => contains(cidr, metadata.name));
    if (addresses.some(isLost)) {
      const message =
        'There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR';
      const actions = condition(range, now, { status: 'False', reason: 'Terminating', message });
      return actions.length > 0 ? { actions: [actions] } : nothing;
    }
    const left = parseTime(deletionTimestamp) + leavingMs - now;
    if (left > 0) return { actions: [], again: left };
    const kept = finalizers.filter((one) => one !== finalizer);
    return { actions: [[finalizersTo(range, kept)]] };
  }
}

function finalizersTo(range: ServiceCIDR, finalizers: readonly string[]): Action {
  const { uid, resourceVersion } = range.metadata;
  const patch = { metadata: { uid, resourceVersion, finalizers: finalizers.length > 0 ? (finalizers as Json) : null } };
  return act({ verb: 'patch', kind: serviceCidrs, key: keyOf(range), patch });
}

function condition(
  range: ServiceCIDR,
  now: Instant,
  said: { readonly status: string; readonly reason: string; readonly message: string },
): readonly Action[] {
  const before = partsOf(partOf(range.status).conditions).find(({ type }) => type === 'Ready');
  if (before?.status === said.status && textOf(before.reason) === said.reason) return [];
  const conditions = [{ type: 'Ready', ...said, lastTransitionTime: timestamp(now) }] as unknown as Json;
  const patch = { status: { conditions } };
  return [act({ verb: 'patch', kind: serviceCidrs, key: keyOf(range), patch, subresource: 'status' })];
}
