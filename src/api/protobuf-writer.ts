import { encodeInto, encodeText } from '../base/json.ts';
import { wire } from './protobuf-wire.ts';

/** Longer ones the platform writes more quickly: calling it costs as much as that many letters. */
const shortTextMax = 40;
/** The same for bytes that are copied. */
const shortBytesMax = 16;
/** A writer that is used again does not keep more. */
const keptBytesMax = 256 * 1024;

/** Writes from the end to the start, so that the length of what is inside is known when it is written before it. */
export class Writer {
  #bytes: Uint8Array;
  #at: number;

  constructor(size = 1024) {
    this.#bytes = new Uint8Array(size);
    this.#at = size;
  }

  get position(): number {
    return this.#bytes.length - this.#at;
  }

  /** What was written until now: good until something else is. */
  get written(): Uint8Array {
    return this.#bytes.subarray(this.#at);
  }

  /** A copy of what was written since then. */
  since(start: number): Uint8Array {
    return this.#bytes.slice(this.#at, this.#bytes.length - start);
  }

  finish(): Uint8Array {
    return this.since(0);
  }

  /** Begins anew. */
  clear(): void {
    if (this.#bytes.length > keptBytesMax) this.#bytes = new Uint8Array(keptBytesMax);
    this.#at = this.#bytes.length;
  }

  bytes(bytes: Uint8Array): void {
    const { length } = bytes;
    this.#reserve(length);
    this.#at -= length;
    if (length > shortBytesMax) this.#bytes.set(bytes, this.#at);
    else for (let index = 0; index < length; index++) this.#bytes[this.#at + index] = bytes[index] as number;
  }

  /** Most texts are ASCII, and as many bytes as they have letters. */
  text(text: string): void {
    const { length } = text;
    this.#reserve(length);
    const start = this.#at - length;
    const isWritten = length <= shortTextMax ? this.#writeShort(text, start) : this.#writeLong(text, start);
    if (isWritten) this.#at = start;
    else this.bytes(encodeText(text));
  }

  varint(value: number): void {
    if (value >= 0 && value < 128) {
      this.#reserve(1);
      this.#bytes[--this.#at] = value;
    } else if (value > 0 && value <= Number.MAX_SAFE_INTEGER) this.#longVarint(Math.trunc(value));
    else this.#hugeVarint(BigInt.asUintN(64, BigInt(Math.trunc(value))));
  }

  double(value: number): void {
    const view = new DataView(new ArrayBuffer(8));
    view.setFloat64(0, value, true);
    this.bytes(new Uint8Array(view.buffer));
  }

  tag(number: number, type: number): void {
    this.varint(number * 8 + type);
  }

  /** Ends a length-delimited field whose content was written since `start`. */
  delimited(number: number, start: number): void {
    this.varint(this.position - start);
    this.tag(number, wire.bytes);
  }

  #writeShort(text: string, start: number): boolean {
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index);
      if (unit > 127) return false;
      this.#bytes[start + index] = unit;
    }
    return true;
  }

  #writeLong(text: string, start: number): boolean {
    return encodeInto(text, this.#bytes.subarray(start, this.#at)).read === text.length;
  }

  #longVarint(value: number): void {
    let size = 1;
    for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++;
    this.#reserve(size);
    this.#at -= size;
    let at = this.#at;
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.#bytes[at++] = (rest % 128) | 128;
    this.#bytes[at] = rest;
  }

  /** Negative numbers are all 64 bits long. */
  #hugeVarint(value: bigint): void {
    const parts: number[] = [];
    let rest = value;
    for (; rest > 127n; rest >>= 7n) parts.push(Number(rest & 127n) | 128);
    parts.push(Number(rest));
    this.bytes(Uint8Array.from(parts));
  }

  #reserve(size: number): void {
    if (this.#at >= size) return;
    const used = this.#bytes.length - this.#at;
    const next = new Uint8Array(Math.max(this.#bytes.length * 2, used + size));
    next.set(this.#bytes.subarray(this.#at), next.length - used);
    this.#at = next.length - used;
    this.#bytes = next;
  }
}
