import { canonicalJson, equalJson, isObject, type Json, type JsonObject } from '../../base/json.ts';
import { namesIn, type Steps, Stride } from '../../base/steps.ts';
import { ApiError } from '../error.ts';
import type { Field, ObjectType, TypeRef } from '../schema/schema.ts';
import { goText } from './go-text.ts';
import { copied, define } from './merge.ts';
import { merged, type OrderedList, ordered } from './strategic-order.ts';

const directiveKey = '$patch';
const retainKey = '$retainKeys';
const deleteFromListPrefix = '$deleteFromPrimitiveList/';
const orderPrefix = '$setElementOrder/';
type Growing = Record<string, Json>;

/** What upstream answers a directive with that does not fit: an error without a reason. */
const failed = (why: string) => new ApiError('', why);
const badDirective = (directive: Json, patch: Json) =>
  failed(`unknown patch type: ${goText(directive)} in map: ${goText(patch)}`);
const noMergeKey = (item: Json, mergeKey: string) =>
  failed(`map: ${goText(item)} does not contain declared merge key: ${mergeKey}`);

/** Strategic merge patch: lists are merged by the keys that the schema names, and directives steer the rest. */
export function* strategicPatch(
  type: ObjectType | undefined,
  target: Json | undefined,
  patch: JsonObject,
): Steps<Json> {
  const members = { fieldOf: (name: string) => type?.byName.get(name) };
  return yield* mergeMaps(members, isObject(target) ? target : {}, patch, new Stride());
}

/** What is known about the members of an object: a struct's by name, a map's all alike. */
interface Members {
  fieldOf(name: string): Pick<Field, 'ref' | 'patchMergeKey' | 'patchStrategy'> | undefined;
  /** An object that may hold anything has no fields to look up. */
  readonly raw?: true;
}
type Known = ReturnType<Members['fieldOf']>;

function membersOf(ref: TypeRef | undefined): Members {
  if (ref?.type === 'object') return { fieldOf: (name) => ref.object.byName.get(name) };
  if (ref?.type === 'map') return { fieldOf: () => ({ ref: ref.values }) };
  return ref?.type === 'raw' ? { fieldOf: () => undefined, raw: true } : { fieldOf: () => undefined };
}

function* mergeMaps(members: Members, target: JsonObject, patch: JsonObject, stride: Stride): Steps<Json> {
  const directive = patch[directiveKey];
  if (directive === 'replace') return without(patch, directiveKey);
  if (directive === 'delete') return {};
  if (directive !== undefined) throw badDirective(directive, patch);
  const out: Growing = yield* retained(target, patch, stride);
  const placed = yield* mergeOrdered(members, out, patch, stride);
  for (const key of namesIn(patch)) {
    if (stride.isLong(1)) yield stride.taken();
    const value = patch[key] as Json;
    if (key === retainKey || key.startsWith(orderPrefix) || placed.has(key)) continue;
    const name = key.startsWith(deleteFromListPrefix) ? key.slice(deleteFromListPrefix.length) : undefined;
    if (name !== undefined) yield* removeFromList(out, name, value, stride);
    else if (value === null) delete out[key];
    else if (!Object.hasOwn(out, key)) {
      if (!isDirected(value)) define(out, key, yield* withoutDirectives(value, stride));
    } else define(out, key, yield* mergeField(members.fieldOf(key), out[key] as Json, value, { members, key, stride }));
  }
  return out;
}

interface Within {
  readonly members: Members;
  readonly key: string;
  readonly stride: Stride;
}

function* mergeField(field: Known, target: Json, patch: Json, { members, key, stride }: Within): Steps<Json> {
  const bothObjects = isObject(target) && isObject(patch);
  const bothLists = Array.isArray(target) && Array.isArray(patch);
  if (!bothObjects && !bothLists) return yield* withoutDirectives(patch, stride);
  if (members.raw) {
    throw failed(`unable to find api field in struct RawExtension for the json field ${JSON.stringify(key)}`);
  }
  if (bothLists) return yield* mergeLists(field, target as readonly Json[], patch as readonly Json[], stride);
  if (strategiesOf(field).includes('replace')) return patch;
  return yield* mergeMaps(membersOf(field?.ref), target as JsonObject, patch as JsonObject, stride);
}

