import { equalJson, equalJsonInSteps, isObject, type Json, type JsonObject } from '../../base/json.ts';
import {
  isLarge,
  isListed,
  membersIn,
  membersInBoth,
  namesIn,
  type Steps,
  Stride,
  stepMembersMax,
} from '../../base/steps.ts';
import { ApiError } from '../error.ts';
import { emptySet, type FieldSet, leaf } from './field-set.ts';
import { GrowingSet, inOrderOfSets } from './field-set-in-steps.ts';
import { itemTag, type ListShape, partsOf, type Shape, type StructShape } from './shape.ts';

/** Which fields differ between two objects. */
export interface Comparison {
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}
type Growing = Record<string, FieldSet>;
interface Differences {
  added?: FieldSet;
  modified?: FieldSet;
  removed?: FieldSet;
}

const modifiedLeaf: Differences = { modified: leaf };

/** Undefined when nothing differs. `ignored` are top-level fields that do not count, such as status. */
export function compare(
  shape: StructShape,
  before: JsonObject,
  after: JsonObject,
  ignored: ReadonlySet<string>,
): Comparison | undefined {
  const out: Collected = {};
  for (const name in before) {
    if (ignored.has(name)) continue;
    const member = shape.member(name);
    if (member) collect(out, member.tag, differences(member.shape, before[name], after[name]));
  }
  for (const name in after) {
    if (ignored.has(name) || before[name] !== undefined) continue;
    const member = shape.member(name);
    if (member) collect(out, member.tag, differences(member.shape, undefined, after[name]));
  }
  return comparisonOf(out);
}

/** The same for objects that may be long. */
export function* compareInSteps(
  shape: StructShape,
  before: JsonObject,
  after: JsonObject,
  ignored: ReadonlySet<string>,
): Steps<Comparison | undefined> {
  if (!isLarge(before) && !isLarge(after)) return compare(shape, before, after, ignored);
  const parts = (name: string) => (ignored.has(name) ? undefined : shape.member(name));
  return comparisonOf(yield* ofObjectsInSteps(parts, before, after, new Stride()));
}

function comparisonOf(found: Differences | undefined): Comparison | undefined {
  if (!found?.added && !found?.modified && !found?.removed) return undefined;
  return { added: found.added ?? emptySet, modified: found.modified ?? emptySet, removed: found.removed ?? emptySet };
}

interface Collected {
  added?: Growing;
  modified?: Growing;
  removed?: Growing;
}

function collect(out: Collected, tag: string, found: Differences | undefined): void {
  if (!found) return;
  if (found.added) {
    out.added ??= {};
    out.added[tag] = found.added;
  }
  if (found.modified) {
    out.modified ??= {};
    out.modified[tag] = found.modified;
  }
  if (found.removed) {
    out.removed ??= {};
    out.removed[tag] = found.removed;
  }
}

/** The same of what may be long. */
class LongDifferences {
  readonly #sets: Partial<Record<keyof Differences, GrowingSet>> = {};

  put(tag: string, found: Differences | undefined): void {
    if (!found) return;
    for (const part of differing) {
      const node = found[part];
      if (!node) continue;
      this.#sets[part] ??= new GrowingSet();
      this.#sets[part].put(tag, node);
    }
  }

  whole(): Differences | undefined {
    const { added, modified, removed } = this.#sets;
    if (!added && !modified && !removed) return undefined;
    return {
      ...(added ? { added: added.whole() } : {}),
      ...(modified ? { modified: modified.whole() } : {}),
      ...(removed ? { removed: removed.whole() } : {}),
    };
  }
}
const differing = ['added', 'modified', 'removed'] as const;

const someOf = (out: Collected): Differences | undefined =>
  out.added || out.modified || out.removed ? out : undefined;

