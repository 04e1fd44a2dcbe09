import { codes, optType } from './dns-message.ts';
import { DnsFormatError, nameBytesMax, WireReader } from './dns-wire.ts';

/** What a client asks, as far as answering it needs to know. */
export interface DnsQuery {
  /** In lower case. */
  readonly name: string;
  readonly type: number;
  readonly class: number;
  readonly recursionWanted: boolean;
  /** Where the question, which begins after the head, ends. */
  readonly questionEnd: number;
  readonly extension?: { readonly size: number; readonly version: number };
}

const questionAt = 12;

/** The question; the code with which it is refused; nothing where an answer would only do harm. */
export function readQuery(bytes: Uint8Array): DnsQuery | number | undefined {
  const flags = bytes[2] ?? 0x80;
  // An answer to an answer could go on for ever.
  if (bytes.length < questionAt || (flags & 0x80) !== 0) return undefined;
  if ((flags & 0x78) !== 0) return codes.notBuilt;
  // One question, and nothing that only answers have.
  if (at(bytes, 4) !== 1 || at(bytes, 6) !== 0 || at(bytes, 8) !== 0) return codes.format;
  const end = nameEnd(bytes);
  if (end === undefined || end + 4 > bytes.length) return codes.format;
  const question = {
    name: nameText(bytes, end - 1),
    type: at(bytes, end),
    class: at(bytes, end + 2),
    recursionWanted: (flags & 1) !== 0,
    questionEnd: end + 4,
  };
  const more = at(bytes, 10);
  if (more === 0) return question;
  try {
    const extension = extensionOf(new WireReader(bytes, end + 4), more);
    return extension ? { ...question, extension } : question;
  } catch (error) {
    if (error instanceof DnsFormatError) return codes.format;
    throw error;
  }
}

const at = (bytes: Uint8Array, place: number): number => (bytes[place] ?? 0) * 256 + (bytes[place + 1] ?? 0);

/** The place after the name; a question has nothing before it that it could point at. */
function nameEnd(bytes: Uint8Array): number | undefined {
  let place = questionAt;
  for (;;) {
    const size = bytes[place];
    if (size === undefined || size > 63) return undefined;
    place += size + 1;
    if (place - questionAt > nameBytesMax) return undefined;
    if (size === 0) return place;
  }
}

/** The name that ends before this place: a byte at a time is what every query costs, so it is a table and no more. */
function nameText(bytes: Uint8Array, end: number): string {
  let text = '';
  for (let place = questionAt; place < end; ) {
    const next = place + (bytes[place] as number) + 1;
    if (place > questionAt) text += '.';
    for (place++; place < next; place++) text += lowerSigns[bytes[place] as number];
  }
  return text;
}

const lowerSigns: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  return new WireReader(Uint8Array.of(1, byte, 0)).name().toLowerCase();
});

function extensionOf(reader: WireReader, count: number): DnsQuery['extension'] {
  let found: DnsQuery['extension'];
  for (let left = count; left > 0; left--) {
    const name = reader.name();
    const [type, about, ttl] = [reader.u16(), reader.u16(), reader.u32()];
    reader.take(reader.u16());
    if (type !== optType) continue;
    if (found || name !== '') throw new DnsFormatError('the query is extended twice, or under a name');
    found = { size: about, version: (ttl >>> 16) & 255 };
  }
  return found;
}
