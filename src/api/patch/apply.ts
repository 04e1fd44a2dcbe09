import { equalJsonInSteps, isObject, type JsonObject } from '../../base/json.ts';
import type { Steps } from '../../base/steps.ts';
import { ApiError } from '../error.ts';
import type { KubeObject, ManagedFields } from '../object.ts';
import type { Comparison } from './compare.ts';
import { type Conflict, conflictError, difference as conflictsBeyond, conflictsOf } from './conflict.ts';
import { emptySet, type FieldSet, isEmptySet, withoutPath } from './field-set.ts';
import { differenceInSteps, intersectionInSteps, unionInSteps } from './field-set-in-steps.ts';
import { appliedByClient, withLastApplied } from './last-applied.ts';
import {
  changedIn,
  changesFor,
  type Entry,
  type Followed,
  isSame,
  lost,
  managedAfterUpdate,
  readEntries,
  type Write,
  withoutUnowned,
  written,
} from './managed-fields.ts';
import { mergeTyped } from './merge-typed.ts';
import type { StructShape } from './shape.ts';
import { fieldsOf, withNamedFields, withoutFields } from './typed.ts';
import { typeErrors } from './validate-typed.ts';

export interface Apply extends Write {
  readonly force: boolean;
}
export interface Applied {
  /** Not yet read as its kind: what the configuration brought may be of any form. */
  readonly object: JsonObject;
  readonly managedFields: readonly ManagedFields[];
}

/** Owners of what was there before anybody applied. */
const firstOwner = 'before-first-apply';
const kubectl = 'kubectl';

/**
 * Server-side apply: the configuration is merged into the live object, what its manager applied before and leaves out
 * now goes unless somebody else has it, and what others own and would change is a conflict unless forced.
 */
export function* serverSideApply(
  followed: Followed,
  live: KubeObject | undefined,
  config: JsonObject,
  apply: Apply,
): Steps<Applied> {
  yield* checkConfig(followed, config);
  const before = live ? withoutManaged(live) : followed.empty;
  const entries = yield* readEntries(live?.metadata.managedFields ?? [], followed);
  const known = live && entries.length === 0 ? yield* firstOwners(followed, live, apply) : entries;
  const attempt = { followed, before, config, entries: known, apply };
  const first = yield* outcomeOf(attempt);
  let conflicts = apply.force ? [] : first.conflicts;
  if (conflicts.length > 0 && apply.manager === kubectl) {
    // What kubectl applied by itself so far it may take over.
    const own = yield* appliedByClient(followed, before);
    if (own) conflicts = yield* conflictsBeyond(conflicts, own);
  }
  if (conflicts.length > 0) throw yield* conflictError(conflicts);
  const object = apply.manager === kubectl ? withLastApplied(first.object, config) : first.object;
  return { object, managedFields: yield* written(followed, yield* first.entries()) };
}

function* checkConfig(followed: Followed, config: JsonObject): Steps<void> {
  const apiVersion = typeof config.apiVersion === 'string' ? config.apiVersion : '';
  const kind = typeof config.kind === 'string' ? config.kind : '';
  if (apiVersion !== followed.apiVersion || kind !== followed.kind) {
    throw new ApiError('BadRequest', `invalid object type: ${gvkText(apiVersion, kind)}`);
  }
  const { metadata } = config;
  if (isObject(metadata) && metadata.managedFields !== undefined && metadata.managedFields !== null) {
    throw new ApiError('BadRequest', 'metadata.managedFields must be nil');
  }
  const wrong = yield* typeErrors(followed.shape, config);
  if (wrong) {
    throw new ApiError('', `failed to create typed patch object (${configText(config)}): ${wrong}`);
  }
}

/** A configuration as messages of apply name it, by what it says itself: `default/web; apps/v1, Kind=Deployment`. */
export function configText(config: JsonObject): string {
  const { namespace = '', name = '' } = isObject(config.metadata) ? config.metadata : {};
  return `${String(namespace)}/${String(name)}; ${gvkText(String(config.apiVersion ?? ''), String(config.kind ?? ''))}`;
}

