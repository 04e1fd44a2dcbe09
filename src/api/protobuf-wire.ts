import { decodeText } from '../base/json.ts';
import { nearestNumber } from './schema/integers.ts';
import type { Field, ObjectType } from './schema/schema.ts';

// The bytes of protobuf, and the order of a type's fields on the wire; what they mean is the encoder's and decoder's.

export class ProtobufError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ProtobufError';
  }
}

export const wire = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** One field number of a message: a field, or an embedded struct with fields of its own. */
export type Slot =
  | { readonly number: number; readonly field: Field }
  | { readonly number: number; readonly slots: readonly Slot[] };

const plans = new WeakMap<ObjectType, readonly Slot[]>();

/** A message's fields by ascending number. */
export function slotsOf(type: ObjectType): readonly Slot[] {
  let plan = plans.get(type);
  if (!plan) {
    plan = group(
      type.fields.filter((field) => field.numbers.length > 0),
      0,
    );
    plans.set(type, plan);
  }
  return plan;
}

function group(fields: readonly Field[], depth: number): readonly Slot[] {
  const embedded = new Map<number, Field[]>();
  const slots: Slot[] = [];
  for (const field of fields) {
    const number = field.numbers[depth] as number;
    if (field.numbers.length === depth + 1) slots.push({ number, field });
    else embedded.set(number, [...(embedded.get(number) ?? []), field]);
  }
  for (const [number, inner] of embedded) slots.push({ number, slots: group(inner, depth + 1) });
  return slots.sort((a, b) => a.number - b.number);
}

export class Reader {
  readonly #bytes: Uint8Array;
  #at: number;
  readonly #end: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  /** How many bytes are left to read. */
  get size(): number {
    return this.#end - this.#at;
  }

  get done(): boolean {
    return this.#at >= this.#end;
  }

  varint(): number {
    let low = 0;
    let scale = 1;
    for (let count = 0; count < 10; count++) {
      const byte = this.#next();
      if (count < 7) low += (byte & 127) * scale;
      else return this.#longVarint(count);
      if (byte < 128) return low;
      scale *= 128;
    }
    throw new ProtobufError('proto: integer overflow');
  }

  // Beyond 49 bits: negative numbers always are.
  #longVarint(count: number): number {
    this.#at -= count + 1;
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#next();
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return nearestNumber(BigInt.asIntN(64, value));
    }
    throw new ProtobufError('proto: integer overflow');
  }

  double(): number {
    const at = this.#take(8);
    return new DataView(this.#bytes.buffer, this.#bytes.byteOffset + at, 8).getFloat64(0, true);
  }

  /** How long the message is that comes next. */
  nextSize(): number {
    const at = this.#at;
    const size = this.varint();
    this.#at = at;
    return size;
  }

  bytes(): Uint8Array {
    const size = this.varint();
    const at = this.#take(size);
    return this.#bytes.subarray(at, at + size);
  }

  text(): string {
    try {
      return decodeText(this.bytes());
    } catch (cause) {
      if (cause instanceof ProtobufError) throw cause;
      throw new ProtobufError('proto: a string is not UTF-8');
    }
  }

  message(): Reader {
    const size = this.varint();
    const at = this.#take(size);
    return new Reader(this.#bytes, at, at + size);
  }

  skip(type: number): void {
    if (type === wire.varint) this.varint();
    else if (type === wire.fixed64) this.#take(8);
    else if (type === wire.bytes) this.#take(this.varint());
    else if (type === wire.fixed32) this.#take(4);
    else throw new ProtobufError(`proto: illegal wireType ${type}`);
  }

  #next(): number {
    if (this.#at >= this.#end) throw new ProtobufError('unexpected EOF');
    return this.#bytes[this.#at++] as number;
  }

  #take(size: number): number {
    const at = this.#at;
    if (size < 0 || size > this.#end - at) throw new ProtobufError('unexpected EOF');
    this.#at += size;
    return at;
  }
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const codes = new Uint8Array(128);
for (let i = 0; i < alphabet.length; i++) codes[alphabet.charCodeAt(i)] = i;

export function toBase64(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const [a = 0, b, c] = [bytes[i], bytes[i + 1], bytes[i + 2]];
    text += alphabet[a >> 2] as string;
    text += alphabet[((a & 3) << 4) | ((b ?? 0) >> 4)] as string;
    text += b === undefined ? '=' : (alphabet[((b & 15) << 2) | ((c ?? 0) >> 6)] as string);
    text += c === undefined ? '=' : (alphabet[c & 63] as string);
  }
  return text;
}

export function fromBase64(text: string): Uint8Array {
  const length = text.endsWith('==') ? text.length - 2 : text.endsWith('=') ? text.length - 1 : text.length;
  const bytes = new Uint8Array((length * 6) >> 3);
  let bits = 0;
  let at = 0;
  for (let i = 0; i < length; i++) {
    bits = ((bits << 6) | (codes[text.charCodeAt(i)] ?? 0)) & 0xffffff;
    if (i % 4 > 0) bytes[at++] = (bits >> (6 - 2 * (i % 4))) & 255;
  }
  return bytes;
}

/** What stands before every object: k8s and a zero byte. */
export const magic: readonly number[] = [0x6b, 0x38, 0x73, 0];
