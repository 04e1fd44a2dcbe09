import { isIpv4, isIpv6 } from '../../names.ts';
import { CelError } from '../cel-error.ts';
import type { Functions, Overload } from '../environment.ts';
import * as types from '../type.ts';
import { Opaque, type Result } from '../value.ts';
import { byTraversal, method, plain } from './declare.ts';

export const ipType = { kind: 'opaque', name: 'net.IP' } as const;
export const cidrType = { kind: 'opaque', name: 'net.CIDR' } as const;
const { string, bool, int } = types;

class Ip extends Opaque {
  readonly typeName = ipType.name;
  readonly value: bigint;
  readonly bits: 32 | 128;
  constructor(value: bigint, bits: 32 | 128) {
    super();
    this.value = value;
    this.bits = bits;
  }
  equals(other: Opaque): boolean {
    return (other as Ip).value === this.value && (other as Ip).bits === this.bits;
  }
}

class Cidr extends Opaque {
  readonly typeName = cidrType.name;
  readonly ip: Ip;
  readonly length: number;
  constructor(ip: Ip, length: number) {
    super();
    this.ip = ip;
    this.length = length;
  }
  equals(other: Opaque): boolean {
    return this.ip.equals((other as Cidr).ip) && this.length === (other as Cidr).length;
  }
  get masked(): Ip {
    const { value, bits } = this.ip;
    const free = BigInt(bits - this.length);
    return new Ip((value >> free) << free, bits);
  }
  holds(ip: Ip): boolean {
    return ip.bits === this.ip.bits && new Cidr(ip, this.length).masked.value === this.masked.value;
  }
}

function parseIp(text: string): Ip | undefined {
  if (isIpv4(text)) return new Ip(fourParts(text), 32);
  if (!isIpv6(text)) return undefined;
  const value = eightParts(text);
  // An IPv4 address dressed as IPv6 is neither here.
  return value >> 32n === 0xffffn ? undefined : new Ip(value, 128);
}

const fourParts = (text: string): bigint => text.split('.').reduce((value, part) => value * 256n + BigInt(part), 0n);

function eightParts(text: string): bigint {
  const dotted = /\d+\.\d+\.\d+\.\d+$/.exec(text)?.[0];
  const tail = dotted === undefined ? undefined : fourParts(dotted);
  const plainText = dotted === undefined ? text : text.slice(0, -dotted.length) + words(tail as bigint);
  const [head = '', rest] = plainText.split('::');
  const groups = (part: string) => (part === '' ? [] : part.split(':'));
  const before = groups(head);
  const after = rest === undefined ? [] : groups(rest);
  const gap = Array.from({ length: 8 - before.length - after.length }, () => '0');
  return [...before, ...gap, ...after].reduce((value, group) => (value << 16n) + BigInt(`0x${group}`), 0n);
}
const words = (value: bigint): string => `${(value >> 16n).toString(16)}:${(value & 0xffffn).toString(16)}`;

/** The one canonical form: the longest run of zeros is left out. */
function ipText({ value, bits }: Ip): string {
  if (bits === 32) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
  const groups = Array.from({ length: 8 }, (_, index) => ((value >> BigInt(112 - index * 16)) & 0xffffn).toString(16));
  let best = { at: -1, length: 1 };
  for (let at = 0; at < 8; at++) {
    let length = 0;
    while (groups[at + length] === '0') length++;
    if (length > best.length) best = { at, length };
  }
  if (best.at < 0) return groups.join(':');
  return `${groups.slice(0, best.at).join(':')}::${groups.slice(best.at + best.length).join(':')}`;
}

function parseCidr(text: string): Cidr | undefined {
  const [address = '', length = '', more] = text.split('/');
  const ip = parseIp(address);
  if (!ip || more !== undefined || !/^(0|[1-9]\d*)$/.test(length) || Number(length) > ip.bits) return undefined;
  return new Cidr(ip, Number(length));
}

const toIp = (text: string): Result =>
  parseIp(text) ?? new CelError(`IP Address ${JSON.stringify(text)} parse error during conversion from string`);
const toCidr = (text: string): Result =>
  parseCidr(text) ?? new CelError(`network address parse error during conversion from string: ${JSON.stringify(text)}`);

