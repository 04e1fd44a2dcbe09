import { addressBytes, addressText } from '../api/kinds/addresses.ts';
import { DnsFormatError, WireReader, WireWriter } from './dns-wire.ts';

/** The types of records that have a form of their own here; all others are bytes. */
export const recordTypes = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
} as const;
export const optType = 41;
export const internetClass = 1;

export const codes = { ok: 0, format: 1, failure: 2, noSuchName: 3, notBuilt: 4, refused: 5, badVersion: 16 } as const;

export const headerBytes = 12;
/** What a datagram may hold where the client says nothing. */
export const plainBytesMax = 512;
export const messageBytesMax = 65_535;

export type DnsRecord = {
  readonly name: string;
  readonly ttl: number;
  readonly class?: number;
} & RecordData;
export type RecordData =
  | { readonly type: 'A' | 'AAAA'; readonly address: string }
  | { readonly type: 'NS' | 'CNAME' | 'PTR'; readonly target: string }
  | { readonly type: 'MX'; readonly preference: number; readonly target: string }
  | {
      readonly type: 'SRV';
      readonly priority: number;
      readonly weight: number;
      readonly port: number;
      readonly target: string;
    }
  | { readonly type: 'TXT'; readonly texts: readonly Uint8Array[] }
  | {
      readonly type: 'SOA';
      readonly server: string;
      readonly mailbox: string;
      readonly serial: number;
      readonly refresh: number;
      readonly retry: number;
      readonly expire: number;
      readonly minimum: number;
    }
  | { readonly type: number; readonly bytes: Uint8Array };

export interface Question {
  readonly name: string;
  readonly type: number;
  readonly class: number;
}
export interface Extension {
  /** The largest datagram that the sender takes. */
  readonly size: number;
  readonly version: number;
  readonly dnssec: boolean;
  readonly options: Uint8Array;
}
export interface Message {
  readonly id: number;
  readonly isAnswer: boolean;
  readonly operation: number;
  readonly authoritative: boolean;
  readonly truncated: boolean;
  readonly recursionWanted: boolean;
  readonly recursionOffered: boolean;
  readonly code: number;
  readonly questions: readonly Question[];
  readonly answers: readonly DnsRecord[];
  readonly authority: readonly DnsRecord[];
  readonly additional: readonly DnsRecord[];
  readonly extension?: Extension;
}

/** A whole message. Throws DnsFormatError for anything that is none. */
export function decodeMessage(bytes: Uint8Array): Message {
  const reader = new WireReader(bytes);
  const [id, flags] = [reader.u16(), reader.u16()];
  const counts = [reader.u16(), reader.u16(), reader.u16(), reader.u16()] as const;
  const questions: Question[] = [];
  for (let left = counts[0]; left > 0; left--) {
    questions.push({ name: reader.name(), type: reader.u16(), class: reader.u16() });
  }
  let extension: (Extension & { readonly high: number }) | undefined;
  const section = (count: number): readonly DnsRecord[] => {
    const records: DnsRecord[] = [];
    for (let left = count; left > 0; left--) {
      const found = readRecord(reader);
      if (!('size' in found)) records.push(found);
      else if (extension) throw new DnsFormatError('the message is extended twice');
      else extension = found;
    }
    return records;
  };
  const [answers, authority, additional] = [section(counts[1]), section(counts[2]), section(counts[3])];
  const { high = 0, ...rest } = (extension ?? {}) as Partial<Extension> & { readonly high?: number };
  return {
    id,
    isAnswer: (flags & 0x8000) !== 0,
    operation: (flags >>> 11) & 15,
    authoritative: (flags & 0x0400) !== 0,
    truncated: (flags & 0x0200) !== 0,
    recursionWanted: (flags & 0x0100) !== 0,
    recursionOffered: (flags & 0x0080) !== 0,
    code: high * 16 + (flags & 15),
    questions,
    answers,
    authority,
    additional,
    ...(extension ? { extension: rest as Extension } : {}),
  };
}

/**
 * The bytes of a message of at most so many bytes. Answers that find no room are left out and the message says that it
 * is truncated; additional records that find none are left out in silence, as they may always be.
 */
export function encodeMessage(message: Message, bytesMax = messageBytesMax): Uint8Array {
  const writer = new WireWriter();
  const { extension } = message;
  const room = bytesMax - (extension ? 11 + extension.options.length : 0);
  writer.u16(message.id);
  writer.u16(flagsOf(message));
  for (let section = 0; section < 4; section++) writer.u16(0);
  for (const question of message.questions) {
    writer.name(question.name);
    writer.u16(question.type);
    writer.u16(question.class);
  }
  if (writer.at > room) throw new DnsFormatError(`a question of ${writer.at} bytes finds no room in ${bytesMax}`);
  const counts = [message.questions.length, 0, 0, 0];
  let full = false;
  for (const [index, records] of [message.answers, message.authority, message.additional].entries()) {
    for (const record of full ? [] : records) {
      const place = writer.at;
      writeRecord(writer, record);
      full = writer.at > room;
      if (full) {
        writer.rewind(place);
        if (index < 2) writer.bytes[2] = (writer.bytes[2] ?? 0) | 0x02;
        break;
      }
      counts[index + 1] = (counts[index + 1] ?? 0) + 1;
    }
  }
  if (extension) {
    writer.u8(0);
    writer.u16(optType);
    writer.u16(extension.size);
    writer.u8(message.code >>> 4);
    writer.u8(extension.version);
    writer.u16(extension.dnssec ? 0x8000 : 0);
    writer.u16(extension.options.length);
    writer.put(extension.options);
    counts[3] = (counts[3] ?? 0) + 1;
  }
  const end = writer.at;
  writer.at = 4;
  for (const count of counts) writer.u16(count);
  writer.at = end;
  return writer.written();
}

