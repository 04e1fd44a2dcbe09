import { decodeText, type Json, type JsonObject } from '../base/json.ts';
import { finish, MemberNames, type Steps, Stride } from '../base/steps.ts';
import { NamesSeen } from './names-seen.ts';
import { magic, ProtobufError, Reader, type Slot, slotsOf, toBase64, wire } from './protobuf-wire.ts';
import { JsonSyntaxError } from './schema/decode-json.ts';
import { decodeJsonInSteps } from './schema/decode-long-json.ts';
import { formatDuration } from './schema/scalars.ts';
import { type Field, type ObjectType, schemaNamed, type TypeRef, typeNamed } from './schema/schema.ts';
import { walkInSteps } from './schema/walker.ts';

export interface DecodedProtobuf {
  readonly apiVersion: string;
  readonly kind: string;
  readonly value: JsonObject;
}

/** Nothing that Kubernetes has is deeper; a schema inside a schema may be as deep as whoever sends it likes. */
const messageDepthMax = 200;
/** What is longer is read in steps. */
const longBytesMin = 16 * 1024;
/** To read so many bytes is as much work as to look at one member of a value. */
const bytesPerMember = 32;
/** Of a map: what it is, how long, and its key. */
const bytesPerEntry = 4;

/** An object out of `application/vnd.kubernetes.protobuf`, as its JSON form. Throws ProtobufError. */
export const decodeProtobuf = (bytes: Uint8Array): DecodedProtobuf => finish(decodeProtobufInSteps(bytes));

/** The same for an object that may be long. */
export function* decodeProtobufInSteps(bytes: Uint8Array): Steps<DecodedProtobuf> {
  const { apiVersion, kind, raw, contentType } = readEnvelope(bytes);
  if (contentType === 'application/json') {
    return { apiVersion, kind, value: (yield* decodeJsonInSteps(decodeText(raw))).value as JsonObject };
  }
  const slash = apiVersion.indexOf('/');
  const type = schemaNamed({
    group: slash < 0 ? '' : apiVersion.slice(0, slash),
    version: apiVersion.slice(slash + 1),
    kind,
  });
  if (!type) throw new ProtobufError(`no kind "${kind}" is registered for version "${apiVersion}"`);
  const decoder = new Decoder(raw.length);
  const read = {
    ...(kind ? { kind } : {}),
    ...(apiVersion ? { apiVersion } : {}),
    ...(yield* decoder.whole(type, new Reader(raw))),
  };
  return { apiVersion, kind, value: type.published ? (yield* walkInSteps(type, read)).value : read };
}

function readEnvelope(bytes: Uint8Array) {
  if (magic.some((byte, index) => bytes[index] !== byte)) {
    throw new ProtobufError('provided data does not appear to be a protobuf message, expected prefix k8s');
  }
  const reader = new Reader(bytes, magic.length);
  let apiVersion = '';
  let kind = '';
  let contentType = '';
  let raw: Uint8Array = new Uint8Array(0);
  while (!reader.done) {
    const tag = reader.varint();
    if (tag === 10) {
      const meta = reader.message();
      while (!meta.done) {
        const inner = meta.varint();
        if (inner === 10) apiVersion = meta.text();
        else if (inner === 18) kind = meta.text();
        else meta.skip(inner & 7);
      }
    } else if (tag === 18) raw = reader.bytes();
    else if (tag === 34) contentType = reader.text();
    else reader.skip(tag & 7);
  }
  return { apiVersion, kind, raw, contentType };
}

const numbered = new WeakMap<readonly Slot[], ReadonlyMap<number, Slot>>();
function byNumber(slots: readonly Slot[]): ReadonlyMap<number, Slot> {
  let map = numbered.get(slots);
  if (!map) {
    map = new Map(slots.map((slot) => [slot.number, slot]));
    numbered.set(slots, map);
  }
  return map;
}

class Decoder {
  #depth = 0;
  readonly #stride = new Stride();
  /** Of the maps in a long message. */
  readonly #names: Map<object, MemberNames> | undefined;

  readonly #seen: NamesSeen | undefined;

  constructor(size: number) {
    this.#names = size >= longBytesMin ? new Map() : undefined;
    this.#seen = NamesSeen.in(size, bytesPerEntry);
  }

