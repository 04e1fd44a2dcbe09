import { isObject, type Json, type JsonObject } from '../base/json.ts';
import { fromBase64, magic, ProtobufError, Reader, type Slot, slotsOf, Writer, wire } from './protobuf-wire.ts';
import { parseDuration } from './schema/scalars.ts';
import { type Field, type ObjectType, schemaOf, type TypeRef, typeNamed } from './schema/schema.ts';

/** The object as `application/vnd.kubernetes.protobuf`, in its envelope. Only for kinds that the tables have. */
export function encodeProtobuf(object: JsonObject): Uint8Array {
  const apiVersion = String(object.apiVersion ?? '');
  const kind = String(object.kind ?? '');
  const slash = apiVersion.indexOf('/');
  const type = schemaOf({
    group: slash < 0 ? '' : apiVersion.slice(0, slash),
    version: apiVersion.slice(slash + 1),
    kind,
  });
  if (!type) throw new ProtobufError(`no protobuf form of ${kind} in ${apiVersion}`);
  const writer = new Writer();
  // Content type and encoding of what is inside: none.
  for (const number of [4, 3]) writer.delimited(number, writer.position);
  let start = writer.position;
  writeSlots(writer, slotsOf(type), object, type.published);
  writer.delimited(2, start);
  start = writer.position;
  writeText(writer, 2, kind);
  writeText(writer, 1, apiVersion);
  writer.delimited(1, start);
  writer.bytes(Uint8Array.from(magic));
  return writer.finish();
}

/** A tag, and a length of at most five times seven bits. */
const itemHeadMax = 6;
const itemTag = (2 << 3) | wire.bytes;

/**
 * A list in its envelope, as chunks around the messages of its items, which are not copied: cached bytes are shared by
 * every list that they are in.
 */
export function encodeProtobufList(head: JsonObject, items: readonly Uint8Array[]): readonly Uint8Array[] {
  const meta = new Writer();
  const listMeta = typeNamed('meta.v1.ListMeta') as ObjectType;
  writeSlots(meta, slotsOf(listMeta), isObject(head.metadata) ? head.metadata : {}, true);
  meta.delimited(1, 0);
  const chunks: Uint8Array[] = [];
  let size = meta.position;
  // One room for the heads of all: there may be ten thousand.
  const heads = new Uint8Array(items.length * itemHeadMax);
  let at = 0;
  for (const item of items) {
    const start = at;
    heads[at++] = itemTag;
    let rest = item.length;
    for (; rest > 127; rest >>>= 7) heads[at++] = (rest & 127) | 128;
    heads[at++] = rest;
    size += at - start + item.length;
    chunks.push(heads.subarray(start, at), item);
  }
  const envelope = new Writer();
  envelope.bytes(meta.finish());
  envelope.varint(size);
  envelope.tag(2, wire.bytes);
  const start = envelope.position;
  writeText(envelope, 2, String(head.kind));
  writeText(envelope, 1, String(head.apiVersion));
  envelope.delimited(1, start);
  envelope.bytes(Uint8Array.from(magic));
  const end = new Writer(16);
  for (const number of [4, 3]) end.delimited(number, end.position);
  return [envelope.finish(), ...chunks, end.finish()];
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
  const writer = new Writer();
  const start = writer.position;
  writer.bytes(object);
  writer.delimited(1, start);
  writer.delimited(2, start);
  writeText(writer, 1, eventType);
  const size = writer.position;
  writer.bytes(Uint8Array.of((size >>> 24) & 255, (size >>> 16) & 255, (size >>> 8) & 255, size & 255));
  return writer.finish();
}

function writeText(writer: Writer, number: number, text: string): void {
  const start = writer.position;
  writer.text(text);
  writer.delimited(number, start);
}

function writeInteger(writer: Writer, number: number, value: number): void {
  writer.varint(value);
  writer.tag(number, wire.varint);
}

function writeSlots(writer: Writer, slots: readonly Slot[], value: JsonObject, published: boolean): void {
  for (let index = slots.length - 1; index >= 0; index--) {
    const slot = slots[index] as Slot;
    if ('slots' in slot) {
      const start = writer.position;
      writeSlots(writer, slot.slots, value, published);
      writer.delimited(slot.number, start);
      continue;
    }
    const member = Object.hasOwn(value, slot.field.name) ? value[slot.field.name] : undefined;
    if (member === undefined || member === null) {
      if (published) writeAbsent(writer, slot.number, slot.field);
    } else writeField(writer, slot.number, slot.field.ref, member);
  }
}

