import { isObject, type Json } from '../../base/json.ts';

/** JSON merge patch (RFC 7386): null removes, an object merges, all else replaces. */
export function mergePatch(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const out: Record<string, Json> = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete out[key];
    else define(out, key, mergePatch(out[key], value));
  }
  return out;
}

/** Plain assignment to `__proto__` would change the prototype instead. */
export function define(out: Record<string, Json>, key: string, value: Json): void {
  if (key === '__proto__')
    Object.defineProperty(out, key, { value, enumerable: true, writable: true, configurable: true });
  else out[key] = value;
}
