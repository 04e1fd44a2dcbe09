import { isObject, type Json, type JsonObject } from '../base/json.ts';
import { messageFor, writeText } from './protobuf-message.ts';
import { magic, ProtobufError, Reader, wire } from './protobuf-wire.ts';
import { Writer } from './protobuf-writer.ts';
import { type ObjectType, schemaNamed, typeNamed } from './schema/schema.ts';

/** One at a time is encoded, and copied from here. */
const shared = new Writer(16 * 1024);

/** The object as `application/vnd.kubernetes.protobuf`, in its envelope. Only for kinds that the tables have. */
export function encodeProtobuf(object: JsonObject): Uint8Array {
  shared.clear();
  // Content type and encoding of what is inside: none.
  for (const number of [4, 3]) shared.delimited(number, shared.position);
  const start = shared.position;
  messageFor(typeOf(object)).write(shared, object);
  shared.delimited(2, start);
  writeHead(shared, object);
  return shared.finish();
}

/** The object without its envelope, as it stands in a list. The bytes are good until something else is encoded. */
export function protobufItem(object: JsonObject): Uint8Array {
  shared.clear();
  messageFor(typeOf(object)).write(shared, object);
  return shared.written;
}

/** Of a list, all are of one type. */
let last: { readonly apiVersion: Json; readonly kind: Json; readonly type: ObjectType } | undefined;

function typeOf({ apiVersion = '', kind = '' }: JsonObject): ObjectType {
  if (last?.kind === kind && last.apiVersion === apiVersion) return last.type;
  const whole = String(apiVersion);
  const slash = whole.indexOf('/');
  const group = slash < 0 ? '' : whole.slice(0, slash);
  const type = schemaNamed({ group, version: whole.slice(slash + 1), kind: String(kind) });
  if (!type) throw new ProtobufError(`no protobuf form of ${kind} in ${whole}`);
  last = { apiVersion, kind, type };
  return type;
}

/** What an object is, before all else. */
function writeHead(writer: Writer, { apiVersion, kind }: JsonObject): void {
  const start = writer.position;
  writeText(writer, 2, String(kind ?? ''));
  writeText(writer, 1, String(apiVersion ?? ''));
  writer.delimited(1, start);
  writer.bytes(Uint8Array.from(magic));
}

/** As many bytes of a list lie side by side. */
const roomBytes = 128 * 1024;
/** A tag, and a length of at most five times seven bits. */
const itemHeadMax = 6;
const itemTag = (2 << 3) | wire.bytes;

/** A list in its envelope, put together an item at a time. How long all of them are stands before the first. */
export class ProtobufList {
  readonly #rooms: Uint8Array[] = [];
  #room = new Uint8Array(roomBytes);
  #at = 0;
  #size = 0;

  /** Copies the item. */
  add(item: Uint8Array): void {
    const need = itemHeadMax + item.length;
    if (this.#at + need > this.#room.length) {
      this.#close();
      this.#room = new Uint8Array(Math.max(roomBytes, need));
    }
    this.#room[this.#at++] = itemTag;
    let rest = item.length;
    for (; rest > 127; rest >>>= 7) this.#room[this.#at++] = (rest & 127) | 128;
    this.#room[this.#at++] = rest;
    this.#room.set(item, this.#at);
    this.#at += item.length;
  }

  finish(head: JsonObject): readonly Uint8Array[] {
    this.#close();
    const begin = new Writer();
    const metadata: Json | undefined = head.metadata;
    messageFor(typeNamed('meta.v1.ListMeta') as ObjectType).write(begin, isObject(metadata) ? metadata : {});
    begin.delimited(1, 0);
    begin.varint(begin.position + this.#size);
    begin.tag(2, wire.bytes);
    writeHead(begin, head);
    const end = new Writer(16);
    for (const number of [4, 3]) end.delimited(number, end.position);
    return [begin.finish(), ...this.#rooms, end.finish()];
  }

  #close(): void {
    if (this.#at > 0) this.#rooms.push(this.#room.subarray(0, this.#at));
    this.#size += this.#at;
    this.#at = 0;
  }
}

/** The message inside an envelope that this file wrote. */
export function messageOf(envelope: Uint8Array): Uint8Array {
  const reader = new Reader(envelope, magic.length);
  while (!reader.done) {
    const tag = reader.varint();
    if (tag === 18) return reader.bytes();
    reader.skip(tag & 7);
  }
  throw new ProtobufError('an envelope has nothing inside');
}

/** One frame of a protobuf watch: four bytes of length, then the bare event around the enveloped object. */
export function encodeWatchFrame(eventType: string, object: Uint8Array): Uint8Array {
  const writer = new Writer(object.length + 64);
  const start = writer.position;
  writer.bytes(object);
  writer.delimited(1, start);
  writer.delimited(2, start);
  writeText(writer, 1, eventType);
  const size = writer.position;
  writer.bytes(Uint8Array.of((size >>> 24) & 255, (size >>> 16) & 255, (size >>> 8) & 255, size & 255));
  return writer.finish();
}
