import { isObject, type Json, type JsonObject } from '../base/json.ts';
import { isCommon, jsonText } from '../base/shared-json.ts';
import { compareCodePoints } from '../base/text.ts';
import { fromBase64, type Slot, slotsOf, wire } from './protobuf-wire.ts';
import { Writer } from './protobuf-writer.ts';
import { parseDuration } from './schema/scalars.ts';
import { type Field, type ObjectType, type TypeRef, typeNamed } from './schema/schema.ts';

/** Writes a value with its tag. */
type Write = (writer: Writer, value: Json) => void;

interface Member {
  readonly name: string;
  readonly write: Write;
  /** What upstream writes where there is nothing: the zero of everything that is not a pointer, a list or a map inside. */
  readonly absent: Uint8Array;
}
/** What is written as a message of its own, and stands in the same object. */
interface Group {
  readonly number: number;
  readonly message: Message;
}

const messages = new WeakMap<ObjectType, Message>();

/** How objects of a type are written: worked out once. */
export function messageFor(type: ObjectType): Message {
  let message = messages.get(type);
  if (!message) {
    message = new Message(slotsOf(type), type.published);
    messages.set(type, message);
  }
  return message;
}

export class Message {
  /** The last one first, as they are written. */
  readonly #parts: readonly (Member | Group)[];

  constructor(slots: readonly Slot[], isPublished: boolean) {
    this.#parts = slots.toReversed().map((slot): Member | Group => {
      if ('slots' in slot) return { number: slot.number, message: new Message(slot.slots, isPublished) };
      const { number, field } = slot;
      const absent = isPublished ? absentBytes(number, field) : nothing;
      return { name: field.name, write: writeOf(number, field.ref), absent };
    });
  }

  write(writer: Writer, value: JsonObject): void {
    const parts = this.#parts;
    for (let index = 0; index < parts.length; index++) {
      const part = parts[index] as Member | Group;
      if ('message' in part) {
        const start = writer.position;
        part.message.write(writer, value);
        writer.delimited(part.number, start);
        continue;
      }
      const member = Object.hasOwn(value, part.name) ? value[part.name] : undefined;
      if (member === undefined || member === null) writer.bytes(part.absent);
      else part.write(writer, member);
    }
  }
}

const nothing = new Uint8Array();

function absentBytes(number: number, { ref, absent, keepsZero, name }: Field): Uint8Array {
  const isPointer = keepsZero || ref.type === 'list' || ref.type === 'map' || ref.type === 'bytes';
  if (isPointer) return nothing;
  const writer = new Writer(16);
  if (ref.type === 'string') writeText(writer, number, '');
  else if (ref.type === 'int32' || ref.type === 'int64' || ref.type === 'bool') writeInteger(writer, number, 0);
  else if (ref.type === 'object') {
    if (absent === 'zero') writeOf(number, ref)(writer, {});
  } else if (absent === 'zero') writeOf(number, ref)(writer, ref.type === 'quantity' ? '0' : 0);
  else if (absent === 'null' || name === 'creationTimestamp') writer.delimited(number, writer.position);
  return writer.finish();
}

/** What was written of values that several objects have in common, and by whom. */
const common = new WeakMap<object, { readonly by: Write; readonly bytes: Uint8Array }>();

/** What many have in common is worked out once, and copied for all others. */
function oncePerValue(write: Write): Write {
  return (writer, value) => {
    if (typeof value !== 'object' || value === null || !isCommon(value)) return write(writer, value);
    const known = common.get(value);
    if (known?.by === write) return writer.bytes(known.bytes);
    const start = writer.position;
    write(writer, value);
    common.set(value, { by: write, bytes: writer.since(start) });
  };
}

function writeOf(number: number, ref: TypeRef): Write {
  switch (ref.type) {
    case 'string':
      return (writer, value) => writeText(writer, number, String(value));
    case 'int32':
    case 'int64':
      return (writer, value) => writeInteger(writer, number, Number(value));
    case 'bool':
      return (writer, value) => writeInteger(writer, number, value === true ? 1 : 0);
    case 'double':
      return (writer, value) => {
        writer.double(Number(value));
        writer.tag(number, wire.fixed64);
      };
    case 'list':
      return listOf(number, ref);
    case 'map':
      return mapOf(number, ref.values);
    default: {
      const inside = insideOf(ref);
      return (writer, value) => {
        const start = writer.position;
        inside(writer, value);
        writer.delimited(number, start);
      };
    }
  }
}

