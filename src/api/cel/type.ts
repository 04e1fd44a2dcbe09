/** The type of an expression, as the checker knows it. */
export type CelType =
  | {
      readonly kind:
        | 'dyn'
        | 'error'
        | 'null'
        | 'bool'
        | 'int'
        | 'uint'
        | 'double'
        | 'string'
        | 'bytes'
        | 'timestamp'
        | 'duration';
    }
  | { readonly kind: 'list'; readonly element: CelType }
  | { readonly kind: 'map'; readonly key: CelType; readonly value: CelType }
  | { readonly kind: 'optional'; readonly of: CelType }
  | { readonly kind: 'type'; readonly of: CelType }
  | { readonly kind: 'parameter'; readonly name: string }
  | ObjectTypeOf
  | { readonly kind: 'opaque'; readonly name: string };

export interface ObjectTypeOf {
  readonly kind: 'object';
  readonly name: string;
  /** undefined: there is no such field. */
  field(name: string): CelType | undefined;
}

export const dyn: CelType = { kind: 'dyn' };
export const errorType: CelType = { kind: 'error' };
export const nullType: CelType = { kind: 'null' };
export const bool: CelType = { kind: 'bool' };
export const int: CelType = { kind: 'int' };
export const uint: CelType = { kind: 'uint' };
export const double: CelType = { kind: 'double' };
export const string: CelType = { kind: 'string' };
export const bytes: CelType = { kind: 'bytes' };
export const timestamp: CelType = { kind: 'timestamp' };
export const duration: CelType = { kind: 'duration' };
export const listOf = (element: CelType): CelType => ({ kind: 'list', element });
export const mapOf = (key: CelType, value: CelType): CelType => ({ kind: 'map', key, value });
export const optionalOf = (of: CelType): CelType => ({ kind: 'optional', of });
export const typeOf = (of: CelType): CelType => ({ kind: 'type', of });
export const parameter = (name: string): CelType => ({ kind: 'parameter', name });
export const opaque = (name: string): CelType => ({ kind: 'opaque', name });

/** As messages name it: `map(string, dyn)`. */
export function typeText(type: CelType): string {
  switch (type.kind) {
    case 'list':
      return `list(${typeText(type.element)})`;
    case 'map':
      return `map(${typeText(type.key)}, ${typeText(type.value)})`;
    case 'optional':
      return `optional_type(${typeText(type.of)})`;
    case 'type':
      return `type(${typeText(type.of)})`;
    case 'error':
      return '!error!';
    case 'timestamp':
      return 'timestamp';
    case 'parameter':
    case 'object':
    case 'opaque':
      return type.name;
    default:
      return type.kind;
  }
}

/** What type parameters stand for. What was tried in vain is undone, so that a trial costs what it changes. */
export class Bindings {
  readonly #bound = new Map<string, CelType>();
  readonly #trail: { readonly name: string; readonly before: CelType | undefined }[] = [];

  /** Runs a trial; what it bound stays only where it succeeds. */
  attempt(trial: () => boolean): boolean {
    const mark = this.#trail.length;
    if (trial()) return true;
    while (this.#trail.length > mark) {
      const { name, before } = this.#trail.pop() as { readonly name: string; readonly before: CelType | undefined };
      if (before) this.#bound.set(name, before);
      else this.#bound.delete(name);
    }
    return false;
  }

