import { equalJsonInSteps, type JsonObject } from '../../base/json.ts';
import { finish, isLarge, type Steps } from '../../base/steps.ts';
import { compareText } from '../../base/text.ts';
import type { FieldPath } from '../kind.ts';
import type { KubeObject, ManagedFields } from '../object.ts';
import { type Comparison, compareInSteps, ItemWithoutKey } from './compare.ts';
import { emptySet, type FieldSet, isEmptySet, leaf, readFieldSet, withoutPath } from './field-set.ts';
import { differenceInSteps, inWrittenOrderInSteps, unionInSteps } from './field-set-in-steps.ts';
import type { RecentSets } from './recent-sets.ts';
import { reconciled } from './reconcile.ts';
import type { StructShape } from './shape.ts';

/** What is known about the objects whose fields are followed. */
export interface Followed {
  readonly apiVersion: string;
  readonly kind: string;
  readonly shape: StructShape;
  /** What an object of the kind is before anything is said about it. */
  readonly empty: JsonObject;
  /** '' for the main resource. */
  readonly subresource: string;
  /** Top-level fields that this resource cannot write, so that nobody gets to own them through it. */
  readonly ignored: ReadonlySet<string>;
  /** What lies deeper and cannot be written through it either. */
  readonly reset: readonly FieldPath[];
  /** The same object as another version shows it; undefined where that version is not served. */
  readonly versioned: (apiVersion: string) => VersionView | undefined;
  /** Whether the shape may have changed since the owners were written: custom kinds change at run time. */
  readonly changeable?: boolean;
  /** What other objects of the kind are owned by as well. */
  readonly recent: RecentSets;
}
export interface VersionView {
  readonly shape: StructShape;
  /** From the version of the request to this one, and back. */
  to(object: JsonObject): JsonObject;
  from(object: JsonObject): JsonObject;
}
/** Who writes, and when. */
export interface Write {
  readonly manager: string;
  /** In whole seconds, as `time` is written. */
  readonly time: string;
}

export type Operation = 'Apply' | 'Update';
/** One owner: who, through what, in which version, and what. */
export interface Entry {
  readonly manager: string;
  readonly operation: Operation;
  readonly apiVersion: string;
  readonly subresource: string;
  readonly time: string | undefined;
  readonly set: FieldSet;
  /** As it was read: kept as it is while nothing of it changes. */
  readonly stored?: ManagedFields;
}

const fieldsType = 'FieldsV1';
/** More owners by update than this are merged into one per version, the oldest first. */
const updateManagersMax = 10;
const oldUpdatesManager = 'ancient-changes';
/** Fields that nobody owns: identity, and what the server alone writes. */
const unowned: FieldSet = {
  'f:apiVersion': leaf,
  'f:kind': leaf,
  'f:metadata': {
    '.': leaf,
    'f:name': leaf,
    'f:namespace': leaf,
    'f:creationTimestamp': leaf,
    'f:selfLink': leaf,
    'f:uid': leaf,
    'f:clusterName': leaf,
    'f:generation': leaf,
    'f:managedFields': leaf,
    'f:resourceVersion': leaf,
  },
};

export const withoutUnowned = (set: FieldSet): Steps<FieldSet> => differenceInSteps(set, unowned);

/** What a write through this resource changes, as a version shows it. */
export function* changedIn(
  { ignored, reset }: Followed,
  shape: StructShape,
  before: JsonObject,
  after: JsonObject,
): Steps<Comparison | undefined> {
  const changes = yield* compareInSteps(shape, before, after, ignored);
  if (!changes || reset.length === 0) return changes;
  const left = (set: FieldSet) => reset.reduce(withoutPath, set);
  return { modified: left(changes.modified), added: left(changes.added), removed: left(changes.removed) };
}

/**
 * The managed fields of an object after a create or update that is not an apply. Undefined where nobody follows its
 * fields: they are only followed from the first apply on once somebody reset them.
 */
export function* managedAfterUpdate(
  followed: Followed,
  live: KubeObject | undefined,
  next: KubeObject,
  write: Write,
): Steps<readonly ManagedFields[] | undefined> {
  // To look for one like it takes as long as it is.
  const isPlain = !live && !next.metadata.managedFields && !isLarge(next);
  const alike = isPlain ? followed.recent.alike(followed, next, write) : undefined;
  if (alike) return alike;
  const given = yield* givenFields(followed, live, next);
  const entries = given && (yield* readEntries(given, followed));
  if (live && (!entries || entries.length === 0)) return undefined;
  const before = live ? comparable(live) : followed.empty;
  const after = comparable(next);
  const changes = yield* changesOf(followed, before, after);
  if (changes === 'untold') return undefined;
  if (!changes) return given;
  const owners = capped(yield* owned(followed, entries ?? [], { before, after, changes }, write));
  const made = yield* written(followed, owners);
  if (isPlain) followed.recent.remember({ object: next, write, made });
  return made;
}

