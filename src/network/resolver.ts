import { addressBytes, addressText } from '../api/kinds/addresses.ts';
import type { Endpoint, EndpointSlice } from '../api/kinds/endpoint-slice.ts';
import type { Service } from '../api/kinds/service.ts';
import { encodeText } from '../base/json.ts';
import { codes, type DnsRecord, type RecordData, recordTypes } from './dns-message.ts';
import { clusterAddresses, dnsService } from './kube-dns.ts';

export interface Zone {
  /** Such as cluster.local. */
  readonly domain: string;
  readonly ttlSeconds: number;
  /** How long it is remembered that there is nothing. */
  readonly absentSeconds: number;
  readonly serial: number;
}

/** What names are made of. All names are in lower case. */
export interface NameView {
  hasNamespace(namespace: string): boolean;
  service(namespace: string, name: string): Service | undefined;
  slices(namespace: string, service: string): readonly EndpointSlice[];
  /** The names, below the domain, that an address goes back to. */
  namesAt(ip: string): readonly string[];
}

export interface Answer {
  readonly code: number;
  readonly answers: readonly DnsRecord[];
  readonly authority: readonly DnsRecord[];
  readonly additional: readonly DnsRecord[];
  /** The last name of the answers leads out of the cluster: whoever can asks further for it. */
  readonly outside?: string;
}

const schemaVersion = '1.1.0';
const schemaSeconds = 28_800;
/** A chain of external names of the cluster that is longer leads in a circle. */
const aliasesMax = 8;

/**
 * What the cluster answers for a name, after upstream's specification of its DNS. Nothing: it is no name of ours.
 * The name is in lower case and without a dot at its end.
 */
export function answerOf(zone: Zone, view: NameView, name: string, type: number): Answer | undefined {
  if (isWithin(name, 'in-addr.arpa') || isWithin(name, 'ip6.arpa')) return reverseAnswer(zone, view, name, type);
  if (!isWithin(name, zone.domain)) return undefined;
  const aliases: DnsRecord[] = [];
  for (let current = name; ; ) {
    const found = recordsOf({ zone, view }, current, type);
    if (found === 'none') return absent(zone, codes.noSuchName, aliases);
    const [first] = found.answers;
    if (first?.type !== 'CNAME' || type === recordTypes.CNAME) {
      if (found.answers.length === 0) return absent(zone, codes.ok, aliases);
      const answers = [...aliases, ...found.answers];
      return { code: codes.ok, answers, authority: [], additional: found.additional ?? [] };
    }
    aliases.push(first);
    if (aliases.length > aliasesMax) return { ...absent(zone, codes.failure, []), authority: [] };
    current = first.target.toLowerCase();
    if (!isWithin(current, zone.domain)) {
      return { code: codes.ok, answers: aliases, authority: [], additional: [], outside: current };
    }
  }
}

export const isWithin = (name: string, domain: string): boolean => name === domain || name.endsWith(`.${domain}`);

interface Setting {
  readonly zone: Zone;
  readonly view: NameView;
}
/** What stands under a name for a type: no answers where the name is there and has others; 'none' where it is not. */
type Found = { readonly answers: readonly DnsRecord[]; readonly additional?: readonly DnsRecord[] } | 'none';
const nothing: Found = { answers: [] };

function recordsOf(setting: Setting, name: string, type: number): Found {
  const { zone, view } = setting;
  if (name === zone.domain) return apexRecords(setting, type);
  const labels = name.slice(0, -zone.domain.length - 1).split('.');
  const kind = labels.pop();
  const namespace = labels.pop();
  if (kind === 'dns-version' && namespace === undefined) {
    if (type !== recordTypes.TXT) return nothing;
    return { answers: [{ name, ttl: schemaSeconds, type: 'TXT', texts: [encodeText(schemaVersion)] }] };
  }
  if (kind === 'dns') {
    if (namespace === undefined) return nothing;
    return namespace === 'ns' && labels.length === 0 ? { answers: serverAddresses(setting, name, type) } : 'none';
  }
  if (kind !== 'svc' && kind !== 'pod') return 'none';
  if (namespace === undefined) return nothing;
  if (!view.hasNamespace(namespace)) return 'none';
  const last = labels.pop();
  if (last === undefined) return nothing;
  if (kind === 'pod') return labels.length > 0 ? 'none' : podRecords(setting, { name, label: last, type });
  const service = view.service(namespace, last);
  return service ? serviceRecords(setting, service, { name, labels, type }) : 'none';
}

