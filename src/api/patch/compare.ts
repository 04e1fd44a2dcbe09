import { equalJson, isObject, type Json, type JsonObject } from '../../base/json.ts';
import { emptySet, type FieldSet, leaf } from './field-set.ts';
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
  if (!out.added && !out.modified && !out.removed) return undefined;
  return { added: out.added ?? emptySet, modified: out.modified ?? emptySet, removed: out.removed ?? emptySet };
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

const someOf = (out: Collected): Differences | undefined =>
  out.added || out.modified || out.removed ? out : undefined;

function differences(shape: Shape, before: Json | undefined, after: Json | undefined): Differences | undefined {
  if (before === after) return undefined;
  if (before === undefined) return { added: everyPath(shape, after as Json) };
  if (after === undefined) return { removed: everyPath(shape, before) };
  if (shape.is === 'scalar') return equalJson(before, after) ? undefined : modifiedLeaf;
  if (shape.is === 'list') {
    const parts = shape.how !== 'atomic' && isListOrNull(before) && isListOrNull(after);
    if (parts && (lengthOf(before) > 0 || lengthOf(after) > 0)) return ofLists(shape, before ?? [], after ?? []);
    return equalJson(before, after) ? undefined : modifiedLeaf;
  }
  const parts = isObjectOrNull(before) && isObjectOrNull(after) ? partsOf(shape) : undefined;
  // Two that are empty are compared as one, so that {} and null differ.
  if (!parts || (isBare(before) && isBare(after))) return equalJson(before, after) ? undefined : modifiedLeaf;
  return ofObjects(parts, (before ?? {}) as JsonObject, (after ?? {}) as JsonObject);
}

const isListOrNull = (value: Json): value is readonly Json[] | null => value === null || Array.isArray(value);
const isObjectOrNull = (value: Json): value is JsonObject | null => value === null || isObject(value);
const lengthOf = (list: readonly Json[] | null): number => list?.length ?? 0;
function isBare(value: Json): boolean {
  for (const _ in value as object) return false;
  return true;
}

function ofObjects(
  parts: NonNullable<ReturnType<typeof partsOf>>,
  before: JsonObject,
  after: JsonObject,
): Differences | undefined {
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

function ofLists(shape: ListShape, before: readonly Json[], after: readonly Json[]): Differences | undefined {
  if (before.length === after.length && before.every((item, index) => equalJson(item, after[index]))) return undefined;
  const left = byTag(shape, before);
  const right = byTag(shape, after);
  const out: Collected = {};
  for (const [tag, items] of left) collect(out, tag, ofItems(shape.items, items, right.get(tag) ?? []));
  for (const [tag, items] of right) if (!left.has(tag)) collect(out, tag, ofItems(shape.items, [], items));
  return someOf(out);
}

/** Items with the same key are compared together, as one. */
function ofItems(shape: Shape, before: readonly Json[], after: readonly Json[]): Differences | undefined {
  if (before.length <= 1 && after.length <= 1) return differences(shape, before[0], after[0]);
  if (after.length === 0) return { removed: leaf };
  if (before.length === 0) return { added: leaf };
  return equalJson(before, after) ? undefined : modifiedLeaf;
}

function byTag(shape: ListShape, list: readonly Json[]): ReadonlyMap<string, readonly Json[]> {
  const found = new Map<string, Json[]>();
  for (const item of list) {
    const tag = itemTag(shape, item);
    if (tag === undefined) continue;
    const same = found.get(tag);
    if (same) same.push(item);
    else found.set(tag, [item]);
  }
  return found;
}

/** All paths of a value that was not there before, the containers among them. */
function everyPath(shape: Shape, value: Json): FieldSet {
  if (typeof value !== 'object' || value === null || shape.is === 'scalar') return leaf;
  const out: Growing = { '.': leaf };
  let any = false;
  if (shape.is === 'list') {
    if (!Array.isArray(value) || shape.how === 'atomic') return leaf;
    for (const item of value) {
      const tag = itemTag(shape, item);
      if (tag === undefined) continue;
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