/** What nobody can tell apart has no owners, and with it the whole object has none. */
function* changesOf(
  followed: Followed,
  before: JsonObject,
  after: JsonObject,
): Steps<Comparison | undefined | 'untold'> {
  try {
    return yield* changedIn(followed, followed.shape, before, after);
  } catch (error) {
    if (error instanceof ItemWithoutKey) return 'untold';
    throw error;
  }
}

const comparable = (object: KubeObject): JsonObject => {
  const { managedFields: _managed, ...metadata } = object.metadata;
  return { ...object, metadata } as unknown as JsonObject;
};

/** Clients may send the fields back changed; who sends none, or through a subresource, leaves them as they are. */
function* givenFields(
  followed: Followed,
  live: KubeObject | undefined,
  next: KubeObject,
): Steps<readonly ManagedFields[] | undefined> {
  const kept = live?.metadata.managedFields;
  const asked = next.metadata.managedFields;
  if (followed.subresource !== '' || asked === kept) return kept;
  if (!asked || asked.length === 0) return kept;
  // A list with one empty entry is how a client resets them.
  if (asked.length === 1 && Object.keys(asked[0] as object).length === 0) return undefined;
  if (yield* equalJsonInSteps(asked, kept)) return kept;
  for (const entry of asked) {
    if (entry.fieldsType !== fieldsType || !(yield* readFieldSet(entry.fieldsV1 ?? {}))) return kept;
  }
  return asked;
}

interface Change {
  readonly before: JsonObject;
  readonly after: JsonObject;
  readonly changes: Comparison;
}

function* owned(followed: Followed, entries: readonly Entry[], change: Change, write: Write): Steps<readonly Entry[]> {
  const { changes } = change;
  const taken = yield* withoutUnowned(yield* unionInSteps(changes.modified, changes.added));
  if (isEmptySet(taken)) return yield* lost(followed, entries, change);
  const own: Entry = {
    manager: write.manager,
    operation: 'Update',
    apiVersion: followed.apiVersion,
    subresource: followed.subresource,
    time: write.time,
    set: taken,
  };
  const previous = entries.find((entry) => isSame(entry, own));
  if (!previous) return [...(yield* lost(followed, entries, change)), own];
  const others = entries.filter((entry) => entry !== previous);
  const kept = yield* differenceInSteps(previous.set, changes.removed);
  return [...(yield* lost(followed, others, change)), { ...own, set: yield* unionInSteps(kept, taken) }];
}

/** What is left to each owner after a change: neither what was removed nor what somebody else set. */
export function* lost(followed: Followed, entries: readonly Entry[], change: Change): Steps<readonly Entry[]> {
  const seen = new Map<string, Comparison | undefined>([[followed.apiVersion, change.changes]]);
  const left: Entry[] = [];
  for (const entry of entries) {
    const changes = yield* changesFor(followed, entry, change, seen);
    if (changes === 'gone') continue;
    const set = changes ? yield* leftOf(entry.set, changes) : entry.set;
    if (set === entry.set) left.push(entry);
    else if (!isEmptySet(set)) left.push(withSet(entry, set));
  }
  return left;
}

function* leftOf(set: FieldSet, { modified, added, removed }: Comparison): Steps<FieldSet> {
  const kept = yield* differenceInSteps(set, yield* unionInSteps(modified, added));
  return yield* differenceInSteps(kept, removed);
}

/** The same change as an owner sees it who wrote another version. */
export function* changesFor(
  followed: Followed,
  entry: Entry,
  change: Change,
  seen: Map<string, Comparison | undefined>,
): Steps<Comparison | undefined | 'gone'> {
  if (seen.has(entry.apiVersion)) return seen.get(entry.apiVersion);
  const view = followed.versioned(entry.apiVersion);
  if (!view) return 'gone';
  const changes = yield* changedIn(followed, view.shape, view.to(change.before), view.to(change.after));
  seen.set(entry.apiVersion, changes);
  return changes;
}

function withSet(entry: Entry, set: FieldSet): Entry {
  const { stored: _stored, ...rest } = entry;
  return { ...rest, set };
}

/** An applier is the same in every version. */
export const isSame = (a: Entry, b: Entry): boolean =>
  a.manager === b.manager &&
  a.operation === b.operation &&
  a.subresource === b.subresource &&
  (a.operation === 'Apply' || a.apiVersion === b.apiVersion);

