import { beside } from './beside.ts';

/**
 * Work that is cut: it yields where others may have a turn, and says how many members it dealt with since it last did
 * so. What it returns is the result.
 */
export type Steps<T> = Generator<number, T, void>;

/** About as many members of a value are dealt with between two yields. */
export const stepMembersMax = 512;
/** A long text counts as so many members. */
const lettersPerMember = 256;

/** Counts what was done since the last yield: `if (stride.isLong(1)) yield stride.taken()`. */
export class Stride {
  #members = 0;

  isLong(members: number): boolean {
    this.#members += members;
    return this.#members >= stepMembersMax;
  }

  taken(): number {
    const members = this.#members;
    this.#members = 0;
    return members;
  }
}

/** Whether a value has so much in it that work on it is cut. */
export const isLarge = (value: unknown): boolean => membersIn(value) >= stepMembersMax;

/** How much there is in a value. Counting ends where it is enough to be large. */
export const membersIn = (value: unknown): number => countUpTo(value, stepMembersMax);

/** The same of two values together. */
export function membersInBoth(one: unknown, other: unknown): number {
  const members = membersIn(one);
  return members >= stepMembersMax ? members : members + countUpTo(other, stepMembersMax - members);
}

/** Objects with many members, and their names: the platform makes a list of all names for whoever asks for the first. */
const names = beside<object, readonly string[]>();

/** The names of an object's members, listed once where there are many. */
export function namesIn(value: object): readonly string[] {
  const known = names.get(value);
  if (known) return known;
  const listed = Object.keys(value);
  if (listed.length >= stepMembersMax) names.set(value, listed);
  return listed;
}

/** Whether an object has so many members that their names were listed: nobody need ask whether it has one. */
export const isListed = (value: object): boolean => names.get(value) !== undefined;

/** Says that an object was put together of all the members of another one, in their order. */
export function namedAs(value: object, other: object): void {
  const known = names.get(other);
  if (known) names.set(value, known);
}

const digits = { first: '0'.charCodeAt(0), last: '9'.charCodeAt(0) };

/** The names of an object that is being put together: where they become many, nobody has to list them again. */
export class MemberNames {
  #count = 0;
  #listed: string[] | undefined;

  /** There is a member in it that was not there before. */
  added(to: object, name: string): void {
    this.#count++;
    if (this.#count === stepMembersMax) this.#listed = Object.keys(to);
    else if (this.#listed) {
      const code = name.charCodeAt(0);
      // Whole numbers stand before all else, whenever they came.
      if (code >= digits.first && code <= digits.last) this.#listed = undefined;
      else this.#listed.push(name);
    }
  }

  /** Nothing is added any more. */
  keep(of: object): void {
    if (this.#listed) names.set(of, this.#listed);
  }
}

/** How much there is in a value, long texts for more than one; counting ends at `max`. */
export function countUpTo(value: unknown, max: number): number {
  if (typeof value === 'string') return 1 + Math.floor(value.length / lettersPerMember);
  if (typeof value !== 'object' || value === null) return 1;
  let count = 1;
  if (Array.isArray(value)) {
    for (const item of value) {
      count += typeof item === 'object' || typeof item === 'string' ? countUpTo(item, max - count) : 1;
      if (count >= max) break;
    }
    return count;
  }
  if (names.get(value)) return max;
  // Not by for-in: V8 learns nothing of what is read by its keys, and throws its fast code away again and again.
  const keys = namesIn(value);
  if (keys.length >= max) return max;
  for (let index = 0; index < keys.length; index++) {
    const member = (value as { readonly [key: string]: unknown })[keys[index] as string];
    count += typeof member === 'object' || typeof member === 'string' ? countUpTo(member, max - count) : 1;
    if (count >= max) break;
  }
  return count;
}

/** All of it in one go: for what is known to be short, and for whoever cannot wait. */
export function finish<T>(steps: Steps<T>): T {
  for (;;) {
    const next = steps.next();
    if (next.done) return next.value;
  }
}
