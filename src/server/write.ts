import { ApiError } from '../api/error.ts';
import { invalid, invalidObject } from '../api/field-error.ts';
import { type Kind, resourceText } from '../api/kind.ts';
import { keptHalves } from '../api/kinds/status-writes.ts';
import type { KubeObject, Meta } from '../api/object.ts';
import { emptyStatusOf } from '../api/schema/empty-status.ts';
import { emptyListsAsNull } from '../api/schema/null-lists.ts';
import { schemaOf } from '../api/schema/schema.ts';
import type { Caller } from '../api/wire.ts';
import { assert, type Env } from '../base/env.ts';
import { equalJsonInSteps, type Json, type JsonObject } from '../base/json.ts';
import { longTextsInSteps } from '../base/shared-json.ts';
import type { Steps } from '../base/steps.ts';
import { timestamp } from '../base/text.ts';
import type { Entry, Store } from '../store/store.ts';
import type { AdmissionPlugin, AdmissionRequest, Annotate } from './admission/plugin.ts';
import { PluginSteps } from './admission/plugin-steps.ts';
import { type FieldTracker, withManaged, withQuietTimes } from './field-tracker.ts';
import type { Judge } from './judge.ts';
import { Judging } from './judging.ts';
import { storageKey } from './kinds.ts';
import { Pace } from './pace.ts';
import { getEntry } from './read.ts';
import type { ResourceRoute } from './route.ts';
import { roomFor } from './stored-size.ts';
import type { Views } from './views.ts';

const conflictRetriesMax = 5;
const generatedNameTriesMax = 8;
const generatedSuffixLength = 5;
const generatedPrefixMax = 58;

export interface WriteDeps {
  readonly env: Env;
  readonly store: Store;
  readonly views: Views;
  readonly plugins: readonly AdmissionPlugin[];
  /** What a write takes of the cluster's own goods (addresses, ports), before it is committed. */
  readonly goods: Goods;
  readonly fields: FieldTracker;
  /** Without one everything is judged here. */
  readonly judge?: Judge | undefined;
}
export interface Goods {
  /** At once where nothing is to be reserved. */
  reserve(kind: Kind, object: KubeObject, options: ReserveOptions): Promise<Reservation> | Reservation;
  /** The object is gone: what it held is free. */
  release(kind: Kind, object: KubeObject): void;
}
export interface ReserveOptions {
  readonly previous: KubeObject | undefined;
  readonly dryRun: boolean;
}
/** Exactly one of the two ends it. */
export interface Reservation {
  readonly object: KubeObject;
  keep(): void;
  undo(): void;
}
export interface WriteOptions {
  readonly caller: Caller;
  readonly dryRun: boolean;
  /** Who gets to own what the write sets; nobody where a write is the server's own, or says so already. */
  readonly manager?: string;
  /** It says who owns what. */
  readonly applied?: boolean;
  /** The subresource that it counts as, where the write is not made through that subresource itself. */
  readonly through?: string;
  readonly warn?: (text: string) => void;
  readonly annotate?: Annotate;
  /** Admission has had its say: it saw what was sent through a door, not what the door does. */
  readonly admitted?: boolean;
}
/** What a write left in the store, or, where nothing was to be left there, what it would be. */
export type Written = { readonly entry: Entry } | { readonly object: KubeObject };
/** Makes the next object from the live one; asked again when somebody else was quicker. */
export type Change = (live: KubeObject) => KubeObject | Promise<KubeObject>;

/** Every write of every kind, after decoding: admission, defaults, validation, compare-and-set. */
export class Writer {
  readonly #deps: WriteDeps;
  readonly #steps: PluginSteps;
  readonly #judging: Judging;

  constructor(deps: WriteDeps) {
    this.#deps = deps;
    this.#judging = new Judging(deps.judge);
    this.#steps = new PluginSteps(deps.env, deps.plugins);
  }

