import { isObject, type Json } from '../../base/json.ts';
import { MemberNames } from '../../base/steps.ts';
import type { NamesSeen } from '../names-seen.ts';
import { YamlError } from './scalars.ts';

/** A map under construction: its own keys win over merged ones, and the last of two equal keys over the first. */
export class MapBuilder {
  readonly #own: Record<string, Json> = {};
  readonly #names = new MemberNames();
  readonly #seen: NamesSeen | undefined;
  #merged: Map<string, Json> | undefined;

  constructor(seen: NamesSeen | undefined) {
    this.#seen = seen;
  }

  /** False where the key was there already. */
  put(key: Json, value: Json): boolean {
    const name = nameOf(key);
    const fresh = !Object.hasOwn(this.#own, name);
    set(this.#own, name, value);
    if (fresh) {
      this.#seen?.add(name);
      this.#names.added(this.#own, name);
    }
    return fresh;
  }

  /** `<<`: another map's keys, or those of a list of maps. Returns how many. */
  merge(value: Json): number {
    const sources = Array.isArray(value) ? (value as readonly Json[]) : [value];
    let count = 0;
    for (const source of sources) {
      if (!isObject(source)) throw new YamlError('map merge requires map or sequence of maps as the value');
      this.#merged ??= new Map();
      for (const key of Object.keys(source)) {
        count += 1;
        if (!this.#merged.has(key)) this.#merged.set(key, source[key] as Json);
      }
    }
    return count;
  }

  get value(): Json {
    for (const [key, value] of this.#merged ?? []) if (!Object.hasOwn(this.#own, key)) this.put(key, value);
    this.#names.keep(this.#own);
    return this.#own;
  }
}

function nameOf(key: Json): string {
  if (typeof key === 'string') return key;
  if (typeof key === 'number' || typeof key === 'boolean') return String(key);
  throw new YamlError(key === null ? 'unsupported map key: null' : 'invalid map key');
}

/** Defined, not assigned, so that a key called __proto__ is a key. */
function set(out: Record<string, Json>, key: string, value: Json): void {
  if (key === '__proto__') {
    Object.defineProperty(out, key, { value, enumerable: true, configurable: true, writable: true });
  } else out[key] = value;
}