/** `apps/v1, Kind=Deployment`, `/v1, Kind=Pod`. */
const gvkText = (apiVersion: string, kind: string): string =>
  `${apiVersion.includes('/') ? '' : '/'}${apiVersion}, Kind=${kind}`;

function withoutManaged(live: KubeObject): JsonObject {
  const { managedFields: _managed, ...metadata } = live.metadata;
  return { ...live, metadata } as unknown as JsonObject;
}

function* firstOwners(followed: Followed, live: KubeObject, { time }: Apply): Steps<readonly Entry[]> {
  const { managedFields: _none, ...metadata } = live.metadata;
  const unfollowed = { ...live, metadata };
  const managed = yield* managedAfterUpdate(followed, undefined, unfollowed, { manager: firstOwner, time });
  return yield* readEntries(managed ?? [], followed);
}

interface Attempt {
  readonly followed: Followed;
  readonly before: JsonObject;
  readonly config: JsonObject;
  readonly entries: readonly Entry[];
  readonly apply: Apply;
}
interface Outcome {
  readonly object: JsonObject;
  readonly conflicts: readonly Conflict[];
  /** Who owns what when it goes ahead. */
  entries(): Steps<readonly Entry[]>;
}

function* outcomeOf({ followed, before, config, entries, apply }: Attempt): Steps<Outcome> {
  const { shape } = followed;
  const merged = (yield* mergeTyped(shape, before, config)) as JsonObject;
  const own: Entry = {
    manager: apply.manager,
    operation: 'Apply',
    apiVersion: followed.apiVersion,
    subresource: followed.subresource,
    time: apply.time,
    set: followed.reset.reduce(withoutPath, yield* fieldsOf(shape, config, followed.ignored)),
  };
  const previous = entries.find((entry) => isSame(entry, own));
  const others = entries.filter((entry) => entry !== previous);
  const isPruned = previous !== undefined && !(yield* isRepeated(previous, own));
  const object = isPruned ? yield* pruned(followed, merged, previous, [...others, own]) : merged;
  const changes = yield* changedIn(followed, shape, before, object);
  const isNoop = yield* equalJsonInSteps(before, object);
  const change = changes && { before, after: object, changes };
  return {
    object,
    conflicts: change ? yield* conflictsWith(followed, others, change) : [],
    entries: () => ownersAfter(followed, { own, previous, others, change, isNoop }),
  };
}

interface Outlook {
  readonly own: Entry;
  readonly previous: Entry | undefined;
  readonly others: readonly Entry[];
  readonly change: Changed | undefined;
  readonly isNoop: boolean;
}
interface Changed {
  readonly before: JsonObject;
  readonly after: JsonObject;
  readonly changes: Comparison;
}

function* ownersAfter(followed: Followed, { own, previous, others, change, isNoop }: Outlook): Steps<readonly Entry[]> {
  const spoken = change ? yield* differenceInSteps(own.set, change.changes.removed) : own.set;
  const set = yield* withoutUnowned(spoken);
  const kept = change ? yield* lost(followed, others, change) : others;
  if (isEmptySet(set)) return kept;
  if (!isNoop) return [...kept, { ...own, set }];
  // Nothing was written: the time of the last write stays, and a new owner has none.
  const unmoved = { ...own, set, time: previous?.time };
  const mayBeOld = previous?.stored && previous.apiVersion === own.apiVersion;
  const isOld = mayBeOld && (yield* equalJsonInSteps(previous.set, set));
  return [...kept, isOld ? previous : unmoved];
}

function* conflictsWith(followed: Followed, others: readonly Entry[], change: Changed): Steps<readonly Conflict[]> {
  const seen = new Map<string, Comparison | undefined>([[followed.apiVersion, change.changes]]);
  const found: Conflict[] = [];
  for (const entry of others) {
    const changes = yield* changesFor(followed, entry, change, seen);
    if (!changes || changes === 'gone') continue;
    const written = yield* unionInSteps(changes.modified, changes.added);
    found.push(...conflictsOf(entry, yield* intersectionInSteps(entry.set, written)));
  }
  return found;
}

