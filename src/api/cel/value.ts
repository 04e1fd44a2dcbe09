import { CelError } from './cel-error.ts';
import type { CelType } from './type.ts';

/** An unsigned integer: bigint alone means a signed one. */
export class Uint {
  readonly value: bigint;
  constructor(value: bigint) {
    this.value = value;
  }
}
export class Duration {
  readonly nanos: bigint;
  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}
export class Timestamp {
  /** Nanoseconds since 1970. */
  readonly nanos: bigint;
  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}
export class Optional {
  readonly value: Value | undefined;
  constructor(value?: Value) {
    this.value = value;
  }
}
export class TypeValue {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}
/** A value of a library's own type: url, ip, quantity. */
export abstract class Opaque {
  abstract readonly typeName: string;
  abstract equals(other: Opaque): boolean;
}
/** An object with declared fields. */
export abstract class Structure {
  abstract readonly typeName: string;
  /** undefined: the field is not set. */
  abstract get(field: string): Value | CelError | undefined;
  abstract equals(other: Structure): boolean;
  isZero(): boolean {
    return false;
  }
}
/** A map: made by a literal, or lazily over JSON. */
export abstract class CelMap {
  abstract readonly size: number;
  abstract get(key: Value): Value | undefined;
  abstract keys(): readonly Value[];
}

/** bigint is int, number is double. */
export type Value =
  | null
  | boolean
  | bigint
  | number
  | string
  | Uint
  | Uint8Array
  | Duration
  | Timestamp
  | Optional
  | TypeValue
  | Opaque
  | Structure
  | CelMap
  | readonly Value[];

export type Result = Value | CelError;

export const none = new Optional();

/** A map of its own keys and values, in the order in which they came. */
export class ValueMap extends CelMap {
  readonly #entries = new Map<unknown, readonly [Value, Value]>();

