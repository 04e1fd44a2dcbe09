import { canonicalJson, isObject, type Json } from '../../base/json.ts';
import { isListed, namedAs, namesIn, type Steps, Stride } from '../../base/steps.ts';
import { compareText } from '../../base/text.ts';

/**
 * A set of field paths in the form in which it is stored and sent (fieldsV1): each path element is a member, what lies
 * below it is its value. An element without anything below is in the set itself; one with something below is when it
 * also has the member `.`. Sets are never changed in place, and an operation that changes nothing answers the same set.
 *
 * Elements: `f:name` a field or map key, `k:{"name":"a"}` a list item by its keys, `v:1` a list item by its value,
 * `i:0` a list item by its index.
 */
export interface FieldSet {
  readonly [element: string]: FieldSet;
}
type Growing = Record<string, FieldSet>;

/** A path that is in the set and has nothing below. */
export const leaf: FieldSet = Object.freeze({});
export const emptySet: FieldSet = Object.freeze({});
const self = '.';
export const isSelf = (element: string): boolean => element === self;

export const fieldTag = (name: string): string => `f:${name}`;
export const valueTag = (value: Json): string => `v:${canonicalJson(value)}`;

export function isEmptySet(set: FieldSet): boolean {
  if (set === leaf) return true;
  // The platform lists all names for whoever asks for the first.
  if (isListed(set)) return false;
  for (const _ in set) return false;
  return true;
}

/** Whether the path that leads to this node is in the set itself. */
export function isMember(node: FieldSet): boolean {
  return node[self] !== undefined || isEmptySet(node);
}

function hasBelow(node: FieldSet): boolean {
  if (isListed(node)) return true;
  for (const element in node) if (element !== self) return true;
  return false;
}

/** A node with this below it, itself in the set or not; undefined when neither. */
export function nodeOf(below: FieldSet | undefined, member: boolean): FieldSet | undefined {
  if (below === undefined || !hasBelow(below)) return member ? leaf : undefined;
  if ((below[self] !== undefined) === member) return below;
  if (member) return { [self]: leaf, ...below };
  const { [self]: _self, ...rest } = below;
  return rest;
}

/** `a` with its elements replaced by what `change` makes of those that `b` has too. */
function changed(
  a: FieldSet,
  b: FieldSet,
  change: (left: FieldSet, right: FieldSet) => FieldSet | undefined,
): FieldSet {
  let touched: Map<string, FieldSet | undefined> | undefined;
  for (const element in b) {
    const left = a[element];
    if (left === undefined || element === self) continue;
    const next = change(left, b[element] as FieldSet);
    if (next === left) continue;
    touched ??= new Map();
    touched.set(element, next);
  }
  if (!touched) return a;
  const out: Growing = {};
  for (const element in a) {
    const next = touched.has(element) ? touched.get(element) : a[element];
    if (next !== undefined) out[element] = next;
  }
  return out;
}

export function difference(a: FieldSet, b: FieldSet): FieldSet {
  return changed(a, b, (left, right) => {
    const below = difference(left, right);
    const was = isMember(left);
    const member = was && !isMember(right);
    return below === left && member === was ? left : nodeOf(below, member);
  });
}

/** Without a field and all below it. */
export function withoutPath(set: FieldSet, path: readonly string[]): FieldSet {
  const [first = '', ...rest] = path;
  const { [fieldTag(first)]: node, ...others } = set;
  if (node === undefined) return set;
  const kept = rest.length === 0 ? undefined : nodeOf(withoutPath(node, rest), isMember(node));
  return kept === undefined ? others : { ...set, [fieldTag(first)]: kept };
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmptySet(a)) return b;
  let out: Growing | undefined;
  for (const element in b) {
    const right = b[element] as FieldSet;
    const left = a[element];
    const next = left === undefined || element === self ? right : unionOfNodes(left, right);
    if (next === left || (element === self && left !== undefined)) continue;
    out ??= { ...a };
    out[element] = next;
  }
  return out ?? a;
}

function unionOfNodes(left: FieldSet, right: FieldSet): FieldSet {
  if (left === right) return left;
  if (isEmptySet(left)) return isEmptySet(right) ? left : (nodeOf(right, true) as FieldSet);
  const below = union(left, right);
  const member = isMember(left) || isMember(right);
  return below === left && member === isMember(left) ? left : (nodeOf(below, member) as FieldSet);
}

