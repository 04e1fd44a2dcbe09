import type { Kind } from '../api/kind.ts';
import { type KubeObject, keyOf, type Labels } from '../api/object.ts';
import { equalJson, isObject, type Json, type JsonObject } from '../base/json.ts';
import { type Action, act } from '../client/action.ts';

/**
 * The write that turns an object's status into `next`, or nothing where it is that already. A patch, so that a change
 * of the spec in between is no conflict; keys that are to go are named with null.
 * Annotations may go with it.
 */
export function statusPatch<T extends KubeObject>(
  kind: Kind<T>,
  object: T,
  next: object,
  annotations?: Labels,
): readonly Action[] {
  const before = (object.status ?? {}) as JsonObject;
  const after = next as JsonObject;
  if (!annotations && object.status !== undefined && equalJson(before, after)) return [];
  const patch = { ...(annotations ? { metadata: { annotations } } : {}), status: mergeOf(before, after) };
  return [act({ verb: 'patch', kind, key: keyOf(object), patch, subresource: 'status' })];
}

/** The merge patch that makes one object the other. */
function mergeOf(before: JsonObject, after: JsonObject): JsonObject {
  const patch: Record<string, Json> = {};
  for (const key of Object.keys(before)) if (after[key] === undefined) patch[key] = null;
  for (const [key, value] of Object.entries(after)) {
    const was = before[key];
    if (value === undefined || equalJson(was, value)) continue;
    patch[key] = isObject(value) && was !== undefined && isObject(was) ? mergeOf(was, value) : value;
  }
  return patch;
}

/** Upstream leaves zero counts out. */
export const unlessZero = <Name extends string>(name: Name, count: number): { readonly [key in Name]?: number } =>
  (count === 0 ? {} : { [name]: count }) as { readonly [key in Name]?: number };