function capped(entries: readonly Entry[]): readonly Entry[] {
  let updaters = entries.filter(({ operation }) => operation === 'Update');
  if (updaters.length <= updateManagersMax) return entries;
  updaters = [...updaters].sort((a, b) => compareText(a.time ?? '', b.time ?? '') || compareText(idOf(a), idOf(b)));
  const out = new Set(entries);
  const firsts = new Map<string, Entry>();
  const buckets = new Map<string, Entry>();
  let left = updaters.length;
  for (const entry of updaters) {
    if (left <= updateManagersMax) break;
    const { apiVersion } = entry;
    const first = buckets.get(apiVersion) ?? firsts.get(apiVersion);
    if (!first) {
      firsts.set(apiVersion, entry);
      continue;
    }
    const set = finish(unionInSteps(entry.set, first.set));
    const bucket = withSet({ ...entry, manager: oldUpdatesManager, subresource: '' }, set);
    out.delete(first);
    out.delete(entry);
    out.add(bucket);
    buckets.set(apiVersion, bucket);
    left--;
  }
  return [...out];
}

/** An owner's name in upstream's order of owners. */
export const idOf = ({ manager, operation, apiVersion, subresource }: Entry): string =>
  JSON.stringify({
    manager,
    operation,
    ...(operation === 'Update' ? { apiVersion } : {}),
    ...(subresource ? { subresource } : {}),
  });

export function* readEntries(fields: readonly ManagedFields[], followed: Followed): Steps<readonly Entry[]> {
  const entries: Entry[] = [];
  for (const stored of fields) {
    entries.push({
      manager: stored.manager ?? '',
      operation: (stored.operation ?? '') as Operation,
      apiVersion: stored.apiVersion ?? '',
      subresource: stored.subresource ?? '',
      time: stored.time,
      set: yield* readSet(stored),
      stored,
    });
  }
  if (!followed.changeable) return entries;
  const now: Entry[] = [];
  for (const entry of entries) now.push(yield* fitted(entry, followed));
  return now;
}

function* fitted(entry: Entry, followed: Followed): Steps<Entry> {
  const own = entry.apiVersion === followed.apiVersion;
  const shape = own ? followed.shape : followed.versioned(entry.apiVersion)?.shape;
  const set = shape ? yield* reconciled(shape, entry.set) : entry.set;
  return set === entry.set ? entry : withSet(entry, set);
}

// What the server wrote is canonical; a set that was sent is read once, and what it was read to is kept beside it.
const sets = new WeakMap<object, FieldSet>();
function* readSet({ fieldsV1 }: ManagedFields): Steps<FieldSet> {
  if (typeof fieldsV1 !== 'object' || fieldsV1 === null) return emptySet;
  let set = sets.get(fieldsV1);
  if (!set) {
    set = (yield* readFieldSet(fieldsV1)) ?? emptySet;
    sets.set(fieldsV1, set);
  }
  return set;
}

/** As it is stored and sent: appliers first, then by time. */
export function* written({ recent }: Followed, entries: readonly Entry[]): Steps<readonly ManagedFields[]> {
  const made: ManagedFields[] = [];
  for (const entry of [...entries].sort(inOrder)) made.push(entry.stored ?? (yield* writtenEntry(recent, entry)));
  return made;
}

function* writtenEntry(recent: RecentSets, entry: Entry): Steps<ManagedFields> {
  const set = recent.shared(yield* inWrittenOrderInSteps(entry.set));
  sets.set(set, set);
  return {
    manager: entry.manager,
    operation: entry.operation,
    apiVersion: entry.apiVersion,
    ...(entry.time ? { time: entry.time } : {}),
    fieldsType,
    fieldsV1: set,
    ...(entry.subresource ? { subresource: entry.subresource } : {}),
  };
}

const inOrder = (a: Entry, b: Entry): number =>
  compareText(a.operation, b.operation) ||
  compareText(a.time ?? '', b.time ?? '') ||
  compareText(a.manager, b.manager) ||
  compareText(a.apiVersion, b.apiVersion) ||
  compareText(a.subresource, b.subresource);

/** Whether two lists say the same but for the times. */
export function* sameButTimes(a: readonly ManagedFields[], b: readonly ManagedFields[]): Steps<boolean> {
  if (a.length !== b.length) return false;
  for (const [index, entry] of a.entries()) {
    if (!(yield* isSameButTime(entry, b[index] as ManagedFields))) return false;
  }
  return true;
}

function* isSameButTime(a: ManagedFields, b: ManagedFields): Steps<boolean> {
  if (a === b) return true;
  if (a.manager !== b.manager || a.operation !== b.operation) return false;
  if (a.apiVersion !== b.apiVersion || a.subresource !== b.subresource) return false;
  return yield* equalJsonInSteps(a.fieldsV1, b.fieldsV1);
}
