import { hash32 } from '../../../base/hash.ts';
import { type Backend, familyOf, type Route, type Scope } from '../../../network/dataplane.ts';
import type { SetName } from './sets.ts';

/** One thing that the table has to hold for a route: a chain with its rules, or an element of a set. */
export interface Fact {
  /** `chain`: the key is its name, the value its rules, a line each. `affinity`: a set of clients, and for how long. */
  readonly into: SetName | 'chain' | 'affinity';
  readonly key: string;
  /** What a map says for the key; empty in a set. */
  readonly value: string;
}

/** More backends than this are shared out over chains, so that one that goes changes one small chain. */
const backendsPerRule = 64;
const backendsPerChain = 32;

/** So many rules, each of which may pass a packet on, are made sooner than a map. */
const rulesMax = 5;

/** What the kernel has to know so that one route is followed. */
export function factsOf(route: Route): readonly Fact[] {
  const { backends, outside, scope, vip } = route;
  const six = familyOf(vip) === 'IPv6';
  const facts: Fact[] = [];
  const add = (into: Fact['into'], key: string, value = ''): void => void facts.push({ into, key, value });
  const protocol = route.protocol.toLowerCase();
  const place = scope === 'node' ? `${protocol} . ${route.port}` : `${vip} . ${protocol} . ${route.port}`;
  const [inside, beyond, refused] = setsOf(scope, six);
  if (backends.length > 0) add(inside, place, guarded(route, add, chainsFor(route, backends, 'inside', add)));
  else if (!outside && route.elsewhere) add(inside, place, 'drop');
  else if (!outside || outside.length === 0) add(refused, place);
  if (outside) {
    if (outside.length > 0) add(beyond, place, guarded(route, add, chainsFor(route, outside, 'outside', add)));
    else if (route.elsewhere) add(beyond, place, 'drop');
    add(scope === 'node' ? 'kept_ports' : six ? 'kept6' : 'kept4', scope === 'node' ? String(route.port) : vip);
  }
  if (scope === 'node') add('node_ports', String(route.port));
  else if (scope === 'cluster') add(six ? 'cluster6' : 'cluster4', vip);
  else add(six ? 'others6' : 'others4', vip);
  for (const ip of new Set([...backends, ...(outside ?? [])].map((backend) => backend.ip))) {
    add(six ? 'hairpin6' : 'hairpin4', `${ip} . ${ip}`);
  }
  return facts;
}

function setsOf(scope: Scope, six: boolean): readonly [SetName, SetName, SetName] {
  const family = six ? 6 : 4;
  if (scope === 'node') return [`ports${family}`, `ports_outside${family}`, 'refused_ports'];
  const inside = scope === 'cluster' ? (`cluster_services${family}` as const) : (`services${family}` as const);
  return [inside, `outside${family}`, `refused${family}`];
}

type Add = (into: Fact['into'], key: string, value?: string) => void;

/** Where a packet has to go; first past the question whether its sender is in a range that may. */
function guarded(route: Route, add: Add, chain: string): string {
  if (!route.sources) return `goto ${chain}`;
  const name = `guard-${chain}`;
  const address = familyOf(route.vip) === 'IPv6' ? 'ip6' : 'ip';
  const doors = route.sources.map((range) => `${address} saddr ${range} goto ${chain}`);
  add('chain', name, [...doors, 'drop'].join('\n'));
  return `goto ${name}`;
}

/** The chain that picks a backend, and those under it. */
function chainsFor(route: Route, backends: readonly Backend[], side: string, add: Add): string {
  const six = familyOf(route.vip) === 'IPv6';
  const protocol = route.protocol.toLowerCase();
  const what = `${route.namespace}/${route.name}/${route.portName}/${protocol}-${six ? 6 : 4}`;
  const name = `${side}${route.scope === 'cluster' ? '-cluster' : ''}-${what}`;
  const chain = { name, protocol, to: six ? 'dnat ip6 to' : 'dnat ip to' };
  if (route.affinity) keepClients(chain, backends, { seconds: Math.ceil(route.affinity / 1000), six }, add);
  else if (backends.length <= backendsPerRule) add('chain', name, pick(chain, backends));
  else shareOut(chain, backends, add);
  return name;
}

interface Chain {
  readonly name: string;
  readonly protocol: string;
  readonly to: string;
}

function pick({ protocol, to }: Chain, backends: readonly Backend[]): string {
  const count = backends.length;
  if (count <= rulesMax) {
    return backends
      .map((backend, index) => {
        const chance = index === count - 1 ? '' : `numgen random mod ${count - index} 0 `;
        return `meta l4proto ${protocol} ${chance}${to} ${placeOf(backend)}`;
      })
      .join('\n');
  }
  const listed = backends.map(({ ip, port }, index) => `${index} : ${ip} . ${port}`).join(', ');
  return `meta l4proto ${protocol} ${to} numgen random mod ${count} map { ${listed} }`;
}

const placeOf = ({ ip, port }: Backend): string => (ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`);

/** A backend's chain depends on nothing but itself, and a chain is met as often as it has backends. */
function shareOut(chain: Chain, backends: readonly Backend[], add: Add): void {
  const count = 2 ** Math.ceil(Math.log2(backends.length / backendsPerChain));
  const shares = new Map<number, Backend[]>();
  for (const backend of backends) {
    const share = hash32(`${backend.ip} ${backend.port}`) % count;
    const known = shares.get(share);
    if (known) known.push(backend);
    else shares.set(share, [backend]);
  }
  const doors: string[] = [];
  let first = 0;
  for (const [share, some] of [...shares].sort(([a], [b]) => a - b)) {
    const name = `${chain.name}-${share}`;
    add('chain', name, pick(chain, some));
    const last = first + some.length - 1;
    doors.push(`${first === last ? first : `${first}-${last}`} : goto ${name}`);
    first = last + 1;
  }
  add('chain', chain.name, `numgen random mod ${backends.length} vmap { ${doors.join(', ')} }`);
}

/** Each backend remembers its clients, each time anew: who comes again meets it again. */
function keepClients(
  chain: Chain,
  backends: readonly Backend[],
  { seconds, six }: { readonly seconds: number; readonly six: boolean },
  add: Add,
): void {
  const from = six ? 'ip6 saddr' : 'ip saddr';
  const ends = backends.map((backend) => {
    // The set's name has all that it depends on: another time to remember is another set.
    const id = `${chain.name}-${seconds}-${backend.ip.replaceAll(':', '_')}-${backend.port}`;
    const clients = `clients-${id}`;
    add('affinity', clients, `type ${six ? 'ipv6_addr' : 'ipv4_addr'}; flags dynamic,timeout; timeout ${seconds}s;`);
    const name = `backend-${id}`;
    const lines = [`update @${clients} { ${from} }`, pick(chain, [backend])];
    add('chain', name, lines.join('\n'));
    return { name, clients };
  });
  const again = ends.map(({ name, clients }) => `${from} @${clients} goto ${name}`);
  const doors = ends.map(({ name }, index) => `${index} : goto ${name}`).join(', ');
  add('chain', chain.name, [...again, `numgen random mod ${ends.length} vmap { ${doors} }`].join('\n'));
}
