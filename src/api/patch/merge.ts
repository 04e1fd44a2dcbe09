import { isObject, type Json } from '../../base/json.ts';
import { namedAs, namesIn, type Steps, Stride } from '../../base/steps.ts';

/**
 * JSON merge patch (RFC 7386): null removes, an object merges, all else replaces. Beyond it, and as upstream does it,
 * null removes in the items of a new list too.
 */
export function* mergePatch(target: Json | undefined, patch: Json, stride: Stride = new Stride()): Steps<Json> {
  if (!isObject(patch)) return isObject(target) ? patch : yield* itemsWithoutNulls(patch, stride);
  const out: Record<string, Json> = isObject(target) ? yield* copied(target, stride) : {};
  let isWhole = !isObject(target);
  for (const key of namesIn(patch)) {
    if (stride.isLong(1)) yield stride.taken();
    const value = patch[key] as Json;
    if (value === null) {
      delete out[key];
      isWhole = false;
    } else define(out, key, yield* mergePatch(out[key], value, stride));
  }
  if (isWhole) namedAs(out, patch);
  return out;
}

function* itemsWithoutNulls(value: Json, stride: Stride): Steps<Json> {
  if (!Array.isArray(value)) return value;
  const out: Json[] = [];
  for (const item of value) {
    if (stride.isLong(1)) yield stride.taken();
    // Texts and numbers are most of what is in lists.
    out.push(typeof item === 'object' && item !== null ? yield* mergePatch(undefined, item, stride) : item);
  }
  return out;
}

/** An object with the same members, to be changed. */
export function* copied(object: { readonly [key: string]: Json }, stride: Stride): Steps<Record<string, Json>> {
  const out: Record<string, Json> = {};
  for (const key of namesIn(object)) {
    if (stride.isLong(1)) yield stride.taken();
    define(out, key, object[key] as Json);
  }
  return out;
}

/** Plain assignment to `__proto__` would change the prototype instead. */
export function define(out: Record<string, Json>, key: string, value: Json): void {
  if (key === '__proto__')
    Object.defineProperty(out, key, { value, enumerable: true, writable: true, configurable: true });
  else out[key] = value;
}
