import { contains, rangeOf } from '../api/kinds/addresses.ts';
import { partOf, partsOf, textOf } from '../api/kinds/defaulting.ts';
import { type Service, services as serviceKind } from '../api/kinds/service.ts';
import { byKey, type Key } from '../api/object.ts';
import { compareText } from '../base/text.ts';
import { type Action, act, type Notice } from '../client/action.ts';
import type { Cache } from '../machinery/cache.ts';
import type { Controller, Plan, Source } from '../machinery/controller.ts';
import { source } from '../machinery/controller.ts';

/** This machine itself: all balanced services share the one address, and differ by their ports. */
export const localhost = '127.0.0.1';
/** So many addresses of a pool are tried. */
const poolMax = 65_536;
const all: Key = { namespace: '', name: 'all' };

/** Gives services of type LoadBalancer an address: one of a pool each, or this machine's own. */
export class LoadBalancerController implements Controller<readonly Service[]> {
  readonly name = 'load-balancer-controller';
  readonly #services: Cache<Service>;
  readonly #pool: string | undefined;

  /** Without a pool it is localhost. */
  constructor(services: Cache<Service>, pool?: string) {
    this.#services = services.index('balanced', (service) => (isOurs(service) ? ['yes'] : []));
    this.#pool = pool;
  }

  /** One key: who gets an address is decided among all. */
  sources(): readonly Source[] {
    return [source(this.#services, () => [all])];
  }

  observe(): readonly Service[] {
    return this.#services.by('balanced', 'yes');
  }

  plan(services: readonly Service[]): Plan {
    const taken = new Set<string>();
    const actions: (Action | Notice)[] = [];
    // Who has an address keeps it, the oldest first; then those who wait, in the order in which they came.
    const sorted = services.toSorted((a, b) => compareText(bornAt(a), bornAt(b)) || byKey(a, b));
    const waiting: Service[] = [];
    for (const service of sorted) {
      const [ip] = addressesOf(service);
      if (ip === undefined) waiting.push(service);
      else if (this.#gives(ip) && !this.#isFree(service, ip, taken)) waiting.push(service);
      // An address that somebody else gave is that one's business.
      else this.#take(service, ip, taken);
    }
    for (const service of waiting) {
      const ip = this.#choose(service, taken);
      if (ip !== undefined) this.#take(service, ip, taken);
      const before = addressesOf(service)[0];
      if (ip !== before) actions.push(told(service, ip));
      if (ip === undefined) actions.push(this.#refusal(service));
    }
    return { actions: actions.length > 0 ? [actions] : [] };
  }

  #gives(ip: string): boolean {
    return this.#pool === undefined ? ip === localhost : contains(this.#pool, ip);
  }

  #choose(service: Service, taken: ReadonlySet<string>): string | undefined {
    // All that is given here is IPv4.
    if (!(service.spec.ipFamilies ?? ['IPv4']).includes('IPv4')) return undefined;
    const wanted = textOf(partOf(service.spec).loadBalancerIP);
    if (wanted !== '') return this.#gives(wanted) && this.#isFree(service, wanted, taken) ? wanted : undefined;
    if (this.#pool === undefined) return this.#isFree(service, localhost, taken) ? localhost : undefined;
    for (const ip of addressesIn(this.#pool)) if (this.#isFree(service, ip, taken)) return ip;
    return undefined;
  }

  #isFree(service: Service, ip: string, taken: ReadonlySet<string>): boolean {
    return !this.#claims(service, ip).some((claim) => taken.has(claim));
  }

  #take(service: Service, ip: string, taken: Set<string>): void {
    for (const claim of this.#claims(service, ip)) taken.add(claim);
  }

  #claims({ spec }: Service, ip: string): readonly string[] {
    if (ip !== localhost) return [ip];
    return (spec.ports ?? []).map(({ port, protocol = 'TCP' }) => `${ip} ${protocol} ${port}`);
  }

  #refusal(about: Service): Notice {
    const message =
      this.#pool === undefined
        ? 'another Service has one of its ports on localhost, or it wants an address that is not given here'
        : `no address of the pool ${this.#pool} is free for it`;
    return { verb: 'event', about, type: 'Warning', reason: 'SyncLoadBalancerFailed', message };
  }
}

/** Who names a class wants somebody else's balancer. */
const isOurs = ({ metadata, spec }: Service): boolean =>
  spec.type === 'LoadBalancer' && spec.loadBalancerClass === undefined && metadata.deletionTimestamp === undefined;

const bornAt = ({ metadata }: Service): string => metadata.creationTimestamp ?? '';

/** What its status tells; a name instead of an address counts as one. */
const addressesOf = ({ status }: Service): readonly string[] =>
  partsOf(partOf(partOf(status).loadBalancer).ingress).map(({ ip, hostname }) => textOf(ip ?? hostname));

function told({ metadata: { namespace = '', name } }: Service, ip: string | undefined): Action {
  const ingress = ip === undefined ? null : [{ ip, ipMode: 'VIP' }];
  const patch = { status: { loadBalancer: { ingress } } };
  return act({ verb: 'patch', kind: serviceKind, key: { namespace, name }, patch, subresource: 'status' });
}

/** Of a range of IPv4, in order. */
function* addressesIn(pool: string): Generator<string> {
  const range = rangeOf(pool);
  if (range?.bytes.length !== 4) return;
  const size = 2 ** (32 - range.bits);
  const given = range.bytes.reduce((sum, byte) => sum * 256 + byte, 0);
  const first = given - (given % size);
  for (let offset = 0; offset < Math.min(size, poolMax); offset++) {
    yield [24, 16, 8, 0].map((shift) => Math.floor((first + offset) / 2 ** shift) % 256).join('.');
  }
}
