/** The end of the compressed data came too early, or it is not what RFC 1951 says. */
export class InflateError extends Error {
  override readonly name = 'InflateError';
}

const windowBytes = 32 * 1024;
const bitsMax = 15;
const endOfBlock = 256;
const lengthBase = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
];
const lengthExtra = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const distanceBase = [
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
  8193, 12_289, 16_385, 24_577,
];
const distanceExtra = [
  0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
];
/** In which order the lengths of the code for code lengths are told. */
const codeOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/** A canonical Huffman code: how many codes have each length, and the symbols in the order of their codes. */
interface Code {
  readonly counts: Uint16Array;
  readonly symbols: Uint16Array;
}

/**
 * Takes apart a stream of deflate that goes on for the life of a connection, one flushed piece after another. Pure and
 * at once, for the few hundred bytes of headers that SPDY compresses: no thread, and a limit on what may come out.
 */
export class Inflater {
  readonly #outputMax: number;
  /** What may be referred to, and behind it what this piece has brought so far. */
  #output: Uint8Array;
  #filled: number;
  #input: Uint8Array = new Uint8Array(0);
  #at = 0;
  #hold = 0;
  #held = 0;
  #over = false;

  constructor(dictionary: Uint8Array, outputMax: number) {
    this.#outputMax = outputMax;
    const past = dictionary.subarray(-windowBytes);
    this.#output = new Uint8Array(past.length + 1024);
    this.#output.set(past);
    this.#filled = past.length;
  }