  async create(route: ResourceRoute, draft: KubeObject, options: WriteOptions): Promise<Written> {
    const generated = draft.metadata.name ? undefined : draft.metadata.generateName || undefined;
    for (let tries = 1; ; tries++) {
      try {
        return await this.#createOnce(route, this.#identified(route, draft), options, generated);
      } catch (error) {
        const taken = error instanceof ApiError && error.reason === 'AlreadyExists';
        if (!generated || !taken || tries >= generatedNameTriesMax) throw error;
      }
    }
  }

  async #createOnce(
    route: ResourceRoute,
    draft: KubeObject,
    options: WriteOptions,
    generateName: string | undefined,
  ): Promise<Written> {
    const { kind } = route;
    const named = { ...route, name: draft.metadata.name };
    const request: AdmissionRequest = { operation: 'CREATE', kind, route: named, ...options };
    const pace = new Pace(this.#deps.env.clock);
    const defaulting = pace.run(defaulted(kind, draft));
    let object = defaulting instanceof Promise ? await defaulting : defaulting;
    const { manager } = options;
    if (manager !== undefined) {
      const owned = pace.run(this.#deps.fields.written(route, undefined, object, manager));
      object = owned instanceof Promise ? await owned : owned;
    }
    const rest = pace.rest();
    if (rest) await rest;
    // Waits even for what is done already: what comes together is judged together, and costs less beside its like.
    object = await this.#mutate(object, generateName ? { ...request, generateName } : request, pace);
    const context = { now: this.#deps.env.clock.now(), subresource: route.subresource, caller: options.caller };
    // Of what was asked for: what the server makes of it is nobody's fault.
    const warned = this.#judging.warnings(kind, { next: object, previous: undefined, context }, pace);
    const warnings = warned instanceof Promise ? await warned : warned;
    object = kind.rules.prepareCreate?.(object, context) ?? withoutStatus(kind, object);
    if (hasGeneration(kind)) object = { ...object, metadata: { ...object.metadata, generation: 1 } };
    return this.#reserved<Written>(kind, { next: object, previous: undefined, ...options }, async (next) => {
      const asked = { next, asked: draft.metadata, previous: undefined, context };
      const judging = this.#judging.errors(kind, asked, pace);
      const errors = judging instanceof Promise ? await judging : judging;
      if (errors.length > 0) throw invalidObject(asStored(kind), next.metadata.name, errors);
      for (const text of warnings) options.warn?.(text);
      const rests = pace.rest();
      if (rests) await rests;
      const admitted = this.#steps.validate(next, request);
      if (admitted) await admitted;
      const made = asKept(kind, next);
      if (pace.isLong) await pace.run(longTextsInSteps(made as unknown as JsonObject));
      if (options.dryRun) {
        if (await this.#exists(named)) throw alreadyExists(named);
        return { written: { object: made }, kept: false };
      }
      const value = this.#stored(kind, roomFor(made, options), pace);
      const done = await this.#deps.store.commit(this.#keyOf(named), 0, value);
      if (!done.ok) throw alreadyExists(named);
      return { written: { entry: done.entry }, kept: true };
    });
  }

  /** Runs a write with what it needs reserved; what it did not keep is given back. */
  async #reserved<R>(
    kind: Kind,
    change: ReserveOptions & { readonly next: KubeObject },
    write: (next: KubeObject) => Promise<{ readonly written: R; readonly kept: boolean }>,
  ): Promise<R> {
    const reserved = this.#deps.goods.reserve(kind, change.next, change);
    const reservation = reserved instanceof Promise ? await reserved : reserved;
    let kept = false;
    try {
      const done = await write(reservation.object);
      kept = done.kept;
      return done.written;
    } finally {
      if (kept) reservation.keep();
      else reservation.undo();
    }
  }

  /** Reads, changes, writes; a conflict is tried again unless the client named the revision it wants to change. */
  async update(route: ResourceRoute, change: Change, options: WriteOptions): Promise<KubeObject> {
    const pace = new Pace(this.#deps.env.clock);
    for (let tries = 0; ; tries++) {
      const entry = await getEntry(this.#deps.store, route);
      const live = this.#deps.views.object(route.kind, entry);
      const next = await pace.step(() => change(live));
      await pace.rest();
      const asked = next.metadata.resourceVersion;
      if (next.metadata.uid && next.metadata.uid !== live.metadata.uid) {
        throw conflict(
          route,
          `Precondition failed: UID in precondition: ${next.metadata.uid}, UID in object meta: ${live.metadata.uid}`,
        );
      }
      if (asked && asked !== live.metadata.resourceVersion) throw modified(route);
      // Who scales says it of the Scale, if at all.
      if (!asked && route.kind.rules.needsRevision && !options.admitted) throw revisionNeeded(route);
      const done = await this.#commitUpdate(route, entry, next, { ...options, pace });
      if (done) return done;
      if (tries >= conflictRetriesMax) throw modified(route);
    }
  }

  /** Undefined when somebody else was quicker. */
  async #commitUpdate(
    route: ResourceRoute,
    entry: Entry,
    asked: KubeObject,
    options: WriteOptions & { readonly pace: Pace },
  ): Promise<KubeObject | undefined> {
    const { kind } = route;
    const live = this.#deps.views.object(kind, entry);
    const context = { now: this.#deps.env.clock.now(), subresource: route.subresource, caller: options.caller };
    const request: AdmissionRequest = { operation: 'UPDATE', kind, route, previous: live, ...options };
    const { pace } = options;
    const named = { ...asked, metadata: keptMeta(asked.metadata, live.metadata) };
    const defaulting = pace.run(defaulted(kind, named));
    let next = defaulting instanceof Promise ? await defaulting : defaulting;
    // What was asked for, before the server has its say.
    next = await this.#owned(route, live, next, options);
    await pace.rest();
    const { managedFields } = next.metadata;
    if (!options.admitted) next = await this.#mutate(next, request, pace);
    next =
      kind.rules.prepareUpdate?.(next, live, context) ?? (hasStatus(kind) ? keptHalves(next, live, context) : next);
    next = withManaged(next, managedFields);
    if (
      hasGeneration(kind) &&
      route.subresource !== 'status' &&
      (await pace.run(changesGeneration(kind, next, live)))
    ) {
      next = { ...next, metadata: { ...next.metadata, generation: (live.metadata.generation ?? 0) + 1 } };
    }
    return this.#reserved(kind, { next, previous: live, ...options }, async (final) => {
      const judged = { next: final, previous: live, context };
      const errors = await this.#judging.errors(kind, { ...judged, asked: asked.metadata }, pace);
      if (errors.length > 0) throw invalidObject(asStored(kind), route.name, errors);
      const warned = route.subresource === '' && !options.admitted;
      if (warned) for (const text of await this.#judging.warnings(kind, judged, pace)) options.warn?.(text);
      if (!options.admitted) await this.#steps.validate(final, request);
      await pace.rest();
      const quiet = await pace.run(withQuietTimes(asKept(kind, final), live));
      if (pace.isLong) await pace.run(longTextsInSteps(quiet as unknown as JsonObject));
      if (options.dryRun) return { written: quiet, kept: false };
      const sameOwners = quiet.metadata.managedFields === live.metadata.managedFields;
      if (sameOwners && (await pace.run(equalJsonInSteps(stored(kind, quiet), entry.value))))
        return { written: live, kept: false };
      return this.#committed(kind, entry, roomFor(quiet, options), pace);
    });
  }

  #owned(
    route: ResourceRoute,
    live: KubeObject,
    next: KubeObject,
    { pace, manager, through = route.subresource }: WriteOptions & { readonly pace: Pace },
  ): KubeObject | Promise<KubeObject> {
    if (manager === undefined) return next;
    return pace.run(this.#deps.fields.written({ ...route, subresource: through }, live, next, manager));
  }

  async #committed(
    kind: Kind,
    entry: Entry,
    next: KubeObject,
    pace: Pace,
  ): Promise<{ readonly written: KubeObject | undefined; readonly kept: boolean }> {
    const gone = isReadyToGo(kind, next);
    const done = await this.#deps.store.commit(
      entry.key,
      entry.modified,
      gone ? undefined : this.#stored(kind, next, pace),
    );
    if (!done.ok) return { written: undefined, kept: false };
    if (!gone) return { written: this.#deps.views.object(kind, done.entry), kept: true };
    this.#deps.goods.release(kind, next);
    const resourceVersion = String(done.revision);
    return { written: { ...next, metadata: { ...next.metadata, resourceVersion } }, kept: true };
  }

  /** What is long is shown as it was judged: it would take as long to make it again of what is stored. */
  #stored(kind: Kind, object: KubeObject, pace: Pace): Json {
    const value = stored(kind, object);
    const isSame = (value as JsonObject).apiVersion === object.apiVersion;
    if (pace.isLong && kind.custom && isSame) this.#deps.views.expect(kind, value, object);
    return value;
  }

  #mutate(object: KubeObject, request: AdmissionRequest, pace: Pace): Promise<KubeObject> | KubeObject {
    const whole = (next: KubeObject) => (next === object ? object : pace.run(defaulted(request.kind, next)));
    const mutated = this.#steps.mutate(object, request);
    return mutated instanceof Promise ? mutated.then(whole) : whole(mutated);
  }

  /** The object with what the server gives every new object. */
  #identified(route: ResourceRoute, draft: KubeObject): KubeObject {
    const { kind } = route;
    const given = draft.metadata;
    if (given.resourceVersion)
      throw new ApiError('BadRequest', 'resourceVersion should not be set on objects to be created');
    const { random } = this.#deps.env;
    const name =
      given.name ||
      (given.generateName
        ? `${given.generateName.slice(0, generatedPrefixMax)}${random.suffix(generatedSuffixLength)}`
        : kind.rules.namesItself
          ? random.uid()
          : '');
    const metadata: Meta = {
      ...unmarked(given),
      name,
      ...(kind.namespaced ? { namespace: route.namespace } : {}),
      uid: this.#deps.env.random.uid(),
      creationTimestamp: timestamp(this.#deps.env.clock.now()),
    };
    return { ...draft, metadata };
  }

  async #exists(route: ResourceRoute): Promise<boolean> {
    return (await this.#deps.store.get(this.#keyOf(route))).entry !== undefined;
  }

  #keyOf(route: ResourceRoute): string {
    assert(route.name !== '', 'a stored object has a name');
    return storageKey(route.kind, route.namespace, route.name);
  }
}

