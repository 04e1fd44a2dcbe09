import { cidr, type Grammar, ipAddress, isIpv4, isIpv6 } from '../names.ts';

/** The bytes of an address, 4 or 16 of them; undefined for what is none. */
export function addressBytes(text: string): readonly number[] | undefined {
  if (isIpv4(text)) return text.split('.').map(Number);
  if (!isIpv6(text)) return undefined;
  const dotted = text.slice(text.lastIndexOf(':') + 1);
  const tail = dotted.includes('.') ? dotted.split('.').map(Number) : undefined;
  const whole = tail
    ? `${text.slice(0, text.length - dotted.length)}${pairText(tail[0], tail[1])}:${pairText(tail[2], tail[3])}`
    : text;
  const [head = '', rest] = whole.split('::');
  const groups = (part: string) => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)));
  const front = groups(head);
  const back = rest === undefined ? [] : groups(rest);
  const gap = new Array<number>(8 - front.length - back.length).fill(0);
  return [...front, ...gap, ...back].flatMap((group) => [group >> 8, group & 255]);
}
const pairText = (high = 0, low = 0): string => (high * 256 + low).toString(16);

/** An address as it is written canonically (RFC 5952): lower case, the longest row of zeros left out. */
export function canonicalAddress(text: string): string {
  const bytes = addressBytes(text);
  return bytes && bytes.length > 4 ? addressText(bytes) : text;
}

/** The canonical text of 4 or 16 bytes. */
export function addressText(bytes: readonly number[]): string {
  if (bytes.length === 4) return bytes.join('.');
  return isMappedIpv4(bytes) ? `::ffff:${bytes.slice(12).join('.')}` : groupsText(bytes);
}

const isMappedIpv4 = (bytes: readonly number[]): boolean =>
  bytes.length === 16 && bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255;

function groupsText(bytes: readonly number[]): string {
  const groups: number[] = [];
  for (let at = 0; at < 16; at += 2) groups.push((bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0));
  let best = { start: -1, length: 1 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  const hex = groups.map((group) => group.toString(16));
  if (best.start < 0) return hex.join(':');
  return `${hex.slice(0, best.start).join(':')}::${hex.slice(best.start + best.length).join(':')}`;
}

interface Range {
  readonly bytes: readonly number[];
  readonly bits: number;
}

/** A range as its first bytes and how many bits of them count; undefined for what is none. */
export function rangeOf(text: string): Range | undefined {
  const [address = '', bits = '', more] = text.split('/');
  const bytes = addressBytes(address);
  if (!bytes || more !== undefined || !/^(0|[1-9][0-9]*)$/.test(bits) || Number(bits) > bytes.length * 8)
    return undefined;
  return { bytes, bits: Number(bits) };
}

/** The range with nothing but zeros after the bits that count, written canonically. */
export function canonicalRange(text: string): string {
  const range = rangeOf(text);
  if (!range) return text;
  const bytes = maskedBytes(range);
  const address = bytes.length === 4 ? bytes.join('.') : canonicalAddress(groupsText(bytes));
  return `${address}/${range.bits}`;
}

const maskedBytes = ({ bytes, bits }: Range): readonly number[] =>
  bytes.map((byte, index) => byte & ((0xff00 >> Math.min(Math.max(bits - index * 8, 0), 8)) & 255));

/** Whether the inner range lies in the outer one and is smaller. */
export function isStrictlyWithin(outer: Range, inner: Range): boolean {
  if (outer.bytes.length !== inner.bytes.length || inner.bits <= outer.bits) return false;
  const first = maskedBytes(outer);
  return maskedBytes({ bytes: inner.bytes, bits: outer.bits }).every((byte, index) => byte === first[index]);
}

/** Whether an address lies in a range. */
export function contains(range: string, address: string): boolean {
  const outer = rangeOf(range);
  const inner = rangeOf(`${address}/${address.includes(':') ? 128 : 32}`);
  if (!outer || !inner) return false;
  return isStrictlyWithin(outer, inner) || canonicalRange(range) === canonicalRange(`${address}/${outer.bits}`);
}

/** What speaks against an address as the end of a connection: it means nobody, this machine or this link. */
export function endpointAddressSentences(text: string): readonly string[] {
  const bytes = addressBytes(text);
  if (!bytes) return [];
  const plain = isMappedIpv4(bytes) ? bytes.slice(12) : bytes;
  const [first = 0, second = 0, third = 0] = plain;
  const four = plain.length === 4;
  const zeros = (until: number) => plain.slice(0, until).every((byte) => byte === 0);
  const sentences: string[] = [];
  if (zeros(plain.length)) sentences.push(`may not be unspecified (${text})`);
  if (four ? first === 127 : zeros(15) && plain[15] === 1) {
    sentences.push('may not be in the loopback range (127.0.0.0/8, ::1/128)');
  }
  if (four ? first === 169 && second === 254 : first === 0xfe && (second & 0xc0) === 0x80) {
    sentences.push('may not be in the link-local range (169.254.0.0/16, fe80::/10)');
  }
  if (four ? first === 224 && second === 0 && third === 0 : first === 0xff && (second & 0x0f) === 2) {
    sentences.push('may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)');
  }
  return sentences;
}

const leadingZero = /(^|[.:/])0[0-9]/;

/** An address as new objects may hold it; what is stored already may be looser. */
export const strictAddress: Grammar = (text) => {
  const sentences = ipAddress(text);
  if (sentences.length > 0) return hasLeadingZeros(text) ? ['must not have leading 0s'] : sentences;
  return isMappedIpv4(addressBytes(text) ?? []) ? ['must not be an IPv4-mapped IPv6 address'] : [];
};

/** The same for a range, which must begin where its bits say. */
export const strictRange: Grammar = (text) => {
  const range = rangeOf(text);
  if (!range) {
    const zeros = hasLeadingZeros(text.split('/')[0] ?? '') || /\/0[0-9]/.test(text);
    return zeros && cidr(withoutZeros(text)).length === 0
      ? ['must not have leading 0s in IP or prefix length']
      : cidr(text);
  }
  if (isMappedIpv4(range.bytes)) return ['must not have an IPv4-mapped IPv6 address'];
  const first = maskedBytes(range);
  const exact = range.bytes.every((byte, index) => byte === first[index]);
  return exact ? [] : ['must not have bits set beyond the prefix length'];
};

/** Of two families, where it is an address at all. */
export const isSix = (text: string): boolean => text.includes(':');

/** Whether it is read as an address, be it one that is not to be written so. */
export const isAddress = (text: string): boolean => ipAddress(text).length === 0 || hasLeadingZeros(text);

const hasLeadingZeros = (text: string): boolean => leadingZero.test(text) && ipAddress(withoutZeros(text)).length === 0;
const withoutZeros = (text: string): string =>
  text.includes(':') ? text.replace(/\/0+(?=[0-9])/, '/') : text.replace(/(^|[./])0+(?=[0-9])/g, '$1');
