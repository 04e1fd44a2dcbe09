import { assert, type Random } from '../base/env.ts';
import { NumberPool } from './number-pool.ts';

/**
 * The ranges that cluster addresses come from: the one of the start, and those that were added and are ready. They may
 * overlap, so who has an address is known for all of them together, also once its range is gone.
 */
export class AddressRanges {
  readonly #random: Random;
  readonly #first: Range;
  /** Those that were added, by the name of the object that added them. */
  readonly #added = new Map<string, readonly Range[]>();
  readonly #owners = new Map<number, string>();
  /** Held by objects that are no services. */
  readonly #kept = new Map<string, number>();

  constructor(range: string, random: Random) {
    const size = 2 ** (32 - bitsOf(range));
    assert(
      size >= 16 && size <= 2 ** 24,
      `a service range is written like 10.96.0.0/16, with 8 to 28 bits, not ${range}`,
    );
    this.#random = random;
    const first = this.#rangeOf(range);
    assert(first !== undefined, `the service range ${range} does not start at its first address`);
    this.#first = first;
  }

  /** The address of the API server's own service. */
  get first(): number {
    return this.#first.pool.min;
  }

  get text(): string {
    return [...new Set(this.#all().map(({ text }) => text))].join(', ');
  }

  /** What an object offers from now on. Ranges of the other family are nothing here. */
  offer(name: string, ranges: readonly string[]): void {
    const own = ranges.flatMap((range) => (range === this.#first.text ? [] : (this.#rangeOf(range) ?? [])));
    if (own.length > 0) this.#added.set(name, own);
    else this.#added.delete(name);
  }

  /** An object that is no service has this address, or none any more. */
  keep(name: string, address: string | undefined): void {
    const number = address === undefined ? undefined : addressNumber(address);
    if (number === undefined) this.#kept.delete(name);
    else this.#kept.set(name, number);
  }

  holds(number: number): boolean {
    return this.#all().some(({ pool }) => pool.holds(number));
  }

  /** False when it is somebody's already, be it the same owner's. */
  take(number: number, owner: string): boolean {
    if (this.#owners.has(number) || this.#isKept(number)) return false;
    this.#owners.set(number, owner);
    return true;
  }

  /** A free address by chance, already taken for the owner; undefined when all ranges are full. */
  choose(owner: string): number | undefined {
    for (const { pool } of this.#all()) {
      const chosen = pool.choose(owner);
      if (chosen !== undefined) return chosen;
    }
    return undefined;
  }

  give(number: number, owner: string): void {
    if (this.#owners.get(number) === owner) this.#owners.delete(number);
  }

  #all(): readonly Range[] {
    return this.#added.size === 0 ? [this.#first] : [this.#first, ...[...this.#added.values()].flat()];
  }

  #isKept(number: number): boolean {
    return this.#kept.size > 0 && [...this.#kept.values()].includes(number);
  }

  /** Without the range's own name and its broadcast address. */
  #rangeOf(text: string): Range | undefined {
    const base = addressNumber(text.split('/')[0] ?? '');
    const size = 2 ** (32 - bitsOf(text));
    if (base === undefined || !Number.isInteger(size) || base % size !== 0) return undefined;
    const pool = new NumberPool({
      min: base + 1,
      max: base + size - 2,
      // The lower part is left to whoever asks for a certain address, and used by chance only when the rest is full.
      reserved: reservedOf(size / 16),
      random: this.#random,
      owners: this.#owners,
      isKept: (number) => this.#isKept(number),
    });
    return { text, pool };
  }
}

interface Range {
  readonly text: string;
  readonly pool: NumberPool;
}

const reservedMin = 16;
/** How many of the lowest numbers are chosen only when all others are taken. */
export const reservedOf = (share: number): number =>
  Math.min(Math.max(reservedMin, Math.floor(share)), reservedMin * 16);

/** NaN where it is no range of this family. */
function bitsOf(range: string): number {
  const bits = /^[\d.]+\/(\d{1,2})$/.exec(range)?.[1];
  return bits === undefined || Number(bits) > 32 ? Number.NaN : Number(bits);
}

export function addressNumber(text: string): number | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255)) {
    return undefined;
  }
  return parts.reduce((number, part) => number * 256 + Number(part), 0);
}

export const addressText = (number: number): string =>
  [24, 16, 8, 0].map((shift) => (number >>> shift) & 255).join('.');