export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  const out: Growing = {};
  for (const element in b) {
    const left = a[element];
    const right = b[element] as FieldSet;
    if (left === undefined || element === self) continue;
    const both = left === right ? left : nodeOf(intersection(left, right), isMember(left) && isMember(right));
    if (both !== undefined) out[element] = both;
  }
  return out;
}

/** The node below an element, and whether the element itself is in the set. */
export function below(
  set: FieldSet,
  element: string,
): { readonly node: FieldSet; readonly member: boolean } | undefined {
  const node = set[element];
  return node === undefined ? undefined : { node, member: isMember(node) };
}

/** Every path in the set as a text such as `.spec.containers[name="app"].image`, as messages name it. */
export function* pathTexts(set: FieldSet): Steps<readonly string[]> {
  const found: string[] = [];
  yield* collect(set, '', found, new Stride());
  return found;
}

function* collect(set: FieldSet, prefix: string, found: string[], stride: Stride): Steps<void> {
  const elements = Object.keys(set).filter((element) => element !== self);
  elements.sort(compareText);
  // What is in the set itself comes before what lies deeper.
  for (const element of elements) {
    if (stride.isLong(1)) yield stride.taken();
    if (isMember(set[element] as FieldSet)) found.push(prefix + elementText(element));
  }
  for (const element of elements) {
    yield* collect(set[element] as FieldSet, prefix + elementText(element), found, stride);
  }
}

export function elementText(element: string): string {
  const value = element.slice(2);
  switch (element[0]) {
    case 'f':
      return `.${value}`;
    case 'v':
      return `[=${value}]`;
    case 'k': {
      const keys = JSON.parse(value) as Record<string, Json>;
      const pairs = Object.keys(keys)
        .sort(compareText)
        .map((name) => `${name}=${JSON.stringify(keys[name])}`);
      return `[${pairs.join(',')}]`;
    }
    default:
      return `[${value}]`;
  }
}

/** A set that somebody sent, with its elements in canonical form; undefined when it is none. Unknown elements go. */
export function* readFieldSet(value: unknown, stride: Stride = new Stride()): Steps<FieldSet | undefined> {
  if (!isObject(value)) return undefined;
  const out: Growing = {};
  let isSame = true;
  for (const element of namesIn(value)) {
    if (stride.isLong(1)) yield stride.taken();
    if (element === self) {
      out[self] = leaf;
      continue;
    }
    const node = yield* readFieldSet(value[element], stride);
    const canonical = canonicalElement(element);
    if (node === undefined || canonical === undefined) return undefined;
    if (canonical !== '') out[canonical] = node;
    isSame &&= canonical === element;
  }
  if (isSame) namedAs(out, value);
  return isEmptySet(out) ? leaf : out;
}

/** '' for an element of a sort that is not known, undefined for one that is broken. */
function canonicalElement(element: string): string | undefined {
  const sort = element.slice(0, 2);
  if (sort === 'f:') return element;
  if (sort === 'i:') return /^i:-?\d+$/.test(element) ? element : undefined;
  if (sort !== 'k:' && sort !== 'v:') return element[1] === ':' ? '' : undefined;
  try {
    const value = JSON.parse(element.slice(2)) as Json;
    return sort === 'k:' && !isObject(value) ? undefined : sort + canonicalJson(value);
  } catch {
    return undefined;
  }
}

/** The same set with its elements as upstream writes them: clients compare the text. */
export function inWrittenOrder(set: FieldSet): FieldSet {
  // Most are: nothing is looked through for them.
  if (set === leaf || set === emptySet) return set;
  const names = Object.keys(set);
  let moved = names.some((name, index) => index > 0 && (names[index - 1] as string) > name);
  const parts = new Map<string, FieldSet>();
  for (const name of names) {
    const before = set[name] as FieldSet;
    const after = inWrittenOrder(before);
    moved ||= after !== before;
    if (after !== before) parts.set(name, after);
  }
  if (!moved) return set;
  const ordered: Record<string, FieldSet> = {};
  for (const name of names.sort()) ordered[name] = parts.get(name) ?? (set[name] as FieldSet);
  return ordered;
}