function apexRecords(setting: Setting, type: number): Found {
  const { zone, view } = setting;
  if (type === recordTypes.SOA) return { answers: [startOf(zone, zone.domain)] };
  if (type !== recordTypes.NS) return nothing;
  const { namespace, name } = dnsService;
  const known = view.service(namespace, name) !== undefined;
  const target = known ? `${name}.${namespace}.svc.${zone.domain}` : `ns.dns.${zone.domain}`;
  const additional = [recordTypes.A, recordTypes.AAAA].flatMap((one) => serverAddresses(setting, target, one));
  return { answers: [{ name: zone.domain, ttl: zone.ttlSeconds, type: 'NS', target }], additional };
}

function serverAddresses({ zone, view }: Setting, name: string, type: number): readonly DnsRecord[] {
  const service = view.service(dnsService.namespace, dnsService.name);
  return addressRecords(name, zone.ttlSeconds, service ? clusterAddresses(service) : []).filter(isOf(type));
}

/** The address is in the name itself, so that any pod's is known: upstream asks nobody either. */
function podRecords(
  { zone }: Setting,
  { name, label, type }: { readonly name: string; readonly label: string; readonly type: number },
): Found {
  const dotted = label.replaceAll('-', '.');
  const address = addressBytes(dotted)?.length === 4 ? dotted : label.replaceAll('-', ':');
  const bytes = addressBytes(address);
  if (!bytes) return 'none';
  return { answers: addressRecords(name, zone.ttlSeconds, [addressText(bytes)]).filter(isOf(type)) };
}

/** One way to one port of a service. */
interface Way {
  readonly address: string;
  /** Absent where there is an address and no port. */
  readonly port?: number;
  /** Under which name this very address is found. */
  readonly target: string;
}

function serviceRecords(
  { zone, view }: Setting,
  service: Service,
  asked: { readonly name: string; readonly labels: readonly string[]; readonly type: number },
): Found {
  const { spec, metadata } = service;
  const { name, labels, type } = asked;
  if (labels.length > 2) return 'none';
  const full = `${metadata.name}.${metadata.namespace}.svc.${zone.domain}`;
  if (spec.type === 'ExternalName') {
    const target = (spec.externalName ?? '').replace(/\.$/, '');
    // An address is no name that one could be sent on to.
    if (labels.length > 0 || target === '' || addressBytes(target)) return 'none';
    return { answers: [{ name, ttl: zone.ttlSeconds, type: 'CNAME', target }] };
  }
  const [port, protocol] = labels.length === 2 ? labels.map(withoutUnderscore) : [];
  const isAsked = (one: { readonly name?: string; readonly protocol?: string }) =>
    labels.length < 2 || (same(one.name ?? '', port) && same(one.protocol ?? 'TCP', protocol));
  const cluster = clusterAddresses(service);
  const ways =
    cluster.length > 0 && labels.length !== 1
      ? cluster.flatMap((address) => {
          const ports: readonly { readonly name?: string; readonly port?: number }[] = spec.ports?.length
            ? spec.ports
            : [{}];
          return ports.filter(isAsked).map((one) => wayTo(address, one.port, full));
        })
      : endpointWays(view.slices(metadata.namespace ?? '', metadata.name), {
          full,
          isAsked,
          endpoint: labels.length === 1 ? labels[0] : undefined,
        });
  if (ways.length === 0) return 'none';
  if (type === recordTypes.SRV) return serviceLocations(name, zone.ttlSeconds, ways);
  const addresses = [...new Set(ways.map(({ address }) => address))];
  return { answers: addressRecords(name, zone.ttlSeconds, addresses).filter(isOf(type)) };
}

interface EndpointWish {
  readonly full: string;
  readonly endpoint: string | undefined;
  isAsked(port: { readonly name?: string; readonly protocol?: string }): boolean;
}