  *whole(type: ObjectType, reader: Reader): Steps<JsonObject> {
    const out = yield* this.objectInSteps(type, reader);
    for (const [map, names] of this.#names ?? []) {
      if (this.#stride.isLong(1)) yield this.#stride.taken();
      names.keep(map);
    }
    return out;
  }

  object(type: ObjectType, reader: Reader): JsonObject {
    const out: Record<string, Json> = {};
    this.#slots(slotsOf(type), reader, out);
    return out;
  }

  *objectInSteps(type: ObjectType, reader: Reader): Steps<JsonObject> {
    const out: Record<string, Json> = {};
    yield* this.#slotsInSteps(slotsOf(type), reader, out);
    return out;
  }

  *#slotsInSteps(slots: readonly Slot[], reader: Reader, out: Record<string, Json>): Steps<void> {
    if (reader.size < longBytesMin) {
      if (this.#stride.isLong(1 + Math.floor(reader.size / bytesPerMember))) yield this.#stride.taken();
      this.#slots(slots, reader, out);
      return;
    }
    this.#enter();
    const known = byNumber(slots);
    while (!reader.done) {
      const tag = reader.varint();
      const slot = known.get(Math.floor(tag / 8));
      const type = tag % 8;
      const size = type === wire.bytes ? reader.nextSize() : 0;
      if (this.#stride.isLong(1 + Math.floor(Math.min(size, longBytesMin) / bytesPerMember))) {
        yield this.#stride.taken();
      }
      if (!slot) reader.skip(type);
      else if ('slots' in slot) yield* this.#slotsInSteps(slot.slots, this.#message(reader, type), out);
      else if (size < longBytesMin) this.#field(slot.field, reader, type, out);
      else yield* this.#longField(slot.field, reader, type, out);
    }
    this.#depth -= 1;
  }

  *#longField(field: Field, reader: Reader, type: number, out: Record<string, Json>): Steps<void> {
    const { name, ref } = field;
    if (ref.type === 'object') out[name] = yield* this.objectInSteps(ref.object, reader.message());
    else if (ref.type === 'list' && !ref.wrapped && ref.items.type === 'object') {
      out[name] ??= [];
      (out[name] as Json[]).push(yield* this.objectInSteps(ref.items.object, reader.message()));
    } else if (isRawJson(ref)) {
      const [text = ''] = this.#parts(ref, this.#message(reader, type)).get(1) ?? [];
      const value = yield* rawJson(text as string);
      if (value !== undefined) out[name] = value;
    } else this.#field(field, reader, type, out);
  }

  #enter(): void {
    this.#depth += 1;
    if (this.#depth > messageDepthMax) throw new ProtobufError('proto: message is nested too deep');
  }