function within<T>(parsed: T | undefined, failure: () => Result, holds: (value: T) => boolean): Result {
  return parsed === undefined ? failure() : holds(parsed);
}

const inRange = ({ value, bits }: Ip, four: readonly [bigint, number], six: readonly [bigint, number]): boolean => {
  const [prefix, length] = bits === 32 ? four : six;
  return value >> BigInt(bits - length) === prefix;
};
const isUnspecified = ({ value }: Ip) => value === 0n;
const isLoopback = (ip: Ip) => inRange(ip, [127n, 8], [1n, 128]);
const isMulticast = (ip: Ip) => inRange(ip, [0xen, 4], [0xffn, 8]);
const isLinkLocalMulticast = (ip: Ip) =>
  ip.bits === 32
    ? inRange(ip, [0xe00000n, 24], [0n, 0])
    : (ip.value >> 112n) % 0x10n === 2n && ip.value >> 120n === 0xffn;
const isLinkLocalUnicast = (ip: Ip) => inRange(ip, [0xa9fen, 16], [0xfe80n >> 6n, 10]);
const isBroadcast = ({ value, bits }: Ip) => bits === 32 && value === 0xffffffffn;
const isGlobalUnicast = (ip: Ip) =>
  !isUnspecified(ip) && !isLoopback(ip) && !isMulticast(ip) && !isLinkLocalUnicast(ip) && !isBroadcast(ip);

const judged = (name: string, holds: (ip: Ip) => boolean): readonly Overload[] => [
  method(`ip_${name}`, [ipType], bool, holds),
];

function isCanonical(text: string): Result {
  const ip = parseIp(text);
  return ip ? ipText(ip) === text : toIp(text);
}

const holdsCidr = (outer: Cidr, inner: Cidr): boolean => inner.length >= outer.length && outer.holds(inner.ip);

export const network: Functions = {
  ip: [
    plain('string_to_ip', [string], ipType, [toIp, byTraversal()]),
    method('cidr_ip', [cidrType], ipType, ({ ip }: Cidr) => ip),
  ],
  isIP: [plain('is_ip', [string], bool, [(text: string) => parseIp(text) !== undefined, byTraversal()])],
  'ip.isCanonical': [plain('ip_is_canonical', [string], bool, [isCanonical, byTraversal()])],
  family: [method('ip_family', [ipType], int, ({ bits }: Ip) => (bits === 32 ? 4n : 6n))],
  isUnspecified: judged('is_unspecified', isUnspecified),
  isLoopback: judged('is_loopback', isLoopback),
  isLinkLocalMulticast: judged('is_link_local_multicast', isLinkLocalMulticast),
  isLinkLocalUnicast: judged('is_link_local_unicast', isLinkLocalUnicast),
  isGlobalUnicast: judged('is_global_unicast', isGlobalUnicast),
  cidr: [plain('string_to_cidr', [string], cidrType, [toCidr, byTraversal()])],
  isCIDR: [plain('is_cidr', [string], bool, [(text: string) => parseCidr(text) !== undefined, byTraversal()])],
  containsIP: [
    method('cidr_contains_ip_ip', [cidrType, ipType], bool, (cidr: Cidr, ip: Ip) => cidr.holds(ip)),
    method('cidr_contains_ip_string', [cidrType, string], bool, [
      (cidr: Cidr, text: string) =>
        within(
          parseIp(text),
          () => toIp(text),
          (ip) => cidr.holds(ip),
        ),
      byTraversal(1),
    ]),
  ],
  containsCIDR: [
    method('cidr_contains_cidr', [cidrType, cidrType], bool, holdsCidr),
    method('cidr_contains_cidr_string', [cidrType, string], bool, [
      (cidr: Cidr, text: string) =>
        within(
          parseCidr(text),
          () => toCidr(text),
          (inner) => holdsCidr(cidr, inner),
        ),
      byTraversal(1),
    ]),
  ],
  masked: [method('cidr_masked', [cidrType], cidrType, (cidr: Cidr) => new Cidr(cidr.masked, cidr.length))],
  prefixLength: [method('cidr_prefix_length', [cidrType], int, ({ length }: Cidr) => BigInt(length))],
  string: [
    plain('ip_to_string', [ipType], string, ipText),
    plain('cidr_to_string', [cidrType], string, ({ ip, length }: Cidr) => `${ipText(ip)}/${length}`),
  ],
};