function* defaulted({ rules }: Kind, object: KubeObject): Steps<KubeObject> {
  return rules.defaultsInSteps ? yield* rules.defaultsInSteps(object) : (rules.defaults?.(object) ?? object);
}

/** What keeping an object makes of it. */
function asKept(kind: Kind, object: KubeObject): KubeObject {
  const type = kind.custom ? undefined : schemaOf(kind);
  return type ? (emptyListsAsNull(type, object as unknown as JsonObject) as unknown as KubeObject) : object;
}

/** The stored form: without the revision, which the store alone knows. */
export function stored(kind: Kind, object: KubeObject): Json {
  const form = kind.rules.storedAs ? kind.rules.storedAs.to(object) : object;
  if (form.metadata.resourceVersion === undefined) return form as unknown as JsonObject;
  const { resourceVersion: _revision, ...metadata } = form.metadata;
  return { ...form, metadata } as unknown as JsonObject;
}

export const hasStatus = (kind: Kind): boolean =>
  kind.subresources.some((subresource) => subresource.name === 'status');
const hasGeneration = (kind: Kind): boolean => kind.rules.hasGeneration ?? hasStatus(kind);

/** Nobody makes an object that is going already. Most drafts say nothing of it, and then nothing is copied. */
function unmarked(given: Meta): Meta {
  if (given.deletionTimestamp === undefined && given.deletionGracePeriodSeconds === undefined) return given;
  const { deletionTimestamp: _gone, deletionGracePeriodSeconds: _grace, ...rest } = given;
  return rest;
}