function endpointWays(slices: readonly EndpointSlice[], wish: EndpointWish): readonly Way[] {
  return slices.flatMap((slice) => {
    if (slice.addressType === 'FQDN') return [];
    const ports: NonNullable<EndpointSlice['ports']> = slice.ports?.length ? slice.ports : [{}];
    const asked = ports.filter(wish.isAsked);
    return (slice.endpoints ?? []).filter(isReady).flatMap((endpoint) =>
      endpoint.addresses.flatMap((address) => {
        const own = endpointName(endpoint, address);
        if (wish.endpoint !== undefined && wish.endpoint !== own) return [];
        return asked.map(({ port }) => wayTo(address, port, `${own}.${wish.full}`));
      }),
    );
  });
}

const wayTo = (address: string, port: number | undefined, target: string): Way => ({
  address,
  ...(port === undefined ? {} : { port }),
  target,
});

export const isReady = ({ conditions }: Endpoint): boolean => conditions?.ready !== false;

/** Its hostname; for an endpoint without one, a name made of its address. */
export const endpointName = ({ hostname }: Endpoint, address: string): string =>
  hostname ? hostname.toLowerCase() : address.toLowerCase().replaceAll(/[.:]/g, '-');

/** All have the same priority, and weigh the same. */
function serviceLocations(name: string, ttl: number, all: readonly Way[]): Found {
  const ways = all.flatMap(({ port, ...way }) => (port === undefined ? [] : [{ ...way, port }]));
  const weight = Math.max(1, Math.floor(100 / ways.length));
  const answers = new Map<string, DnsRecord>();
  const additional = new Map<string, DnsRecord>();
  for (const { address, port, target } of ways) {
    answers.set(`${target} ${port}`, { name, ttl, type: 'SRV', priority: 0, weight, port, target });
    for (const record of addressRecords(target, ttl, [address])) additional.set(`${target} ${address}`, record);
  }
  return { answers: [...answers.values()], additional: [...additional.values()] };
}

const addressRecords = (name: string, ttl: number, addresses: readonly string[]): readonly DnsRecord[] =>
  addresses.map((address) => ({ name, ttl, type: address.includes(':') ? 'AAAA' : 'A', address }));

const isOf =
  (type: number) =>
  (record: DnsRecord): boolean =>
    recordTypes[record.type as 'A'] === type;

const withoutUnderscore = (label: string): string => label.replace(/^_/, '');
const same = (text: string, label: string | undefined): boolean => text.toLowerCase() === label;

function reverseAnswer(zone: Zone, view: NameView, name: string, type: number): Answer | undefined {
  const ip = reversedAddress(name);
  const names = ip === undefined ? [] : view.namesAt(ip);
  if (names.length === 0) return undefined;
  if (type !== recordTypes.PTR)
    return { code: codes.ok, answers: [], authority: [startOf(zone, name)], additional: [] };
  const answers = names.map((found): DnsRecord => {
    return { name, ttl: zone.ttlSeconds, type: 'PTR', target: `${found}.${zone.domain}` };
  });
  return { code: codes.ok, answers, authority: [], additional: [] };
}

/** The address that a name of the reverse tree stands for. */
function reversedAddress(name: string): string | undefined {
  const labels = name.split('.').slice(0, -2).reverse();
  const text = name.endsWith('.in-addr.arpa') ? labels.join('.') : hextets(labels);
  const bytes = addressBytes(text);
  return bytes && addressText(bytes);
}

const hextets = (digits: readonly string[]): string =>
  digits.length === 32 && digits.every((digit) => digit.length === 1)
    ? digits.map((digit, index) => (index % 4 === 3 && index < 31 ? `${digit}:` : digit)).join('')
    : '';

const absent = (zone: Zone, code: number, aliases: readonly DnsRecord[]): Answer => ({
  code,
  answers: aliases,
  authority: [startOf(zone, zone.domain)],
  additional: [],
});

function startOf(zone: Zone, name: string): DnsRecord {
  const data: RecordData = {
    type: 'SOA',
    server: `ns.dns.${zone.domain}`,
    mailbox: `hostmaster.${zone.domain}`,
    serial: zone.serial,
    refresh: 7_200,
    retry: 1_800,
    expire: 86_400,
    minimum: zone.absentSeconds,
  };
  return { name, ttl: zone.absentSeconds, ...data };
}
