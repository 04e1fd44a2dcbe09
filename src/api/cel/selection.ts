import { CelError, noOverload } from './cel-error.ts';
import { CelMap, kindOf, none, Optional, type Result, Structure, Uint, type Value } from './value.ts';

const noKey = (key: Value): CelError => new CelError(`no such key: ${key instanceof Uint ? key.value : String(key)}`);

/** value.field */
export function selected(value: Value, field: string): Result {
  if (value instanceof CelMap || value instanceof Structure) {
    const member = value.get(field);
    return member === undefined ? noKey(field) : member;
  }
  if (value instanceof Optional) return optionalSelected(value, field);
  return noOverload;
}

/** has(value.field) */
export function present(value: Value, field: string): Result {
  if (value instanceof CelMap) return value.get(field) !== undefined;
  if (value instanceof Structure) {
    const member = value.get(field);
    return member instanceof CelError ? member : member !== undefined;
  }
  if (value instanceof Optional) return value.value === undefined ? false : present(value.value, field);
  return noOverload;
}

/** value[key] */
export function indexed(value: Value, key: Value): Result {
  if (value instanceof Optional) return optionalIndexed(value, key);
  const found = find(value, key);
  if (found !== undefined) return found;
  return Array.isArray(value) ? new CelError(`index out of bounds: ${String(indexOf(key))}`) : noKey(key);
}

/** value.?field */
export function optionalSelected(value: Value, field: Value): Result {
  if (value instanceof Optional) return value.value === undefined ? none : optionalSelected(value.value, field);
  if (value instanceof Structure) return asOptional(value.get(field as string));
  if (value instanceof CelMap) return asOptional(value.get(field));
  return noOverload;
}

/** value[?key] */
export function optionalIndexed(value: Value, key: Value): Result {
  if (value instanceof Optional) return value.value === undefined ? none : optionalIndexed(value.value, key);
  return asOptional(find(value, key));
}

function asOptional(found: Result | undefined): Result {
  if (found === undefined) return none;
  return found instanceof CelError ? found : new Optional(found);
}

function find(value: Value, key: Value): Result | undefined {
  if (Array.isArray(value)) {
    const index = indexOf(key);
    if (index === undefined) return new CelError(`unsupported index type '${kindOf(key)}' in list`);
    return (value as readonly Value[])[index];
  }
  if (value instanceof CelMap) {
    const kind = kindOf(key);
    if (!['string', 'int', 'uint', 'bool', 'double'].includes(kind)) return noOverload;
    return value.get(key);
  }
  if (value instanceof Structure && typeof key === 'string') return value.get(key);
  return noOverload;
}

function indexOf(key: Value): number | undefined {
  if (typeof key === 'bigint') return Number(key);
  if (key instanceof Uint) return Number(key.value);
  return typeof key === 'number' && Number.isInteger(key) ? key : undefined;
}