/** A new object has the status that says nothing: for some kinds {}, for others zeros. */
function withoutStatus(kind: Kind, object: KubeObject): KubeObject {
  if (!hasStatus(kind)) return object;
  const { status: _status, ...rest } = object;
  const status = emptyStatusOf(kind);
  return status === undefined ? rest : { ...rest, status };
}

/** What nobody may change in metadata stays as it was. */
function keptMeta(next: Meta, live: Meta): Meta {
  const { deletionTimestamp: _at, deletionGracePeriodSeconds: _grace, generation: _generation, ...rest } = next;
  return {
    ...rest,
    name: live.name,
    ...(live.namespace ? { namespace: live.namespace } : {}),
    uid: live.uid,
    resourceVersion: live.resourceVersion,
    creationTimestamp: live.creationTimestamp,
    ...(live.generation === undefined ? {} : { generation: live.generation }),
    ...(live.generateName ? { generateName: live.generateName } : {}),
    ...(live.deletionTimestamp ? { deletionTimestamp: live.deletionTimestamp } : {}),
    ...(live.deletionGracePeriodSeconds === undefined
      ? {}
      : { deletionGracePeriodSeconds: live.deletionGracePeriodSeconds }),
  };
}

function* changesGeneration(kind: Kind, next: KubeObject, live: KubeObject): Steps<boolean> {
  if (kind.rules.changesGeneration) return kind.rules.changesGeneration(next, live);
  // The status of a custom kind is a field like any other where it has no door of its own.
  const isPlain = kind.custom !== undefined && !hasStatus(kind);
  return !(yield* equalJsonInSteps(withoutStanding(next, isPlain), withoutStanding(live, isPlain)));
}