  get size(): number {
    return this.#entries.size;
  }
  get(key: Value): Value | undefined {
    return this.#entries.get(normalKey(key))?.[1];
  }
  keys(): readonly Value[] {
    return [...this.#entries.values()].map(([key]) => key);
  }
  /** False where the key is there already. */
  add(key: Value, value: Value): boolean {
    const normal = normalKey(key);
    if (this.#entries.has(normal)) return false;
    this.#entries.set(normal, [key, value]);
    return true;
  }
}

/** 1, 1u and 1.0 are one key. */
function normalKey(key: Value): unknown {
  if (key instanceof Uint) return key.value;
  if (typeof key === 'number' && Number.isInteger(key)) return BigInt(key);
  return key;
}

export type Kind = CelType['kind'] | 'structure';

export function kindOf(value: Value): Kind {
  switch (typeof value) {
    case 'bigint':
      return 'int';
    case 'number':
      return 'double';
    case 'string':
      return 'string';
    case 'boolean':
      return 'bool';
    default:
      return objectKind(value);
  }
}

function objectKind(value: Exclude<Value, bigint | number | string | boolean>): Kind {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'list';
  if (value instanceof CelMap) return 'map';
  if (value instanceof Structure) return 'structure';
  if (value instanceof Uint) return 'uint';
  if (value instanceof Uint8Array) return 'bytes';
  if (value instanceof Duration) return 'duration';
  if (value instanceof Timestamp) return 'timestamp';
  if (value instanceof Optional) return 'optional';
  if (value instanceof TypeValue) return 'type';
  return 'opaque';
}

const typeNames: Readonly<Partial<Record<Kind, string>>> = {
  null: 'null_type',
  timestamp: 'google.protobuf.Timestamp',
  duration: 'google.protobuf.Duration',
  optional: 'optional_type',
};

/** What type(value) says. */
export function typeNameOf(value: Value): string {
  if (value instanceof Opaque || value instanceof Structure) return value.typeName;
  const kind = kindOf(value);
  return typeNames[kind] ?? kind;
}

const isNumeric = (value: Value): value is bigint | number | Uint =>
  typeof value === 'bigint' || typeof value === 'number' || value instanceof Uint;

/** How the items of a list are told apart, where their order does not count: of lists that are sets or maps. */
export type ItemKey = (item: Value) => string;
const itemKeys = new WeakMap<readonly Value[], ItemKey>();

/** A list whose items are known by keys: equal in any order, and joined without doubling any. */
export function keyed(list: readonly Value[], key: ItemKey): readonly Value[] {
  itemKeys.set(list, key);
  return list;
}

/** Two lists behind each other; of keyed ones the items of the second take the place of those with the same key. */
export function joinedLists(a: readonly Value[], b: readonly Value[]): readonly Value[] {
  const key = itemKeys.get(a);
  if (!key) return [...a, ...b];
  const items = new Map(a.map((item) => [key(item), item]));
  for (const item of b) items.set(key(item), item);
  return keyed([...items.values()], key);
}

function equalLists(a: readonly Value[], b: readonly Value[]): boolean {
  if (a.length !== b.length) return false;
  const key = itemKeys.get(a);
  if (!key) return a.every((item, index) => equals(item, b[index] as Value));
  const others = new Map(b.map((item) => [key(item), item]));
  return a.every((item) => {
    const other = others.get(key(item));
    return other !== undefined && equals(item, other);
  });
}

export function equals(a: Value, b: Value): boolean {
  if (a === b) return true;
  if (isNumeric(a)) return isNumeric(b) && compareNumbers(a, b) === 0;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a)) {
    return Array.isArray(b) && equalLists(a, b);
  }
  if (a instanceof CelMap) return b instanceof CelMap && equalMaps(a, b);
  if (a instanceof Structure) return b instanceof Structure && a.typeName === b.typeName && a.equals(b);
  if (a instanceof Duration) return b instanceof Duration && a.nanos === b.nanos;
  if (a instanceof Timestamp) return b instanceof Timestamp && a.nanos === b.nanos;
  if (a instanceof TypeValue) return b instanceof TypeValue && a.name === b.name;
  if (a instanceof Uint8Array) return b instanceof Uint8Array && compareBytes(a, b) === 0;
  if (a instanceof Optional) return b instanceof Optional && equalOptionals(a, b);
  return a instanceof Opaque && b instanceof Opaque && a.typeName === b.typeName && a.equals(b);
}

function equalMaps(a: CelMap, b: CelMap): boolean {
  if (a.size !== b.size) return false;
  return a.keys().every((key) => {
    const other = b.get(key);
    return other !== undefined && equals(a.get(key) as Value, other);
  });
}

function equalOptionals(a: Optional, b: Optional): boolean {
  if (a.value === undefined || b.value === undefined) return a.value === b.value;
  return equals(a.value, b.value);
}

/** undefined: not comparable (NaN). */
export function compareNumbers(a: bigint | number | Uint, b: bigint | number | Uint): number | undefined {
  let left = a instanceof Uint ? a.value : a;
  let right = b instanceof Uint ? b.value : b;
  // Beside a double everything is one, with what that loses.
  if (typeof left !== typeof right) [left, right] = [Number(left), Number(right)];
  if (left < right) return -1;
  if (left > right) return 1;
  return left === right ? 0 : undefined;
}

export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let index = 0; index < a.length && index < b.length; index++) {
    const difference = (a[index] as number) - (b[index] as number);
    if (difference !== 0) return difference < 0 ? -1 : 1;
  }
  return Math.sign(a.length - b.length);
}

/** How many characters: code points. */
export function textLength(text: string): number {
  let length = text.length;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit >= 0xd800 && unit < 0xdc00 && index + 1 < text.length) {
      length--;
      index++;
    }
  }
  return length;
}

/** What costs count: elements, characters, bytes; 1 for everything of a fixed size. */
export function sizeOf(value: Value): number {
  if (typeof value === 'string') return textLength(value);
  if (Array.isArray(value) || value instanceof Uint8Array) return value.length;
  if (value instanceof CelMap) return value.size;
  return 1;
}

export const isError = (value: Result): value is CelError => value instanceof CelError;
