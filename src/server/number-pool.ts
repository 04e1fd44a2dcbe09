import type { Random } from '../base/env.ts';

export interface PoolOptions {
  readonly min: number;
  readonly max: number;
  /** How many of the lowest numbers are chosen only when all others are taken. */
  readonly reserved: number;
  readonly random: Random;
  /** Shared with other pools whose numbers may be the same ones. */
  readonly owners?: Map<number, string>;
  /** Not to be chosen, though nobody here owns it. */
  readonly isKept?: (number: number) => boolean;
}

/** Numbers of a range, each held by at most one owner. */
export class NumberPool {
  readonly min: number;
  readonly max: number;
  readonly #dynamicMin: number;
  readonly #random: Random;
  readonly #owners: Map<number, string>;
  readonly #isKept: (number: number) => boolean;

  constructor({ min, max, reserved, random, owners = new Map(), isKept = () => false }: PoolOptions) {
    this.#owners = owners;
    this.#isKept = isKept;
    this.min = min;
    this.max = max;
    this.#dynamicMin = max - min + 1 > reserved ? min + reserved : min;
    this.#random = random;
  }

  get used(): number {
    return this.#owners.size;
  }

  holds(number: number): boolean {
    return number >= this.min && number <= this.max;
  }

  /** False when it is somebody's already, be it the same owner's. */
  take(number: number, owner: string): boolean {
    if (this.#owners.has(number)) return false;
    this.#owners.set(number, owner);
    return true;
  }

  /** A free number by chance, already taken for the owner; undefined when the range is full. */
  choose(owner: string): number | undefined {
    const chosen = this.#freeIn(this.#dynamicMin, this.max) ?? this.#freeIn(this.min, this.#dynamicMin - 1);
    if (chosen !== undefined) this.#owners.set(chosen, owner);
    return chosen;
  }

  give(number: number, owner: string): void {
    if (this.#owners.get(number) === owner) this.#owners.delete(number);
  }

  #freeIn(min: number, max: number): number | undefined {
    const size = max - min + 1;
    if (size <= 0) return undefined;
    const start = this.#random.below(size);
    for (let step = 0; step < size; step++) {
      const number = min + ((start + step) % size);
      if (!this.#owners.has(number) && !this.#isKept(number)) return number;
    }
    return undefined;
  }
}