function withoutStanding(object: KubeObject, withStatus: boolean): object {
  const { metadata: _metadata, status, ...rest } = object;
  return withStatus && status !== undefined ? { ...rest, status } : rest;
}

/** A deleted object goes once its grace is over and nobody holds it any more. */
export function isReadyToGo(kind: Kind, object: KubeObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0, finalizers = [] } = object.metadata;
  return (
    deletionTimestamp !== undefined &&
    deletionGracePeriodSeconds === 0 &&
    finalizers.length === 0 &&
    !kind.rules.isHeld?.(object)
  );
}

/** Events of the newer group are judged as those of the core, and told of as such. */
const asStored = ({ kind, group, rules }: Kind) => ({ kind, group: (rules.storedAs ?? { group }).group });

function alreadyExists({ kind, name }: ResourceRoute): ApiError {
  return new ApiError('AlreadyExists', `${resourceText(kind)} ${JSON.stringify(name)} already exists`, {
    name,
    ...(kind.group ? { group: kind.group } : {}),
    kind: kind.plural,
  });
}

export function conflict({ kind, name }: ResourceRoute, why: string): ApiError {
  return new ApiError(
    'Conflict',
    `Operation cannot be fulfilled on ${resourceText(kind)} ${JSON.stringify(name)}: ${why}`,
    {
      name,
      ...(kind.group ? { group: kind.group } : {}),
      kind: kind.plural,
    },
  );
}
const revisionNeeded = ({ kind, name }: ResourceRoute): ApiError =>
  invalidObject({ group: kind.group, kind: kind.plural }, name, [
    invalid('metadata.resourceVersion', 0, 'must be specified for an update'),
  ]);
export const modified = (route: ResourceRoute): ApiError =>
  conflict(route, 'the object has been modified; please apply your changes to the latest version and try again');