const strategiesOf = (field: Known): readonly string[] => field?.patchStrategy?.split(',') ?? [];

/** `$retainKeys`: whatever it does not list goes, and the patch may set nothing else. */
function* retained(target: JsonObject, patch: JsonObject, stride: Stride): Steps<Growing> {
  const keys = patch[retainKey];
  if (keys === undefined) return yield* copied(target, stride);
  const listed = new Set<unknown>(Array.isArray(keys) ? keys : []);
  const others = Object.entries(patch).filter(
    ([name, value]) =>
      name !== retainKey && value !== null && !name.startsWith(deleteFromListPrefix) && !name.startsWith(orderPrefix),
  );
  if (!Array.isArray(keys) || others.some(([name]) => !listed.has(name))) {
    throw new ApiError('BadRequest', 'invalid patch format of retainKeys');
  }
  return Object.fromEntries(Object.entries(target).filter(([name]) => listed.has(name)));
}

/** `$setElementOrder/x`: the list is merged and put in that order. Answers the members that are done by that. */
function* mergeOrdered(members: Members, out: Growing, patch: JsonObject, stride: Stride): Steps<ReadonlySet<string>> {
  const done = new Set<string>();
  for (const directive of namesIn(patch)) {
    if (stride.isLong(1)) yield stride.taken();
    if (!directive.startsWith(orderPrefix)) continue;
    const order = patch[directive] as Json;
    const key = directive.slice(orderPrefix.length);
    const field = members.fieldOf(key);
    const server = out[key];
    const given = patch[key] ?? undefined;
    for (const list of [order, server ?? [], given ?? []]) {
      if (!Array.isArray(list)) throw failed(`expected a list for ${key} and its order, but received ${goText(list)}`);
    }
    yield* checkOrder(field, { given: (given ?? []) as readonly Json[], order: order as readonly Json[] }, stride);
    if (server === undefined && given === undefined) continue;
    done.add(key);
    const list =
      given === undefined
        ? (server as readonly Json[])
        : server === undefined
          ? ((yield* withoutDirectives(given, stride)) as readonly Json[])
          : yield* mergeLists(field, server as readonly Json[], given as readonly Json[], stride);
    const mergeKey = field?.patchMergeKey;
    const wanted: OrderedList = { items: list, order: order as readonly Json[], mergeKey };
    define(out, key, yield* ordered(wanted, (server ?? []) as readonly Json[], stride));
  }
  return done;
}

/** What the patch sets must come in the order that it asks for. */
function* checkOrder(
  field: Known,
  { given, order }: { readonly given: readonly Json[]; readonly order: readonly Json[] },
  stride: Stride,
): Steps<void> {
  const mergeKey = field?.patchMergeKey;
  const set = given.filter((item) => !(mergeKey && isObject(item) && item[directiveKey] === 'delete'));
  if (order.length === 0 || set.length === 0) return;
  let next = 0;
  for (const wanted of order) {
    if (stride.isLong(1)) yield stride.taken();
    const item = set[next];
    if (item === undefined) break;
    const keyOf = (value: Json) => (mergeKey && isObject(value) ? (value[mergeKey] ?? null) : value);
    if (equalJson(keyOf(item), keyOf(wanted))) next++;
  }
  if (next === set.length) return;
  const lists = `${goText(given)}\n doesn't match $setElementOrder list:\n${goText(order)}\n`;
  throw failed(`The order in patch list:\n${lists}`);
}