function listOf(number: number, { items, wrapped }: Extract<TypeRef, { readonly type: 'list' }>): Write {
  const item = writeOf(wrapped ? 1 : number, items);
  return oncePerValue((writer, value) => {
    if (!Array.isArray(value)) return;
    const start = writer.position;
    for (let index = value.length - 1; index >= 0; index--) item(writer, value[index] as Json);
    if (wrapped) writer.delimited(number, start);
  });
}

function mapOf(number: number, values: TypeRef): Write {
  const member = writeOf(2, values);
  return (writer, value) => {
    if (!isObject(value)) return;
    const keys = Object.keys(value).sort(compareCodePoints);
    for (let index = keys.length - 1; index >= 0; index--) {
      const key = keys[index] as string;
      const start = writer.position;
      member(writer, value[key] as Json);
      writeText(writer, 1, key);
      writer.delimited(number, start);
    }
  };
}

/** What stands between a length and the end of it. */
function insideOf(ref: TypeRef): Write {
  switch (ref.type) {
    case 'object': {
      const { object } = ref;
      // Not before it is needed: some types hold themselves.
      let message: Message | undefined;
      return oncePerValue((writer, value) => {
        message ??= messageFor(object);
        message.write(writer, isObject(value) ? value : {});
      });
    }
    case 'bytes':
      return (writer, value) => writer.bytes(fromBase64(String(value)));
    case 'time':
    case 'microTime':
      return (writer, value) => writeTime(writer, String(value));
    case 'quantity':
      return (writer, value) => writeText(writer, 1, String(value));
    case 'duration':
      return (writer, value) => writeInteger(writer, 1, Number(parseDuration(String(value)) ?? 0n));
    case 'intOrString':
      return writeIntOrString;
    case 'raw':
    case 'fieldsV1':
    case 'json':
      return oncePerValue((writer, value) => writeText(writer, 1, jsonText(value)));
    default:
      return schemaOr(ref);
  }
}

const writeIntOrString: Write = (writer, value) => {
  const isText = typeof value === 'string';
  writeText(writer, 3, isText ? value : '');
  writeInteger(writer, 2, isText ? 0 : Number(value));
  writeInteger(writer, 1, isText ? 1 : 0);
};

/** A schema or something else. */
function schemaOr({ type }: TypeRef): Write {
  const schema = typeNamed('apiextensions.v1.JSONSchemaProps') as ObjectType;
  const schemaRef: TypeRef = { type: 'object', name: schema.name, object: schema };
  const single = writeOf(type === 'schemaOrBool' ? 2 : 1, schemaRef);
  if (type === 'schemaOrBool') {
    return (writer, value) => {
      if (isObject(value)) single(writer, value);
      writeInteger(writer, 1, value === false ? 0 : 1);
    };
  }
  const items: TypeRef = type === 'schemaOrArray' ? schemaRef : { type: 'string' };
  const several = listOf(2, { type: 'list', items, wrapped: false });
  return (writer, value) => (isObject(value) ? single : several)(writer, value);
}

export function writeText(writer: Writer, number: number, text: string): void {
  const start = writer.position;
  writer.text(text);
  writer.delimited(number, start);
}

function writeInteger(writer: Writer, number: number, value: number): void {
  writer.varint(value);
  writer.tag(number, wire.varint);
}

function writeTime(writer: Writer, text: string): void {
  const millis = Date.parse(text);
  if (Number.isNaN(millis)) return;
  const fraction = text.includes('.') ? (/\.(\d+)/.exec(text)?.[1] ?? '') : '';
  writeInteger(writer, 2, Number(fraction.slice(0, 9).padEnd(9, '0')));
  writeInteger(writer, 1, Math.floor(millis / 1000));
}
