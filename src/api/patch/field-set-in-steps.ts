import { sortedInSteps } from '../../base/sorted-in-steps.ts';
import {
  MemberNames,
  membersIn,
  membersInBoth,
  namesIn,
  type Steps,
  Stride,
  stepMembersMax,
} from '../../base/steps.ts';
import {
  difference,
  type FieldSet,
  intersection,
  inWrittenOrder,
  isEmptySet,
  isMember,
  isSelf,
  nodeOf,
  union,
} from './field-set.ts';

type Combine = (a: FieldSet, b: FieldSet) => FieldSet;

/** What `difference` makes, for sets that may be long. */
export function differenceInSteps(a: FieldSet, b: FieldSet): Steps<FieldSet> {
  return combined(a, b, { whole: difference, combine: changedInSteps });
}

export function unionInSteps(a: FieldSet, b: FieldSet): Steps<FieldSet> {
  return combined(a, b, { whole: union, combine: unitedInSteps });
}

export function intersectionInSteps(a: FieldSet, b: FieldSet): Steps<FieldSet> {
  return combined(a, b, { whole: intersection, combine: sharedInSteps });
}

/** A set that may become long. */
export class GrowingSet {
  readonly #set: Record<string, FieldSet> = {};
  readonly #names = new MemberNames();

  has(element: string): boolean {
    return this.#set[element] !== undefined;
  }

  put(element: string, node: FieldSet): void {
    const isNew = this.#set[element] === undefined;
    this.#set[element] = node;
    if (isNew) this.#names.added(this.#set, element);
  }

  whole(): FieldSet {
    this.#names.keep(this.#set);
    return this.#set;
  }
}

/**
 * The names of an object's members as a set of them is written, where there are many: it is put together in order, and
 * not a second time for it.
 */
export function* inOrderOfSets(value: object, stride: Stride): Steps<readonly string[]> {
  const names = namesIn(value);
  return names.length < stepMembersMax ? names : yield* sortedInSteps(names, stride);
}

interface How {
  readonly whole: Combine;
  combine(a: FieldSet, b: FieldSet, stride: Stride): Steps<FieldSet>;
}

/** What is short is done as a whole. */
function* combined(a: FieldSet, b: FieldSet, { whole, combine }: How, stride = new Stride()): Steps<FieldSet> {
  const members = membersInBoth(a, b);
  if (stride.isLong(members)) yield stride.taken();
  return members < stepMembersMax ? whole(a, b) : yield* combine(a, b, stride);
}

function* changedInSteps(a: FieldSet, b: FieldSet, stride: Stride): Steps<FieldSet> {
  const touched = new Map<string, FieldSet | undefined>();
  for (const element of namesIn(b)) {
    if (stride.isLong(1)) yield stride.taken();
    const left = a[element];
    const right = b[element] as FieldSet;
    if (left === undefined || isSelf(element)) continue;
    const below = yield* combined(left, right, { whole: difference, combine: changedInSteps }, stride);
    const was = isMember(left);
    const member = was && !isMember(right);
    const next = below === left && member === was ? left : nodeOf(below, member);
    if (next !== left) touched.set(element, next);
  }
  if (touched.size === 0) return a;
  const out = new GrowingSet();
  for (const element of namesIn(a)) {
    if (stride.isLong(1)) yield stride.taken();
    const next = touched.has(element) ? touched.get(element) : a[element];
    if (next !== undefined) out.put(element, next);
  }
  return out.whole();
}

function* unitedInSteps(a: FieldSet, b: FieldSet, stride: Stride): Steps<FieldSet> {
  if (isEmptySet(a)) return b;
  const found = new Map<string, FieldSet>();
  for (const element of namesIn(b)) {
    if (stride.isLong(1)) yield stride.taken();
    const left = a[element];
    const right = b[element] as FieldSet;
    if (left === undefined) found.set(element, right);
    else if (!isSelf(element) && left !== right) found.set(element, yield* unionOfNodesInSteps(left, right, stride));
  }
  let isSame = true;
  const out = new GrowingSet();
  for (const element of namesIn(a)) {
    if (stride.isLong(1)) yield stride.taken();
    const next = found.get(element) ?? (a[element] as FieldSet);
    isSame &&= next === a[element];
    out.put(element, next);
    found.delete(element);
  }
  if (isSame && found.size === 0) return a;
  for (const [element, node] of found) {
    if (stride.isLong(1)) yield stride.taken();
    out.put(element, node);
  }
  return out.whole();
}

function* unionOfNodesInSteps(left: FieldSet, right: FieldSet, stride: Stride): Steps<FieldSet> {
  if (isEmptySet(left)) return isEmptySet(right) ? left : (nodeOf(right, true) as FieldSet);
  const below = yield* combined(left, right, { whole: union, combine: unitedInSteps }, stride);
  const member = isMember(left) || isMember(right);
  return below === left && member === isMember(left) ? left : (nodeOf(below, member) as FieldSet);
}

function* sharedInSteps(a: FieldSet, b: FieldSet, stride: Stride): Steps<FieldSet> {
  const out = new GrowingSet();
  for (const element of namesIn(b)) {
    if (stride.isLong(1)) yield stride.taken();
    const left = a[element];
    const right = b[element] as FieldSet;
    if (left === undefined || isSelf(element)) continue;
    const below =
      left === right ? left : yield* combined(left, right, { whole: intersection, combine: sharedInSteps }, stride);
    const both = left === right ? left : nodeOf(below, isMember(left) && isMember(right));
    if (both !== undefined) out.put(element, both);
  }
  return out.whole();
}

/** What `inWrittenOrder` makes, for sets that may be long. */
export function* inWrittenOrderInSteps(set: FieldSet, stride: Stride = new Stride()): Steps<FieldSet> {
  const members = membersIn(set);
  if (stride.isLong(members)) yield stride.taken();
  if (members < stepMembersMax) return inWrittenOrder(set);
  const names = namesIn(set);
  let moved = false;
  const parts = new Map<string, FieldSet>();
  for (let index = 0; index < names.length; index++) {
    const name = names[index] as string;
    moved ||= index > 0 && (names[index - 1] as string) > name;
    const before = set[name] as FieldSet;
    const after = yield* inWrittenOrderInSteps(before, stride);
    if (after === before) continue;
    moved = true;
    parts.set(name, after);
  }
  if (!moved) return set;
  const ordered = new GrowingSet();
  for (const name of yield* sortedInSteps(names, stride)) {
    if (stride.isLong(1)) yield stride.taken();
    ordered.put(name, parts.get(name) ?? (set[name] as FieldSet));
  }
  return ordered.whole();
}