function differences(shape: Shape, before: Json | undefined, after: Json | undefined): Differences | undefined {
  if (before === after) return undefined;
  if (before === undefined) return { added: everyPath(shape, after as Json) };
  if (after === undefined) return { removed: everyPath(shape, before) };
  if (hasItems(shape, before, after)) return ofLists(shape, listOf(before), listOf(after));
  if (isOtherSort(shape, before, after)) return ofSorts(everyPath(shape, before), everyPath(shape, after));
  const parts = partsWithin(shape, before, after);
  if (!parts) return equalJson(before, after) ? undefined : modifiedLeaf;
  return ofObjects(parts, (before ?? {}) as JsonObject, (after ?? {}) as JsonObject);
}

function* differencesInSteps(
  shape: Shape,
  before: Json | undefined,
  after: Json | undefined,
  stride: Stride,
): Steps<Differences | undefined> {
  if (before === after) return undefined;
  const members = membersInBoth(before, after);
  if (stride.isLong(members)) yield stride.taken();
  if (members < stepMembersMax) return differences(shape, before, after);
  if (before === undefined) return { added: yield* everyPathInSteps(shape, after as Json, stride) };
  if (after === undefined) return { removed: yield* everyPathInSteps(shape, before, stride) };
  if (hasItems(shape, before, after)) return yield* ofListsInSteps(shape, listOf(before), listOf(after), stride);
  if (isOtherSort(shape, before, after)) {
    const gone = yield* everyPathInSteps(shape, before, stride);
    return ofSorts(gone, yield* everyPathInSteps(shape, after, stride));
  }
  const parts = partsWithin(shape, before, after);
  if (!parts) return (yield* equalJsonInSteps(before, after, stride)) ? undefined : modifiedLeaf;
  return yield* ofObjectsInSteps(parts, (before ?? {}) as JsonObject, (after ?? {}) as JsonObject, stride);
}

/** Any JSON that became JSON of another sort: an object, or something that has no members. */
const isOtherSort = (shape: Shape, before: Json, after: Json): boolean =>
  shape.is === 'deduced' && before !== null && after !== null && isObject(before) !== isObject(after);

/** It is there before and after, and is another; what the one contained went, and what the other contains came. */
function ofSorts(before: FieldSet, after: FieldSet): Differences {
  const [removed, added] = [inside(before), inside(after)];
  return { modified: leaf, ...(removed ? { removed } : {}), ...(added ? { added } : {}) };
}

function inside(set: FieldSet): FieldSet | undefined {
  const { '.': _itself, ...members } = set;
  return isBare(members) ? undefined : members;
}

/** Whether they are lists whose items are compared one by one. */
function hasItems(shape: Shape, before: Json, after: Json): shape is ListShape {
  if (shape.is !== 'list' || shape.how === 'atomic' || !isListOrNull(before) || !isListOrNull(after)) return false;
  return lengthOf(before) > 0 || lengthOf(after) > 0;
}

/** What their members are, where these are compared one by one. */
function partsWithin(shape: Shape, before: Json, after: Json): Parts | undefined {
  if (shape.is === 'scalar' || shape.is === 'list' || !isObjectOrNull(before) || !isObjectOrNull(after)) {
    return undefined;
  }
  const parts = partsOf(shape);
  // Two that are empty are compared as one, so that {} and null differ.
  return parts && isBare(before) && isBare(after) ? undefined : parts;
}

type Parts = NonNullable<ReturnType<typeof partsOf>>;
const listOf = (value: Json): readonly Json[] => (value ?? []) as readonly Json[];

const isListOrNull = (value: Json): value is readonly Json[] | null => value === null || Array.isArray(value);
const isObjectOrNull = (value: Json): value is JsonObject | null => value === null || isObject(value);
const lengthOf = (list: readonly Json[] | null): number => list?.length ?? 0;
function isBare(value: Json): boolean {
  if (value !== null && isListed(value as object)) return false;
  for (const _ in value as object) return false;
  return true;
}