function* mergeLists(
  field: Known,
  target: readonly Json[],
  patch: readonly Json[],
  stride: Stride,
): Steps<readonly Json[]> {
  if (!strategiesOf(field).includes('merge')) return patch;
  if (target.length === 0 && patch.length === 0) return target;
  const isOfObjects = isObject(patch[0] ?? target[0]);
  for (const item of [...target, ...patch]) {
    if (Array.isArray(item)) throw failed('lists of lists are not supported');
    if (isObject(item) !== isOfObjects) throw failed('list element types are not identical');
  }
  const mergeKey = field?.patchMergeKey;
  if (!isOfObjects) {
    const both: Json[] = [];
    const seen = new Set<Json>();
    for (const item of [...target, ...patch]) {
      if (stride.isLong(1)) yield stride.taken();
      if (seen.has(item)) continue;
      seen.add(item);
      both.push(item);
    }
    return yield* ordered({ items: both, order: patch, mergeKey: undefined }, target, stride);
  }
  if (mergeKey === undefined) throw failed('cannot merge lists without merge key');
  const items = field?.ref.type === 'list' ? field.ref.items : undefined;
  return yield* mergeByKey(target, patch as readonly JsonObject[], { mergeKey, members: membersOf(items), stride });
}

function* mergeByKey(
  target: readonly Json[],
  patch: readonly JsonObject[],
  how: { readonly mergeKey: string; readonly members: Members; readonly stride: Stride },
): Steps<readonly Json[]> {
  const { mergeKey, members, stride } = how;
  const set = patch.filter((item) => item[directiveKey] === undefined);
  const server = withoutDeleted(target, patch, mergeKey);
  if (patch.some((item) => item[directiveKey] === 'replace')) return set;
  for (const item of set) if (item[mergeKey] === undefined) throw noMergeKey(item, mergeKey);
  const merge = (live: Json | undefined, item: Json) =>
    live === undefined
      ? withoutDirectives(item, stride)
      : mergeMaps(members, live as JsonObject, item as JsonObject, stride);
  return yield* merged({ items: server, order: set, mergeKey }, merge, stride);
}

function withoutDeleted(target: readonly Json[], patch: readonly JsonObject[], mergeKey: string): readonly Json[] {
  const deleted = new Set<string>();
  for (const item of patch) {
    const directive = item[directiveKey];
    if (directive === undefined || directive === 'replace') continue;
    if (directive === 'merge') throw failed('merging lists cannot yet be specified in the patch');
    if (directive !== 'delete') throw badDirective(directive, item);
    const key = item[mergeKey];
    if (key === undefined) throw noMergeKey(item, mergeKey);
    deleted.add(canonicalJson(key));
  }
  if (deleted.size === 0) return target;
  return target.filter((live) => !isObject(live) || !deleted.has(canonicalJson(live[mergeKey])));
}

function* removeFromList(out: Growing, key: string, values: Json, stride: Stride): Steps<void> {
  const list = out[key];
  if (!Array.isArray(list) || !Array.isArray(values)) return;
  const removed = new Set<string>();
  for (const value of values as readonly Json[]) {
    if (stride.isLong(1)) yield stride.taken();
    removed.add(canonicalJson(value));
  }
  const left: Json[] = [];
  for (const item of list as readonly Json[]) {
    if (stride.isLong(1)) yield stride.taken();
    if (!removed.has(canonicalJson(item))) left.push(item);
  }
  out[key] = left;
}

/**
 * What a patch says about something that is not there yet: objects with a directive have nothing to direct and go
 * whole, nulls have nothing to remove.
 */
function* withoutDirectives(value: Json, stride: Stride): Steps<Json> {
  if (stride.isLong(1)) yield stride.taken();
  if (Array.isArray(value)) {
    const list: Json[] = [];
    for (const item of value as readonly Json[])
      if (!isDirected(item)) list.push(yield* withoutDirectives(item, stride));
    return list;
  }
  if (!isObject(value)) return value;
  const out: Growing = {};
  for (const key of namesIn(value)) {
    const inner = value[key] as Json;
    if (inner !== null && !isDirected(inner)) define(out, key, yield* withoutDirectives(inner, stride));
  }
  return out;
}

const isDirected = (value: Json): boolean => isObject(value) && value[directiveKey] !== undefined;

function without(object: JsonObject, key: string): JsonObject {
  const { [key]: _gone, ...rest } = object;
  return rest;
}