/** Whoever applies all that he applied last time, and maybe more, leaves nothing to be taken away. */
function* isRepeated(last: Entry, own: Entry): Steps<boolean> {
  return last.apiVersion === own.apiVersion && isEmptySet(yield* differenceInSteps(last.set, own.set));
}

/** The merged object without what its manager applied last time, does not apply now, and nobody else has. */
function* pruned(followed: Followed, merged: JsonObject, last: Entry, owners: readonly Entry[]): Steps<JsonObject> {
  const isCurrent = last.apiVersion === followed.apiVersion;
  const view = isCurrent ? undefined : followed.versioned(last.apiVersion);
  if (isEmptySet(last.set) || (!isCurrent && !view)) return merged;
  const shape = view?.shape ?? followed.shape;
  const seen = view ? view.to(merged) : merged;
  const lastSet = yield* withNamedFields(shape, last.set);
  let out = (yield* withoutFields(shape, seen, lastSet)) as JsonObject | null;
  out = yield* addedBack(followed, { shape, apiVersion: last.apiVersion, merged: seen, pruned: out }, owners);
  // Only what this manager applied last time goes: what nobody owns stays.
  const all = yield* namedFieldsOf(shape, seen);
  const left = yield* namedFieldsOf(shape, out ?? {});
  const gone = yield* intersectionInSteps(yield* differenceInSteps(all, left), lastSet);
  const result = ((yield* withoutFields(shape, seen, gone)) ?? {}) as JsonObject;
  return view ? view.from(result) : result;
}

const none: ReadonlySet<string> = new Set();

function* namedFieldsOf(shape: StructShape, object: JsonObject): Steps<FieldSet> {
  return yield* withNamedFields(shape, yield* fieldsOf(shape, object, none));
}

interface Pruning {
  readonly shape: StructShape;
  readonly apiVersion: string;
  readonly merged: JsonObject;
  readonly pruned: JsonObject | null;
}

/** Puts back what others, or the configuration itself, own, each seen in the version that its owner wrote. */
function* addedBack(followed: Followed, pruning: Pruning, owners: readonly Entry[]): Steps<JsonObject | null> {
  const byVersion = new Map<string, FieldSet>();
  for (const { apiVersion, set } of owners) {
    byVersion.set(apiVersion, yield* unionInSteps(byVersion.get(apiVersion) ?? emptySet, set));
  }
  const { shape, merged } = pruning;
  let out = pruning.pruned;
  const here = byVersion.get(pruning.apiVersion);
  if (here) out = yield* keptFor(shape, merged, out, here);
  byVersion.delete(pruning.apiVersion);
  for (const [apiVersion, set] of byVersion) {
    const bridge = bridgeBetween(followed, pruning.apiVersion, apiVersion);
    if (!bridge) continue;
    const kept = yield* keptFor(bridge.shape, bridge.there(merged), out && bridge.there(out), set);
    out = bridge.back(kept ?? {});
  }
  return out;
}

function* keptFor(
  shape: StructShape,
  merged: JsonObject,
  out: JsonObject | null,
  owned: FieldSet,
): Steps<JsonObject | null> {
  const all = yield* namedFieldsOf(shape, merged);
  const left = yield* namedFieldsOf(shape, out ?? {});
  const kept = yield* unionInSteps(left, yield* withNamedFields(shape, owned));
  return (yield* withoutFields(shape, merged, yield* differenceInSteps(all, kept))) as JsonObject | null;
}

/** From one version to another by way of the version of the request. */
function bridgeBetween(followed: Followed, from: string, to: string) {
  const same = (object: JsonObject) => object;
  const own = { shape: followed.shape, to: same, from: same };
  const start = from === followed.apiVersion ? own : followed.versioned(from);
  const end = to === followed.apiVersion ? own : followed.versioned(to);
  if (!start || !end) return undefined;
  return {
    shape: end.shape,
    there: (object: JsonObject) => end.to(start.from(object)),
    back: (object: JsonObject) => start.to(end.from(object)),
  };
}