function ofObjects(parts: Parts, before: JsonObject, after: JsonObject): Differences | undefined {
  const out: Collected = {};
  for (const name in before) {
    const left = before[name];
    const right = after[name];
    if (left === right) continue;
    const member = parts(name);
    if (member) collect(out, member.tag, differences(member.shape, left, right));
  }
  for (const name in after) {
    if (before[name] !== undefined) continue;
    const member = parts(name);
    if (member) collect(out, member.tag, differences(member.shape, undefined, after[name]));
  }
  return someOf(out);
}

function* ofObjectsInSteps(
  parts: Parts,
  before: JsonObject,
  after: JsonObject,
  stride: Stride,
): Steps<Differences | undefined> {
  const out = new LongDifferences();
  for (const name of namesIn(before)) {
    if (stride.isLong(1)) yield stride.taken();
    const left = before[name];
    const right = after[name];
    if (left === right) continue;
    const member = parts(name);
    if (member) out.put(member.tag, yield* differencesInSteps(member.shape, left, right, stride));
  }
  for (const name of namesIn(after)) {
    if (stride.isLong(1)) yield stride.taken();
    if (before[name] !== undefined) continue;
    const member = parts(name);
    if (member) out.put(member.tag, yield* differencesInSteps(member.shape, undefined, after[name], stride));
  }
  return out.whole();
}

function ofLists(shape: ListShape, before: readonly Json[], after: readonly Json[]): Differences | undefined {
  if (before.length === after.length && before.every((item, index) => equalJson(item, after[index]))) return undefined;
  const left = byTag(shape, before);
  const right = byTag(shape, after);
  const out: Collected = {};
  for (const [tag, items] of left) collect(out, tag, ofItems(shape.items, items, right.get(tag) ?? []));
  for (const [tag, items] of right) if (!left.has(tag)) collect(out, tag, ofItems(shape.items, [], items));
  return someOf(out);
}

function* ofListsInSteps(
  shape: ListShape,
  before: readonly Json[],
  after: readonly Json[],
  stride: Stride,
): Steps<Differences | undefined> {
  if (yield* equalJsonInSteps(before, after, stride)) return undefined;
  const left = yield* byTagInSteps(shape, before, stride);
  const right = yield* byTagInSteps(shape, after, stride);
  const out = new LongDifferences();
  for (const [tag, items] of left) {
    const others = right.get(tag) ?? [];
    out.put(tag, yield* ofItemsInSteps(shape.items, items, others, stride));
  }
  for (const [tag, items] of right) {
    if (stride.isLong(1)) yield stride.taken();
    if (!left.has(tag)) out.put(tag, yield* ofItemsInSteps(shape.items, [], items, stride));
  }
  return out.whole();
}

/** Items with the same key are compared together, as one of which nobody knows what is in it. */
function ofItems(shape: Shape, before: readonly Json[], after: readonly Json[]): Differences | undefined {
  if (before.length <= 1 && after.length <= 1) return differences(shape, before[0], after[0]);
  if (before.length > 1 && after.length > 1) return equalJson(before, after) ? undefined : modifiedLeaf;
  const out: Differences = {};
  if (before.length > 0) out.removed = pathsOfItems(shape, before);
  if (after.length > 0) out.added = pathsOfItems(shape, after);
  return out;
}

const pathsOfItems = (shape: Shape, items: readonly Json[]): FieldSet =>
  items.length > 1 ? leaf : everyPath(shape, items[0] as Json);

function* ofItemsInSteps(
  shape: Shape,
  before: readonly Json[],
  after: readonly Json[],
  stride: Stride,
): Steps<Differences | undefined> {
  if (before.length <= 1 && after.length <= 1) {
    return yield* differencesInSteps(shape, before[0], after[0], stride);
  }
  if (before.length > 1 && after.length > 1) {
    return (yield* equalJsonInSteps(before, after, stride)) ? undefined : modifiedLeaf;
  }
  const out: Differences = {};
  if (before.length > 0) out.removed = yield* pathsOfItemsInSteps(shape, before, stride);
  if (after.length > 0) out.added = yield* pathsOfItemsInSteps(shape, after, stride);
  return out;
}

