/** Bytes that are no DNS message, or a message that cannot be written as one. */
export class DnsFormatError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'DnsFormatError';
  }
}

/** Not `slice`: what comes from a socket may be of a class whose slices share their memory. */
export const copyOf = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes);

export const nameBytesMax = 255;
const labelBytesMax = 63;
/** Pointers hold 14 bits: what stands later in a message cannot be pointed at. */
const pointerMax = 0x3fff;
const growFrom = 512;

/**
 * Reads the parts of a DNS message. A name is read as text: labels joined by dots, none at the end, '' for the root.
 * Bytes with a meaning of their own in such text stand as `\.` and `\\`, those that are no plain sign as `\065`.
 */
export class WireReader {
  readonly bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  u8(): number {
    const value = this.bytes[this.at];
    if (value === undefined)
      throw new DnsFormatError(`the message ends at byte ${this.at}, in the middle of something`);
    this.at++;
    return value;
  }

  u16(): number {
    return this.u8() * 256 + this.u8();
  }

  u32(): number {
    return this.u16() * 65_536 + this.u16();
  }

  take(count: number): Uint8Array {
    if (this.at + count > this.bytes.length) {
      throw new DnsFormatError(`${count} bytes were announced at byte ${this.at}, and ${this.bytes.length} is the end`);
    }
    this.at += count;
    return copyOf(this.bytes.subarray(this.at - count, this.at));
  }

  name(): string {
    const begin = this.at;
    let text = '';
    let length = 1;
    let place = this.at;
    let end: number | undefined;
    // Every pointer must lead further back than all before it: so no two of them can go in a circle.
    let lowest = begin;
    for (;;) {
      const size = this.bytes[place];
      if (size === undefined) throw new DnsFormatError(`the name at byte ${begin} has no end`);
      if (size === 0) break;
      if (size >= 0xc0) {
        const low = this.bytes[place + 1];
        if (low === undefined) throw new DnsFormatError(`the name at byte ${begin} has no end`);
        const target = (size & 0x3f) * 256 + low;
        if (target >= lowest) throw new DnsFormatError(`the name at byte ${begin} points forward, to byte ${target}`);
        end ??= place + 2;
        lowest = target;
        place = target;
        continue;
      }
      if (size > labelBytesMax) throw new DnsFormatError(`byte ${place} begins a label of a kind that nobody knows`);
      length += size + 1;
      if (length > nameBytesMax)
        throw new DnsFormatError(`the name at byte ${begin} is longer than ${nameBytesMax} bytes`);
      if (place + size >= this.bytes.length) throw new DnsFormatError(`the name at byte ${begin} has no end`);
      if (text !== '') text += '.';
      for (let index = place + 1; index <= place + size; index++) text += signs[this.bytes[index] as number];
      place += size + 1;
    }
    this.at = end ?? place + 1;
    return text;
  }
}

/** How each byte stands in the text of a name. */
const signs: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  const sign = String.fromCharCode(byte);
  if (sign === '.' || sign === '\\') return `\\${sign}`;
  return byte > 32 && byte < 127 ? sign : `\\${String(byte).padStart(3, '0')}`;
});

/** Writes the parts of a DNS message into memory that grows. Names that were written before are pointed at. */
export class WireWriter {
  bytes: Uint8Array = new Uint8Array(growFrom);
  at = 0;
  readonly #names = new Map<string, number>();

  u8(value: number): void {
    this.#room(1);
    this.bytes[this.at++] = value;
  }

  u16(value: number): void {
    this.#room(2);
    this.bytes[this.at++] = value >>> 8;
    this.bytes[this.at++] = value;
  }

  u32(value: number): void {
    this.u16(value >>> 16);
    this.u16(value & 0xffff);
  }

  put(bytes: Iterable<number> & { readonly length: number }): void {
    this.#room(bytes.length);
    this.bytes.set(bytes as unknown as ArrayLike<number>, this.at);
    this.at += bytes.length;
  }

  /** Room for a length that is known later; answers how to fill it in. */
  length16(): () => void {
    const place = this.at;
    this.u16(0);
    return () => {
      const length = this.at - place - 2;
      this.bytes[place] = length >>> 8;
      this.bytes[place + 1] = length;
    };
  }

  name(text: string, compress = true): void {
    const labels = labelsOf(text);
    let rest = text;
    for (const { bytes, width } of labels) {
      const known = compress ? this.#names.get(rest) : undefined;
      if (known !== undefined) return this.u16(0xc000 + known);
      if (this.at <= pointerMax && !this.#names.has(rest)) this.#names.set(rest, this.at);
      this.u8(bytes.length);
      this.put(bytes);
      rest = rest.slice(width + 1);
    }
    this.u8(0);
  }

  /** Takes back everything from this place on. */
  rewind(place: number): void {
    this.at = place;
    for (const [name, at] of this.#names) if (at >= place) this.#names.delete(name);
  }

  written(): Uint8Array {
    return copyOf(this.bytes.subarray(0, this.at));
  }

  #room(count: number): void {
    if (this.at + count <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.at + count));
    larger.set(this.bytes);
    this.bytes = larger;
  }
}

interface Label {
  readonly bytes: readonly number[];
  /** How many signs of the text it takes. */
  readonly width: number;
}

function labelsOf(text: string): readonly Label[] {
  const labels: Label[] = [];
  let total = 1;
  for (let at = 0; at < text.length; ) {
    const begin = at;
    const bytes: number[] = [];
    while (at < text.length && text[at] !== '.') {
      const [byte, width] = byteAt(text, at);
      bytes.push(byte);
      at += width;
    }
    if (bytes.length === 0) throw new DnsFormatError(`${JSON.stringify(text)} has a label of no signs`);
    if (bytes.length > labelBytesMax) {
      throw new DnsFormatError(`${JSON.stringify(text)} has a label of more than ${labelBytesMax} bytes`);
    }
    labels.push({ bytes, width: at - begin });
    total += bytes.length + 1;
    // A dot at the very end would begin one more label.
    if (at === text.length - 1) throw new DnsFormatError(`${JSON.stringify(text)} has a label of no signs`);
    at++;
  }
  if (total > nameBytesMax) throw new DnsFormatError(`${JSON.stringify(text)} is longer than ${nameBytesMax} bytes`);
  return labels;
}

function byteAt(text: string, at: number): readonly [byte: number, width: number] {
  if (text[at] !== '\\') {
    const code = text.charCodeAt(at);
    if (code > 255) throw new DnsFormatError(`${JSON.stringify(text)} holds a sign that is no byte`);
    return [code, 1];
  }
  const digits = text.slice(at + 1, at + 4);
  if (/^\d{3}$/.test(digits) && Number(digits) < 256) return [Number(digits), 4];
  const next = text.charCodeAt(at + 1);
  if (Number.isNaN(next)) throw new DnsFormatError(`${JSON.stringify(text)} ends with a backslash`);
  return [next & 255, 2];
}