  #bind(name: string, type: CelType): void {
    this.#trail.push({ name, before: this.#bound.get(name) });
    this.#bound.set(name, type);
  }

  /** The type with its parameters filled in; unknown ones become dyn at the end. */
  filled(type: CelType, atEnd = false): CelType {
    switch (type.kind) {
      case 'parameter': {
        const bound = this.#bound.get(type.name);
        if (bound) return this.filled(bound, atEnd);
        return atEnd ? dyn : type;
      }
      case 'list':
        return listOf(this.filled(type.element, atEnd));
      case 'map':
        return mapOf(this.filled(type.key, atEnd), this.filled(type.value, atEnd));
      case 'optional':
        return optionalOf(this.filled(type.of, atEnd));
      case 'type':
        return typeOf(this.filled(type.of, atEnd));
      default:
        return type;
    }
  }

  /** Whether a value of one type may stand where another is asked for; binds parameters on the way. */
  assign(from: CelType, to: CelType): boolean {
    return this.attempt(() => this.#fits(from, to));
  }

  #fits(from: CelType, to: CelType): boolean {
    if (to.kind === 'parameter') return this.#bindTo(to.name, from, (bound) => this.#fits(from, bound));
    if (from.kind === 'parameter') return this.#bindTo(from.name, to, (bound) => this.#fits(bound, to));
    if (isFree(from) || isFree(to)) return true;
    if (from.kind === 'null') return to.kind === 'null' || isNullable(to);
    if (to.kind === 'null') return isNullable(from);
    if (from.kind !== to.kind) return false;
    if (from.kind === 'list') return to.kind === 'list' && this.#fits(from.element, to.element);
    if (from.kind === 'map')
      return to.kind === 'map' && this.#fits(from.key, to.key) && this.#fits(from.value, to.value);
    if (from.kind === 'optional') return to.kind === 'optional' && this.#fits(from.of, to.of);
    if (from.kind === 'object' || from.kind === 'opaque') return from.name === (to as typeof from).name;
    return true;
  }

  #bindTo(name: string, type: CelType, fits: (bound: CelType) => boolean): boolean {
    if (type.kind === 'parameter' && type.name === name) return true;
    const bound = this.#bound.get(name);
    if (!bound) {
      if (this.#mentions(type, name)) return false;
      this.#bind(name, type);
      return true;
    }
    if (!fits(bound)) return false;
    if (isMoreGeneral(type, bound) && !this.#mentions(type, name)) this.#bind(name, type);
    return true;
  }

  #mentions(type: CelType, name: string): boolean {
    switch (type.kind) {
      case 'parameter': {
        if (type.name === name) return true;
        const bound = this.#bound.get(type.name);
        return bound !== undefined && this.#mentions(bound, name);
      }
      case 'list':
        return this.#mentions(type.element, name);
      case 'map':
        return this.#mentions(type.key, name) || this.#mentions(type.value, name);
      case 'optional':
      case 'type':
        return this.#mentions(type.of, name);
      default:
        return false;
    }
  }
}

const isFree = ({ kind }: CelType): boolean => kind === 'dyn' || kind === 'error';
const isNullable = ({ kind }: CelType): boolean =>
  kind === 'object' || kind === 'timestamp' || kind === 'duration' || kind === 'opaque' || kind === 'optional';

/** Whether the first says no more than the second. */
export function isMoreGeneral(first: CelType, second: CelType): boolean {
  if (isFree(first)) return true;
  if (first.kind === 'parameter') return true;
  if (second.kind === 'null') return isNullable(first) || first.kind === 'null';
  if (first.kind !== second.kind) return false;
  if (first.kind === 'list') return isMoreGeneral(first.element, (second as typeof first).element);
  if (first.kind === 'map') {
    const other = second as typeof first;
    return isMoreGeneral(first.key, other.key) && isMoreGeneral(first.value, other.value);
  }
  if (first.kind === 'optional') return isMoreGeneral(first.of, (second as typeof first).of);
  if (first.kind === 'object' || first.kind === 'opaque') return first.name === (second as typeof first).name;
  return true;
}

/** The type of a literal. */
export function typeOfConstant(value: unknown): CelType {
  switch (typeof value) {
    case 'boolean':
      return bool;
    case 'bigint':
      return int;
    case 'number':
      return double;
    case 'string':
      return string;
    default:
      if (value === null) return nullType;
      return value instanceof Uint8Array ? bytes : uint;
  }
}