function* pathsOfItemsInSteps(shape: Shape, items: readonly Json[], stride: Stride): Steps<FieldSet> {
  return items.length > 1 ? leaf : yield* everyPathInSteps(shape, items[0] as Json, stride);
}

function byTag(shape: ListShape, list: readonly Json[]): ReadonlyMap<string, readonly Json[]> {
  const found = new Map<string, Json[]>();
  for (const item of list) addByTag(found, shape, item);
  return found;
}

function* byTagInSteps(
  shape: ListShape,
  list: readonly Json[],
  stride: Stride,
): Steps<ReadonlyMap<string, readonly Json[]>> {
  const found = new Map<string, Json[]>();
  for (const item of list) {
    addByTag(found, shape, item);
    if (stride.isLong(2)) yield stride.taken();
  }
  return found;
}

function addByTag(found: Map<string, Json[]>, shape: ListShape, item: Json): void {
  const tag = tagOf(shape, item);
  const same = found.get(tag);
  if (same) same.push(item);
  else found.set(tag, [item]);
}

/** An item without the key by which it is told from others: fields of such an object cannot be followed. */
export class ItemWithoutKey extends ApiError {
  constructor({ keys }: ListShape) {
    super('BadRequest', `an item of a list has no ${keys.map(({ name }) => `"${name}"`).join(' and ')} to tell it by`);
  }
}

function tagOf(shape: ListShape, item: Json): string {
  const tag = itemTag(shape, item);
  if (tag === undefined) throw new ItemWithoutKey(shape);
  return tag;
}

/** All paths of a value that was not there before, the containers among them. */
function everyPath(shape: Shape, value: Json): FieldSet {
  if (typeof value !== 'object' || value === null || shape.is === 'scalar') return leaf;
  const out: Growing = { '.': leaf };
  let any = false;
  if (shape.is === 'list') {
    if (!Array.isArray(value) || shape.how === 'atomic') return leaf;
    for (const item of value) {
      const tag = tagOf(shape, item);
      out[tag] = out[tag] ? leaf : everyPath(shape.items, item);
      any = true;
    }
    return any ? out : leaf;
  }
  const parts = partsOf(shape);
  if (!parts || Array.isArray(value)) return leaf;
  for (const name in value) {
    const inner = (value as JsonObject)[name];
    const member = inner === undefined ? undefined : parts(name);
    if (!member) continue;
    out[member.tag] = everyPath(member.shape, inner as Json);
    any = true;
  }
  return any ? out : leaf;
}

function* everyPathInSteps(shape: Shape, value: Json, stride: Stride): Steps<FieldSet> {
  const members = membersIn(value);
  if (stride.isLong(members)) yield stride.taken();
  if (members < stepMembersMax) return everyPath(shape, value);
  if (typeof value !== 'object' || value === null || shape.is === 'scalar') return leaf;
  const out = new GrowingSet();
  out.put('.', leaf);
  let any = false;
  if (shape.is === 'list') {
    if (!Array.isArray(value) || shape.how === 'atomic') return leaf;
    for (const item of value as readonly Json[]) {
      const tag = tagOf(shape, item);
      out.put(tag, out.has(tag) ? leaf : yield* everyPathInSteps(shape.items, item, stride));
      any = true;
    }
    return any ? out.whole() : leaf;
  }
  const parts = partsOf(shape);
  if (!parts || Array.isArray(value)) return leaf;
  for (const name of yield* inOrderOfSets(value, stride)) {
    const inner = (value as JsonObject)[name];
    const member = inner === undefined ? undefined : parts(name);
    if (!member) continue;
    out.put(member.tag, yield* everyPathInSteps(member.shape, inner as Json, stride));
    any = true;
  }
  return any ? out.whole() : leaf;
}