  #slots(slots: readonly Slot[], reader: Reader, out: Record<string, Json>): void {
    this.#enter();
    const known = byNumber(slots);
    while (!reader.done) {
      const tag = reader.varint();
      const slot = known.get(Math.floor(tag / 8));
      const type = tag % 8;
      if (!slot) reader.skip(type);
      else if ('slots' in slot) this.#slots(slot.slots, this.#message(reader, type), out);
      else this.#field(slot.field, reader, type, out);
    }
    this.#depth -= 1;
  }

  #message(reader: Reader, type: number): Reader {
    if (type !== wire.bytes) throw new ProtobufError(`proto: wrong wireType = ${type}`);
    return reader.message();
  }

  #field({ name, ref }: Field, reader: Reader, type: number, out: Record<string, Json>): void {
    if (ref.type === 'map') {
      out[name] ??= {};
      return this.#entry(ref.values, this.#message(reader, type), out[name] as Record<string, Json>);
    }
    if (ref.type === 'list' && !ref.wrapped) {
      out[name] ??= [];
      const list = out[name] as Json[];
      if (type === wire.bytes && isVarint(ref.items)) {
        const packed = reader.message();
        while (!packed.done) list.push(this.#value(ref.items, packed, wire.varint) ?? null);
        return;
      }
      list.push(this.#value(ref.items, reader, type) ?? null);
      return;
    }
    const value = this.#value(ref, reader, type);
    if (value !== undefined) out[name] = value;
  }

  #entry(values: TypeRef, reader: Reader, out: Record<string, Json>): void {
    let key = '';
    let value: Json | undefined;
    while (!reader.done) {
      const tag = reader.varint();
      if (tag === 10) key = reader.text();
      else if (tag >> 3 === 2) value = this.#value(values, reader, tag & 7);
      else reader.skip(tag & 7);
    }
    // Defined, not assigned, so that a key called __proto__ is a key.
    const empty = values.type === 'object' ? {} : values.type === 'list' ? [] : isTime(values) ? null : '';
    const filled = value ?? empty;
    const isNew = this.#names !== undefined && !Object.hasOwn(out, key);
    Object.defineProperty(out, key, { value: filled, enumerable: true, configurable: true, writable: true });
    if (!isNew) return;
    this.#seen?.add(key);
    this.#named(out).added(out, key);
  }

  #named(map: object): MemberNames {
    let names = this.#names?.get(map);
    if (names) return names;
    names = new MemberNames();
    this.#names?.set(map, names);
    return names;
  }

  #value(ref: TypeRef, reader: Reader, type: number): Json | undefined {
    if (isVarint(ref)) {
      if (type !== wire.varint) throw new ProtobufError(`proto: wrong wireType = ${type}`);
      const number = reader.varint();
      return ref.type === 'bool' ? number !== 0 : ref.type === 'int32' ? number | 0 : number;
    }
    if (ref.type === 'double') {
      if (type !== wire.fixed64) throw new ProtobufError(`proto: wrong wireType = ${type}`);
      return reader.double();
    }
    if (type !== wire.bytes) throw new ProtobufError(`proto: wrong wireType = ${type}`);
    if (ref.type === 'string') return reader.text();
    if (ref.type === 'bytes') return toBase64(reader.bytes());
    return this.#inside(ref, reader.message());
  }

  #inside(ref: TypeRef, reader: Reader): Json | undefined {
    if (ref.type === 'object') return this.object(ref.object, reader);
    const parts = this.#parts(ref, reader);
    const number = (part: number) => Number(parts.get(part)?.[0] ?? 0);
    const text = (part: number) => String(parts.get(part)?.[0] ?? '');
    switch (ref.type) {
      case 'time':
        return parts.size === 0 ? undefined : timeText(number(1), '');
      case 'microTime':
        return parts.size === 0
          ? undefined
          : timeText(number(1), `.${String(Math.floor(number(2) / 1000)).padStart(6, '0')}`);
      case 'quantity':
        return text(1) || '0';
      case 'duration':
        return formatDuration(BigInt(Math.trunc(number(1))));
      case 'intOrString':
        return number(1) === 1 ? text(3) : number(2) | 0;
      case 'raw':
      case 'fieldsV1':
      case 'json':
        return finish(rawJson(text(1)));
      case 'schemaOrBool':
        return parts.get(2)?.[0] ?? number(1) !== 0;
      case 'list':
        return parts.get(1) ?? [];
      default:
        return parts.get(1)?.[0] ?? parts.get(2);
    }
  }

  /** The fields of the small messages that are one value in JSON, by number. */
  #parts(ref: TypeRef, reader: Reader): ReadonlyMap<number, readonly Json[]> {
    const out = new Map<number, Json[]>();
    while (!reader.done) {
      const tag = reader.varint();
      const number = tag >>> 3;
      const part = partOf(ref, number);
      if (part === undefined) {
        reader.skip(tag & 7);
        continue;
      }
      const values = out.get(number) ?? [];
      out.set(number, values);
      values.push(this.#value(part, reader, tag & 7) ?? null);
    }
    return out;
  }
}

const integer: TypeRef = { type: 'int64' };
const string: TypeRef = { type: 'string' };
const smallMessages: Readonly<Record<string, readonly TypeRef[]>> = {
  time: [integer, integer],
  microTime: [integer, integer],
  quantity: [string],
  duration: [integer],
  intOrString: [integer, integer, string],
  raw: [string],
  fieldsV1: [string],
  json: [string],
};

function partOf(ref: TypeRef, number: number): TypeRef | undefined {
  if (ref.type === 'list') return number === 1 ? ref.items : undefined;
  const known = smallMessages[ref.type];
  if (known) return known[number - 1];
  const schema = typeNamed('apiextensions.v1.JSONSchemaProps') as ObjectType;
  const schemaRef: TypeRef = { type: 'object', name: schema.name, object: schema };
  if (ref.type === 'schemaOrBool') return number === 1 ? { type: 'bool' } : number === 2 ? schemaRef : undefined;
  if (number === 1) return schemaRef;
  return number === 2 ? (ref.type === 'schemaOrArray' ? schemaRef : string) : undefined;
}

const isVarint = (ref: TypeRef): boolean => ref.type === 'int32' || ref.type === 'int64' || ref.type === 'bool';

const isTime = (ref: TypeRef): boolean => ref.type === 'time' || ref.type === 'microTime';

function timeText(seconds: number, fraction: string): string {
  const millis = seconds * 1000;
  if (!(Math.abs(millis) <= 8.64e15)) throw new ProtobufError('a time is out of range');
  const text = new Date(millis).toISOString();
  return `${text.slice(0, -5)}${fraction}Z`;
}

function* rawJson(text: string): Steps<Json | undefined> {
  if (text === '') return undefined;
  try {
    return (yield* decodeJsonInSteps(text)).value;
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    throw new ProtobufError(`an embedded object is not JSON: ${error.message}`);
  }
}

const isRawJson = ({ type }: TypeRef): boolean => type === 'raw' || type === 'fieldsV1' || type === 'json';
