import { isObject, type Json, type JsonObject } from '../../base/json.ts';
import { namedAs, namesIn, type Steps, Stride } from '../../base/steps.ts';
import { below, emptySet, type FieldSet, isMember, leaf, nodeOf } from './field-set.ts';
import { GrowingSet, inOrderOfSets } from './field-set-in-steps.ts';
import { define } from './merge.ts';
import { itemTag, type ListShape, partsOf, type Shape } from './shape.ts';

type Growing = Record<string, FieldSet>;

/** The fields that an applied configuration speaks about: values, not the containers that lead to them. */
export function* fieldsOf(shape: Shape, config: JsonObject, ignored: ReadonlySet<string>): Steps<FieldSet> {
  const counted = Object.fromEntries(Object.entries(config).filter(([name]) => !ignored.has(name)));
  return (yield* spokenOf(shape, counted, new Stride())) ?? emptySet;
}

function* spokenOf(shape: Shape, value: Json, stride: Stride): Steps<FieldSet | undefined> {
  if (shape.is === 'list') return shape.how === 'atomic' ? leaf : yield* itemsSpokenOf(shape, value, stride);
  const parts = partsOf(shape);
  if (!parts || (shape.is === 'deduced' && !isObject(value))) return leaf;
  if (!isObject(value)) return undefined;
  const out = new GrowingSet();
  for (const name of yield* inOrderOfSets(value, stride)) {
    if (stride.isLong(1)) yield stride.taken();
    const inner = value[name];
    const member = inner === undefined ? undefined : parts(name);
    if (!member) continue;
    // Keys of a map are owned themselves; fields of a struct only where they hold a value, be it an empty one.
    const owned =
      shape.is !== 'struct' || member.isKey || inner === null || (isObject(inner) && Object.keys(inner).length === 0);
    const spoken = yield* spokenOf(member.shape, inner as Json, stride);
    const node = spoken === leaf ? leaf : nodeOf(spoken, owned);
    if (node) out.put(member.tag, node);
  }
  return nodeOf(out.whole(), false);
}

function* itemsSpokenOf(shape: ListShape, value: Json, stride: Stride): Steps<FieldSet | undefined> {
  if (!Array.isArray(value)) return undefined;
  const out = new GrowingSet();
  for (const item of value as readonly Json[]) {
    if (stride.isLong(2)) yield stride.taken();
    const tag = itemTag(shape, item);
    if (tag === undefined) continue;
    out.put(tag, out.has(tag) ? leaf : (nodeOf(yield* spokenOf(shape.items, item, stride), true) as FieldSet));
  }
  return nodeOf(out.whole(), false);
}

/** The set with every field of a struct that something below it is in the set of; the very same where all are. */
export function* withNamedFields(shape: Shape, set: FieldSet, stride: Stride = new Stride()): Steps<FieldSet> {
  const named = new Map<string, FieldSet>();
  for (const element of namesIn(set)) {
    if (stride.isLong(1)) yield stride.taken();
    const inner = shapeBelow(shape, element);
    if (!inner) continue;
    const node = set[element] as FieldSet;
    const deeper = yield* withNamedFields(inner, node, stride);
    const next = nodeOf(deeper, isMember(node) || isNamed(shape, element)) as FieldSet;
    if (next !== node) named.set(element, next);
  }
  if (named.size === 0) return set;
  const out: Growing = {};
  for (const element of namesIn(set)) {
    if (stride.isLong(1)) yield stride.taken();
    out[element] = named.get(element) ?? (set[element] as FieldSet);
  }
  namedAs(out, set);
  return out;
}

const isNamed = (shape: Shape, element: string): boolean =>
  shape.is === 'struct' && element.startsWith('f:') && !shape.member(element.slice(2))?.isKey;

/** The shape of what a path element leads to, where it leads anywhere. */
export function shapeBelow(shape: Shape, element: string): Shape | undefined {
  if (shape.is === 'list') return shape.how === 'atomic' ? undefined : shape.items;
  return element.startsWith('f:') ? partsOf(shape)?.(element.slice(2))?.shape : undefined;
}

/** The value without what the set names. What is left empty by that becomes null. */
export function* withoutFields(shape: Shape, value: Json, set: FieldSet, stride: Stride = new Stride()): Steps<Json> {
  if (shape.is === 'list') {
    if (shape.how === 'atomic' || !Array.isArray(value)) return value;
    const kept = yield* itemsLeft(shape, value, set, stride);
    return kept.length > 0 ? kept : null;
  }
  const parts = partsOf(shape);
  if (!parts || !isObject(value)) return value;
  const out: Record<string, Json> = {};
  let any = false;
  for (const name of namesIn(value)) {
    if (stride.isLong(1)) yield stride.taken();
    const inner = value[name];
    if (inner === undefined) continue;
    const member = parts(name);
    const named = member && below(set, member.tag);
    if (named?.member) continue;
    define(out, name, named ? yield* withoutFields(member.shape, inner, named.node, stride) : inner);
    any = true;
  }
  return any ? out : null;
}

function* itemsLeft(shape: ListShape, items: readonly Json[], set: FieldSet, stride: Stride): Steps<readonly Json[]> {
  const out: Json[] = [];
  for (const item of items) {
    if (stride.isLong(2)) yield stride.taken();
    const tag = itemTag(shape, item);
    const named = tag === undefined ? undefined : below(set, tag);
    if (!named) out.push(item);
    else if (!named.member) out.push(yield* withoutFields(shape.items, item, named.node, stride));
  }
  return out;
}