function flagsOf(message: Message): number {
  return (
    (message.isAnswer ? 0x8000 : 0) +
    (message.operation << 11) +
    (message.authoritative ? 0x0400 : 0) +
    (message.truncated ? 0x0200 : 0) +
    (message.recursionWanted ? 0x0100 : 0) +
    (message.recursionOffered ? 0x0080 : 0) +
    (message.code & 15)
  );
}

function readRecord(reader: WireReader): DnsRecord | (Extension & { readonly high: number }) {
  const name = reader.name();
  const type = reader.u16();
  const about = reader.u16();
  const ttl = reader.u32();
  const length = reader.u16();
  const end = reader.at + length;
  if (end > reader.bytes.length) throw new DnsFormatError(`a record of ${length} bytes is longer than its message`);
  if (type === optType) {
    if (name !== '') throw new DnsFormatError('an extension has a name');
    const options = reader.take(length);
    return { size: about, high: ttl >>> 24, version: (ttl >>> 16) & 255, dnssec: (ttl & 0x8000) !== 0, options };
  }
  const data = readData(reader, type, length);
  if (reader.at !== end) throw new DnsFormatError(`a record of type ${type} is not as long as it says`);
  return { name, ttl, ...(about === internetClass ? {} : { class: about }), ...data };
}

function readData(reader: WireReader, type: number, length: number): RecordData {
  switch (type) {
    case recordTypes.A:
      if (length !== 4) break;
      return { type: 'A', address: addressText([...reader.take(4)]) };
    case recordTypes.AAAA:
      if (length !== 16) break;
      return { type: 'AAAA', address: addressText([...reader.take(16)]) };
    case recordTypes.NS:
      return { type: 'NS', target: reader.name() };
    case recordTypes.CNAME:
      return { type: 'CNAME', target: reader.name() };
    case recordTypes.PTR:
      return { type: 'PTR', target: reader.name() };
    case recordTypes.MX:
      return { type: 'MX', preference: reader.u16(), target: reader.name() };
    case recordTypes.SRV:
      return {
        type: 'SRV',
        priority: reader.u16(),
        weight: reader.u16(),
        port: reader.u16(),
        target: reader.name(),
      };
    case recordTypes.TXT: {
      const texts: Uint8Array[] = [];
      for (const end = reader.at + length; reader.at < end; ) texts.push(reader.take(reader.u8()));
      return { type: 'TXT', texts };
    }
    case recordTypes.SOA: {
      const [server, mailbox] = [reader.name(), reader.name()];
      const [serial, refresh, retry] = [reader.u32(), reader.u32(), reader.u32()];
      return { type: 'SOA', server, mailbox, serial, refresh, retry, expire: reader.u32(), minimum: reader.u32() };
    }
    default:
      return { type, bytes: reader.take(length) };
  }
  throw new DnsFormatError(`a record of type ${type} has ${length} bytes`);
}

function writeRecord(writer: WireWriter, record: DnsRecord): void {
  writer.name(record.name);
  writer.u16(typeof record.type === 'number' ? record.type : recordTypes[record.type]);
  writer.u16(record.class ?? internetClass);
  writer.u32(record.ttl);
  const done = writer.length16();
  writeData(writer, record);
  done();
}

function writeData(writer: WireWriter, record: DnsRecord): void {
  if ('bytes' in record) writer.put(record.bytes);
  else if ('address' in record) {
    const bytes = addressBytes(record.address);
    if (bytes?.length !== (record.type === 'A' ? 4 : 16)) {
      throw new DnsFormatError(`${record.address} is no address for a record of type ${record.type}`);
    }
    writer.put(bytes);
  } else if (record.type === 'SRV') {
    for (const number of [record.priority, record.weight, record.port]) writer.u16(number);
    // Not pointed at: clients of old cannot follow a pointer here.
    writer.name(record.target, false);
  } else if (record.type === 'MX') {
    writer.u16(record.preference);
    writer.name(record.target);
  } else if ('target' in record) writer.name(record.target);
  else if (record.type === 'TXT') {
    for (const text of record.texts) {
      if (text.length > 255) throw new DnsFormatError('a text of a record has more than 255 bytes');
      writer.u8(text.length);
      writer.put(text);
    }
  } else {
    writer.name(record.server);
    writer.name(record.mailbox);
    for (const number of [record.serial, record.refresh, record.retry, record.expire, record.minimum]) {
      writer.u32(number);
    }
  }
}