  /** One piece: whole blocks, as a sync flush leaves them. */
  inflate(bytes: Uint8Array): Uint8Array {
    this.#input = bytes;
    this.#at = 0;
    const past = Math.min(this.#filled, windowBytes);
    this.#output.copyWithin(0, this.#filled - past, this.#filled);
    this.#filled = past;
    while (this.#at < bytes.length) {
      if (this.#over) throw new InflateError('there is more behind the last block');
      this.#block(past + this.#outputMax);
    }
    return this.#output.slice(past, this.#filled);
  }

  #block(until: number): void {
    this.#over = this.#bits(1) === 1;
    const kind = this.#bits(2);
    if (kind === 0) return this.#stored(until);
    if (kind === 1) return this.#compressed(fixedLengths(), fixedDistances(), until);
    if (kind !== 2) throw new InflateError('a block is of no known kind');
    const { lengths, distances } = this.#codes();
    this.#compressed(lengths, distances, until);
  }

  #stored(until: number): void {
    this.#held = 0;
    this.#hold = 0;
    const length = this.#bits(16);
    if ((length ^ this.#bits(16)) !== 0xffff) throw new InflateError('the length of a stored block is damaged');
    if (this.#at + length > this.#input.length) throw new InflateError('a stored block is cut off');
    this.#room(length, until);
    this.#output.set(this.#input.subarray(this.#at, this.#at + length), this.#filled);
    this.#filled += length;
    this.#at += length;
  }

  #compressed(lengths: Code, distances: Code, until: number): void {
    for (;;) {
      const symbol = this.#symbol(lengths);
      if (symbol === endOfBlock) return;
      if (symbol < endOfBlock) {
        this.#room(1, until);
        this.#output[this.#filled++] = symbol;
        continue;
      }
      const index = symbol - endOfBlock - 1;
      if (index >= lengthBase.length) throw new InflateError('a length is not known');
      const length = (lengthBase[index] as number) + this.#bits(lengthExtra[index] as number);
      const far = this.#symbol(distances);
      if (far >= distanceBase.length) throw new InflateError('a distance is not known');
      const distance = (distanceBase[far] as number) + this.#bits(distanceExtra[far] as number);
      if (distance > this.#filled) throw new InflateError('a distance leads before the beginning');
      this.#room(length, until);
      // Byte by byte: what is copied may overlap with what it makes.
      for (let left = length; left > 0; left--, this.#filled++) {
        this.#output[this.#filled] = this.#output[this.#filled - distance] as number;
      }
    }
  }

  #codes(): { readonly lengths: Code; readonly distances: Code } {
    const lengthCount = this.#bits(5) + 257;
    const distanceCount = this.#bits(5) + 1;
    const count = this.#bits(4) + 4;
    if (lengthCount > 286 || distanceCount > 30) throw new InflateError('there are too many codes');
    const own = new Uint8Array(19);
    for (let index = 0; index < count; index++) own[codeOrder[index] as number] = this.#bits(3);
    const code = codeOf(own);
    const all = new Uint8Array(lengthCount + distanceCount);
    for (let index = 0; index < all.length; ) {
      const symbol = this.#symbol(code);
      if (symbol < 16) {
        all[index++] = symbol;
        continue;
      }
      if (symbol === 16 && index === 0) throw new InflateError('there is no length to repeat');
      const value = symbol === 16 ? (all[index - 1] as number) : 0;
      const times = symbol === 16 ? 3 + this.#bits(2) : symbol === 17 ? 3 + this.#bits(3) : 11 + this.#bits(7);
      if (index + times > all.length) throw new InflateError('a repetition is too long');
      all.fill(value, index, index + times);
      index += times;
    }
    return { lengths: codeOf(all.subarray(0, lengthCount)), distances: codeOf(all.subarray(lengthCount)) };
  }

  #symbol({ counts, symbols }: Code): number {
    let code = 0;
    let first = 0;
    let index = 0;
    for (let length = 1; length <= bitsMax; length++) {
      code |= this.#bits(1);
      const count = counts[length] as number;
      if (code - count < first) return symbols[index + code - first] as number;
      index += count;
      first = (first + count) << 1;
      code <<= 1;
    }
    throw new InflateError('a code is not known');
  }

  #bits(count: number): number {
    while (this.#held < count) {
      if (this.#at >= this.#input.length) throw new InflateError('the data is cut off');
      this.#hold |= (this.#input[this.#at++] as number) << this.#held;
      this.#held += 8;
    }
    const value = this.#hold & ((1 << count) - 1);
    this.#hold >>>= count;
    this.#held -= count;
    return value;
  }

  #room(count: number, until: number): void {
    const needed = this.#filled + count;
    if (needed > until) throw new InflateError(`more than ${this.#outputMax} bytes come out`);
    if (needed <= this.#output.length) return;
    const larger = new Uint8Array(Math.max(needed, this.#output.length * 2));
    larger.set(this.#output.subarray(0, this.#filled));
    this.#output = larger;
  }
}

function codeOf(lengths: Uint8Array): Code {
  const counts = new Uint16Array(bitsMax + 1);
  for (const length of lengths) counts[length] = (counts[length] as number) + 1;
  counts[0] = 0;
  let left = 1;
  const starts = new Uint16Array(bitsMax + 2);
  for (let length = 1; length <= bitsMax; length++) {
    left = left * 2 - (counts[length] as number);
    if (left < 0) throw new InflateError('a code is over-full');
    starts[length + 1] = (starts[length] as number) + (counts[length] as number);
  }
  const symbols = new Uint16Array(lengths.length);
  for (const [symbol, length] of lengths.entries()) {
    if (length === 0) continue;
    symbols[starts[length] as number] = symbol;
    starts[length] = (starts[length] as number) + 1;
  }
  return { counts, symbols };
}

let fixed: { readonly lengths: Code; readonly distances: Code } | undefined;
function fixedCodes() {
  const lengths = new Uint8Array(288).fill(8, 0, 144).fill(9, 144, 256).fill(7, 256, 280).fill(8, 280);
  fixed ??= { lengths: codeOf(lengths), distances: codeOf(new Uint8Array(30).fill(5)) };
  return fixed;
}
const fixedLengths = () => fixedCodes().lengths;
const fixedDistances = () => fixedCodes().distances;