/** Upstream writes the zero of everything that is not a pointer, a list or a map inside. */
function writeAbsent(writer: Writer, number: number, field: Field): void {
  const { ref, absent } = field;
  const pointer = field.keepsZero || ref.type === 'list' || ref.type === 'map' || ref.type === 'bytes';
  if (pointer) return;
  if (ref.type === 'string') writeText(writer, number, '');
  else if (ref.type === 'int32' || ref.type === 'int64' || ref.type === 'bool') writeInteger(writer, number, 0);
  else if (ref.type === 'object') {
    if (absent === 'zero') writeField(writer, number, ref, {});
  } else if (absent === 'zero') writeField(writer, number, ref, ref.type === 'quantity' ? '0' : 0);
  else if (absent === 'null' || field.name === 'creationTimestamp') writer.delimited(number, writer.position);
}

function writeField(writer: Writer, number: number, ref: TypeRef, value: Json): void {
  switch (ref.type) {
    case 'string':
      return writeText(writer, number, String(value));
    case 'int32':
    case 'int64':
      return writeInteger(writer, number, Number(value));
    case 'bool':
      return writeInteger(writer, number, value === true ? 1 : 0);
    case 'double':
      writer.double(Number(value));
      return writer.tag(number, wire.fixed64);
    case 'list':
      return writeList(writer, number, ref, value);
    case 'map':
      return writeMap(writer, number, ref.values, value);
    default: {
      const start = writer.position;
      if (ref.type === 'bytes') writer.bytes(fromBase64(String(value)));
      else writeInside(writer, ref, value);
      return writer.delimited(number, start);
    }
  }
}

function writeList(writer: Writer, number: number, ref: Extract<TypeRef, { type: 'list' }>, value: Json): void {
  if (!Array.isArray(value)) return;
  const start = writer.position;
  const own = ref.wrapped ? 1 : number;
  for (let index = value.length - 1; index >= 0; index--) writeField(writer, own, ref.items, value[index] as Json);
  if (ref.wrapped) writer.delimited(number, start);
}

function writeMap(writer: Writer, number: number, values: TypeRef, value: Json): void {
  if (!isObject(value)) return;
  for (const key of Object.keys(value).sort(compareBytes).reverse()) {
    const start = writer.position;
    writeField(writer, 2, values, value[key] as Json);
    writeText(writer, 1, key);
    writer.delimited(number, start);
  }
}

/** Go sorts strings by their bytes; that differs from code units only where one is half of a character. */
function compareBytes(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const [left, right] = [a.charCodeAt(index), b.charCodeAt(index)];
    if (left !== right) return placeOf(left) - placeOf(right);
  }
  return a.length - b.length;
}

/** Halves of characters beyond the basic plane come behind all of that. */
const placeOf = (unit: number): number => (unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit);

function writeInside(writer: Writer, ref: TypeRef, value: Json): void {
  switch (ref.type) {
    case 'object':
      return writeSlots(writer, slotsOf(ref.object), isObject(value) ? value : {}, ref.object.published);
    case 'time':
    case 'microTime':
      return writeTime(writer, String(value));
    case 'quantity':
      return writeText(writer, 1, String(value));
    case 'duration':
      return writeInteger(writer, 1, Number(parseDuration(String(value)) ?? 0n));
    case 'intOrString': {
      const isText = typeof value === 'string';
      writeText(writer, 3, isText ? value : '');
      writeInteger(writer, 2, isText ? 0 : Number(value));
      return writeInteger(writer, 1, isText ? 1 : 0);
    }
    case 'raw':
    case 'fieldsV1':
    case 'json':
      return writeText(writer, 1, JSON.stringify(value));
    default:
      return writeSchemaOr(writer, ref, value);
  }
}

function writeTime(writer: Writer, text: string): void {
  const millis = Date.parse(text);
  if (Number.isNaN(millis)) return;
  const fraction = /\.(\d+)/.exec(text)?.[1] ?? '';
  writeInteger(writer, 2, Number(fraction.slice(0, 9).padEnd(9, '0')));
  writeInteger(writer, 1, Math.floor(millis / 1000));
}

function writeSchemaOr(writer: Writer, ref: TypeRef, value: Json): void {
  const schema = typeNamed('apiextensions.v1.JSONSchemaProps') as ObjectType;
  const schemaRef: TypeRef = { type: 'object', name: schema.name, object: schema };
  const single = isObject(value);
  if (ref.type === 'schemaOrBool') {
    if (single) writeField(writer, 2, schemaRef, value);
    return writeInteger(writer, 1, value === false ? 0 : 1);
  }
  if (single) return writeField(writer, 1, schemaRef, value);
  const items: TypeRef = ref.type === 'schemaOrArray' ? schemaRef : { type: 'string' };
  writeList(writer, 2, { type: 'list', items, wrapped: false }, value);
}
