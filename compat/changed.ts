import type { Random } from '../src/base/env.ts';
import { at, type Edit, isObject } from './tree.ts';

type Path = readonly (string | number)[];

const texts = [
  '|x|-bad|UPPER|a b|a.b|a/b|/abs|../up|1|-1|1Gi|100m|1.5|true|Always|é|a,b|$(VAR)'.split('|'),
  '10.0.0.1|::1|010.1.1.1|10.0.0.0/8|http://h/p'.split('|'),
  ['x'.repeat(64), 'x'.repeat(254)],
].flat();
const numbers = [0, 1, -1, 2, 100, 65_535, 65_536, 2 ** 31 - 1, 1.5];
const others = [null, true, false, [], {}, 'text', 5];
/** What says which object it is stays, where the same one is changed on two servers. */
const identity: ReadonlySet<unknown> = new Set(['name', 'namespace', 'generateName', 'uid', 'resourceVersion']);

/** Changes bodies at random: members go, get odd values or another sort, or what stands at their place in others. */
export class Changes {
  readonly #random: Random;
  /** By kind and place: what stands there in some body. */
  readonly #seen = new Map<string, unknown[]>();

  constructor(random: Random) {
    this.#random = random;
  }

  learn(kind: string, value: unknown, place = kind): void {
    const seen = this.#seen.get(place);
    if (seen) seen.push(value);
    else this.#seen.set(place, [value]);
    if (Array.isArray(value)) for (const item of value) this.learn(kind, item, `${place}/*`);
    else if (isObject(value)) for (const key of Object.keys(value)) this.learn(kind, value[key], `${place}/${key}`);
  }

  /** Undefined where there is nothing to change. */
  of(kind: string, body: unknown, keepsIdentity: boolean): Edit | undefined {
    const places = placesIn(body).filter((path) => isChangeable(path, keepsIdentity));
    const path = this.#one(places);
    if (!path) return undefined;
    const value = at(body, path);
    const chance = this.#random.float();
    if (chance < 0.2) return ['del', path];
    if (chance < 0.5) return ['set', path, this.#one(this.#at(kind, path)) ?? null];
    if (chance < 0.75) return ['set', path, this.#odd(value)];
    if (chance < 0.82) return ['set', path, this.#one(others)];
    if (Array.isArray(value)) return ['ins', [...path, 0], this.#one(this.#at(kind, [...path, 0])) ?? null];
    return isObject(value) ? this.#member(kind, path, value) : ['set', path, this.#odd(value)];
  }

  /** A member that another body has there. */
  #member(kind: string, path: Path, value: Readonly<Record<string, unknown>>): Edit | undefined {
    const alike = this.#at(kind, path).filter(isObject);
    const name = this.#one(alike.flatMap((other) => Object.keys(other)).filter((key) => !(key in value)));
    if (name === undefined) return ['set', path, {}];
    return ['set', [...path, name], this.#one(this.#at(kind, [...path, name]))];
  }

  #at(kind: string, path: Path): readonly unknown[] {
    return this.#seen.get([kind, ...path.map((key) => (typeof key === 'number' ? '*' : key))].join('/')) ?? [];
  }

  #odd(value: unknown): unknown {
    if (typeof value === 'number') return this.#one(numbers);
    if (typeof value === 'string') return this.#one(texts);
    if (typeof value === 'boolean') return !value;
    return Array.isArray(value) ? [...value, ...value.slice(0, 1)] : {};
  }

  #one<T>(list: readonly T[]): T | undefined {
    return list[this.#random.below(Math.max(1, list.length))];
  }
}

function placesIn(value: unknown, path: Path = []): readonly Path[] {
  const own = path.length > 0 ? [path] : [];
  if (Array.isArray(value)) return [...own, ...value.flatMap((item, index) => placesIn(item, [...path, index]))];
  if (!isObject(value)) return own;
  return [...own, ...Object.keys(value).flatMap((key) => placesIn(value[key], [...path, key]))];
}

function isChangeable(path: Path, keepsIdentity: boolean): boolean {
  const [first, second] = path;
  if (path.length === 1 && (first === 'kind' || first === 'apiVersion')) return false;
  return !keepsIdentity || first !== 'metadata' || (path.length > 1 && !identity.has(second));
}
