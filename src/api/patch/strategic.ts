import { equalJson, isObject, type Json, type JsonObject } from '../../base/json.ts';
import { ApiError } from '../error.ts';
import type { Field, ObjectType, TypeRef } from '../schema/schema.ts';
import { define, mergePatch } from './merge.ts';

const directiveKey = '$patch';
const retainKey = '$retainKeys';
const deleteFromListPrefix = '$deleteFromPrimitiveList/';
const orderPrefix = '$setElementOrder/';

/** Strategic merge patch: lists are merged by the keys that the schema names, and directives steer the rest. */
export function strategicPatch(type: ObjectType | undefined, target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch;
  if (patch[directiveKey] === 'replace') return without(patch, directiveKey);
  if (patch[directiveKey] === 'delete') return {};
  let out: Record<string, Json> = isObject(target) ? { ...target } : {};
  const retained = patch[retainKey];
  if (Array.isArray(retained)) {
    out = Object.fromEntries(Object.entries(out).filter(([key]) => retained.includes(key)));
  }
  for (const [key, value] of Object.entries(patch)) {
    if (key === directiveKey || key === retainKey || key.startsWith(orderPrefix)) continue;
    if (key.startsWith(deleteFromListPrefix)) removeFromList(out, key.slice(deleteFromListPrefix.length), value);
    else if (value === null) delete out[key];
    else define(out, key, mergeField(type?.byName.get(key), out[key], value));
  }
  return reordered(type, out, patch);
}

function mergeField(field: Field | undefined, target: Json | undefined, patch: Json): Json {
  const ref = field?.ref;
  if (Array.isArray(patch)) return mergeList(field, Array.isArray(target) ? target : [], patch);
  if (!isObject(patch)) return patch;
  if (field?.patchStrategy?.split(',').includes('replace')) return without(patch, directiveKey);
  if (ref?.type === 'object') return strategicPatch(ref.object, target, patch);
  if (ref?.type === 'map') return strategicPatch(mapType(ref.values), target, patch);
  return patch[directiveKey] === undefined ? mergePatch(target, patch) : strategicPatch(undefined, target, patch);
}

/** Every key of a map has the same type: an object type that knows no field by name falls back on merging. */
function mapType(values: TypeRef): ObjectType | undefined {
  return values.type === 'object' ? values.object : undefined;
}

function mergeList(field: Field | undefined, target: readonly Json[], patch: readonly Json[]): Json {
  const merges = field?.patchStrategy?.split(',').includes('merge') ?? false;
  if (patch.some((item) => isObject(item) && item[directiveKey] === 'replace')) {
    return patch.filter((item) => !(isObject(item) && item[directiveKey] === 'replace'));
  }
  if (!merges) return patch;
  const mergeKey = field?.patchMergeKey;
  if (mergeKey === undefined)
    return [...target, ...patch.filter((item) => !target.some((old) => equalJson(old, item)))];
  const items = field?.ref.type === 'list' ? field.ref.items : undefined;
  return mergeByKey(target, patch, { mergeKey, type: items?.type === 'object' ? items.object : undefined });
}

function mergeByKey(
  target: readonly Json[],
  patch: readonly Json[],
  how: { readonly mergeKey: string; readonly type: ObjectType | undefined },
): readonly Json[] {
  const out = [...target];
  for (const item of patch) {
    if (!isObject(item))
      throw new ApiError('BadRequest', `a list merged by ${how.mergeKey} holds objects, not ${JSON.stringify(item)}`);
    const key = item[how.mergeKey];
    if (key === undefined) {
      throw new ApiError(
        'BadRequest',
        `map: ${JSON.stringify(item)} does not contain declared merge key: ${how.mergeKey}`,
      );
    }
    const index = out.findIndex((old) => isObject(old) && equalJson(old[how.mergeKey], key));
    if (item[directiveKey] === 'delete') {
      if (index >= 0) out.splice(index, 1);
    } else if (index >= 0) out[index] = strategicPatch(how.type, out[index], item);
    else out.push(strategicPatch(how.type, undefined, item));
  }
  return out;
}

function removeFromList(out: Record<string, Json>, key: string, values: Json): void {
  const list = out[key];
  if (!Array.isArray(list) || !Array.isArray(values)) return;
  out[key] = list.filter((item) => !values.some((value) => equalJson(value, item)));
}

/** `$setElementOrder/x`: what it lists comes in that order; the others keep their place behind what stood before them. */
function reordered(type: ObjectType | undefined, out: Record<string, Json>, patch: JsonObject): Json {
  for (const [directive, order] of Object.entries(patch)) {
    if (!directive.startsWith(orderPrefix) || !Array.isArray(order)) continue;
    const key = directive.slice(orderPrefix.length);
    const list = out[key];
    if (!Array.isArray(list)) continue;
    const mergeKey = type?.byName.get(key)?.patchMergeKey;
    const rankOf = (item: Json) => order.findIndex((wanted) => sameElement(wanted, item, mergeKey));
    let last = -1;
    const placed = list.map((item, index) => {
      const rank = rankOf(item);
      return { item, index, rank };
    });
    const listedItems = placed.filter(({ rank }) => rank >= 0).sort((a, b) => a.rank - b.rank || a.index - b.index);
    // Unlisted items go right behind the listed item that preceded them.
    const result: Json[] = listedItems.map(({ item }) => item);
    for (const { item, rank } of placed) {
      if (rank >= 0) last = result.indexOf(item);
      else result.splice(++last, 0, item);
    }
    out[key] = result;
  }
  return out;
}

function sameElement(wanted: Json, item: Json, mergeKey: string | undefined): boolean {
  if (mergeKey === undefined) return equalJson(wanted, item);
  return isObject(wanted) && isObject(item) && equalJson(wanted[mergeKey], item[mergeKey]);
}

function without(object: JsonObject, key: string): JsonObject {
  const { [key]: _gone, ...rest } = object;
  return rest;
}
