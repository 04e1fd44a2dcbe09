import type { Field, ObjectType, TypeRef } from '../api/schema/schema.ts';
import { equalJson, isObject, type Json, type JsonObject } from '../base/json.ts';

/** Three views of one value: what was applied last, what is applied now, and what the cluster has. */
interface Views {
  readonly original: Json | undefined;
  readonly modified: Json;
  readonly current: Json | undefined;
}

/**
 * The patch that makes `current` what `modified` says and removes what only `original` said. What others have added
 * stays. With a type it is a strategic merge patch, without one (custom kinds) a JSON merge patch.
 */
export function threeWayPatch(
  type: ObjectType | undefined,
  views: { readonly original: JsonObject; readonly modified: JsonObject; readonly current: JsonObject },
): JsonObject {
  return objectPatch(type, views);
}

function objectPatch(type: ObjectType | undefined, { original, modified, current }: Views): JsonObject {
  const patch: Record<string, Json> = {};
  const before = isObject(original) ? original : {};
  const now = modified as JsonObject;
  const live = isObject(current) ? current : {};
  for (const key of Object.keys(before)) {
    if (isAbsent(now[key]) && !isAbsent(live[key])) patch[key] = null;
  }
  for (const [key, value] of Object.entries(now)) {
    if (isAbsent(value)) {
      // A null in the file asks for removal.
      if (!isAbsent(live[key])) patch[key] = null;
      continue;
    }
    const field = type?.byName.get(key);
    Object.assign(patch, memberPatch(key, field, { original: before[key], modified: value, current: live[key] }));
  }
  return patch;
}

const isAbsent = (value: Json | undefined): value is null | undefined => value === undefined || value === null;

/** The members of the patch that one field makes: none where nothing differs. */
function memberPatch(key: string, field: Field | undefined, views: Views): JsonObject {
  const { modified, current } = views;
  const strategies = field?.patchStrategy?.split(',') ?? [];
  if (isAbsent(current)) return { [key]: modified };
  if (Array.isArray(modified)) {
    if (strategies.includes('merge')) return listPatch(key, field as Field, views);
    return equalJson(modified, current) ? {} : { [key]: modified };
  }
  if (!isObject(modified) || !isObject(current)) return equalJson(modified, current) ? {} : { [key]: modified };
  if (strategies.includes('replace'))
    return equalJson(modified, current) ? {} : { [key]: { ...modified, $patch: 'replace' } };
  const patch = retaining(objectPatch(typeInside(field?.ref), views), strategies, views);
  return Object.keys(patch).length === 0 ? {} : { [key]: patch };
}

/** A union of which one arm is set: once another is chosen, only the keys of now may stay, defaults of old included. */
function retaining(patch: JsonObject, strategies: readonly string[], { original, modified }: Views): JsonObject {
  if (!strategies.includes('retainKeys')) return patch;
  const left = isObject(original) && Object.keys(original).some((key) => isAbsent((modified as JsonObject)[key]));
  if (!left && Object.keys(patch).length === 0) return patch;
  return { ...patch, $retainKeys: Object.keys(modified as JsonObject).sort() };
}

function typeInside(ref: TypeRef | undefined): ObjectType | undefined {
  if (ref?.type === 'object') return ref.object;
  if (ref?.type === 'map' && ref.values.type === 'object') return ref.values.object;
  return undefined;
}

function listPatch(key: string, field: Field, { original, modified, current }: Views): JsonObject {
  const now = modified as readonly Json[];
  const before = Array.isArray(original) ? original : [];
  const live = Array.isArray(current) ? current : [];
  const mergeKey = field.patchMergeKey;
  if (mergeKey === undefined) return primitiveListPatch(key, { now, before, live });
  const items = field.ref.type === 'list' ? typeInside(field.ref.items) : undefined;
  const find = (list: readonly Json[], item: Json) =>
    list.find((other) => isObject(other) && isObject(item) && equalJson(other[mergeKey], item[mergeKey]));
  const changes: Json[] = [];
  for (const item of now) {
    const there = find(live, item);
    if (!isObject(item) || !there) {
      changes.push(item);
      continue;
    }
    const views = { original: find(before, item), modified: item, current: there };
    const patch = retaining(objectPatch(items, views), field.patchStrategy?.split(',') ?? [], views);
    if (Object.keys(patch).length > 0) changes.push({ ...patch, [mergeKey]: item[mergeKey] as Json });
  }
  const gone = before.filter((item) => !find(now, item) && find(live, item));
  for (const item of gone) changes.push({ $patch: 'delete', [mergeKey]: (item as JsonObject)[mergeKey] as Json });
  const order = now.map((item) => ({ [mergeKey]: isObject(item) ? (item[mergeKey] as Json) : null }));
  const kept = live
    .filter((item) => find(now, item))
    .map((item) => ({ [mergeKey]: (item as JsonObject)[mergeKey] as Json }));
  if (changes.length === 0 && equalJson(order, kept)) return {};
  return { [`$setElementOrder/${key}`]: order, ...(changes.length > 0 ? { [key]: changes } : {}) };
}

function primitiveListPatch(
  key: string,
  lists: { readonly now: readonly Json[]; readonly before: readonly Json[]; readonly live: readonly Json[] },
): JsonObject {
  const { now, before, live } = lists;
  const has = (list: readonly Json[], item: Json) => list.some((other) => equalJson(other, item));
  const added = now.filter((item) => !has(live, item));
  const gone = before.filter((item) => !has(now, item) && has(live, item));
  return {
    ...(gone.length > 0 ? { [`$deleteFromPrimitiveList/${key}`]: gone } : {}),
    ...(added.length > 0 ? { [key]: added } : {}),
  };
}
