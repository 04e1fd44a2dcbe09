import { isApiError } from '../api/error.ts';
import { pathOf } from '../api/kind.ts';
import { type Key, type KubeObject, keyOf, keyText, type Owner, parseKey } from '../api/object.ts';
import type { Instant, Random } from '../base/env.ts';
import type { Json } from '../base/json.ts';
import { type Action, act, type Notice } from '../client/action.ts';
import { byOwner, type Cache, type Index } from '../machinery/cache.ts';
import {
  type Answer,
  type Controller,
  nothing,
  type Plan,
  type Question,
  type Source,
  type SourceListener,
  source,
} from '../machinery/controller.ts';
import type { KindCaches } from '../machinery/kind-caches.ts';
import { own } from './ownership.ts';

const foreground = 'foregroundDeletion';
const orphan = 'orphan';
const lookAgainMs = 500;
/** A kind that nobody serves may be defined later. */
const unservedAgainMs = 30_000;
const goneMax = 100_000;

const byUid: Index<KubeObject> = (object) => [object.metadata.uid];

/**
 * 'waiting': it is deleted in the foreground. 'absent': no cache shows it, so that the server is asked. 'unserved': of a
 * kind that nobody knows. 'outside': in a namespace, while the dependent is in none.
 */
type OwnerState = 'here' | 'waiting' | 'gone' | 'elsewhere' | 'absent' | 'unserved' | 'outside' | 'unsure';
interface OwnerSeen {
  readonly owner: Owner;
  readonly state: OwnerState;
  /** Where the server would have it. */
  readonly path?: string;
}
export interface Dependent {
  readonly cache: Cache;
  readonly object: KubeObject;
}
export interface GarbageObserved extends Dependent {
  readonly owners: readonly OwnerSeen[];
  readonly dependents: readonly Dependent[];
}
export type WatchedKinds = Pick<KindCaches, 'builtIn' | 'isServed' | 'onKind'>;

/** Deletes what nobody owns any more, and sees foreground and orphaning deletions through. */
export class GarbageCollector implements Controller<GarbageObserved> {
  readonly name = 'garbage-collector-controller';
  readonly #kinds: WatchedKinds;
  /** By `group/Kind`. */
  readonly #byKind = new Map<string, Cache>();
  /** Owners that were seen and then deleted: certainly gone. */
  readonly #gone = new Set<string>();

  constructor(kinds: WatchedKinds) {
    this.#kinds = kinds;
    // Events own nothing and are owned by nobody.
    for (const cache of kinds.builtIn) if (idOf(cache) !== '/Event') this.#watch(cache);
  }

  #watch(cache: Cache): void {
    this.#byKind.set(idOf(cache), cache);
    cache.index('owner', byOwner).index('uid', byUid);
    cache.onChange((now, before) => {
      if (!before || before.metadata.uid === now?.metadata.uid) return;
      if (this.#gone.size >= goneMax) this.#gone.clear();
      this.#gone.add(before.metadata.uid);
    });
  }

  sources(): readonly Source[] {
    return [...this.#byKind.values()].map((cache) => this.#source(cache));
  }

  follow(listener: SourceListener): void {
    this.#kinds.onKind({
      added: (cache) => {
        this.#watch(cache);
        listener.added(this.#source(cache));
      },
      removed: (cache) => {
        this.#byKind.delete(idOf(cache));
        listener.removed(cache);
      },
    });
  }

  #source(cache: Cache): Source {
    return source(cache, (object) => this.#keys(cache, object));
  }

  /** The object itself; once it is going, its dependents too; once it has gone, those that waited for it. */
  #keys(cache: Cache, object: KubeObject): readonly Key[] {
    const { ownerReferences = [], deletionTimestamp, finalizers, uid } = object.metadata;
    const here = cache.get(keyOf(object))?.metadata.uid === uid;
    const isGoing = deletionTimestamp !== undefined;
    // Whose owners are all there is looked at again when one of them goes.
    const concerns = isGoing ? finalizers?.length : ownerReferences.some((owner) => !this.#isHere(owner, object));
    const self = here && concerns ? [keyIn(cache, object)] : [];
    const below = here && !isGoing ? [] : this.#dependentsOf(uid).map((each) => keyIn(each.cache, each.object));
    // Whoever waits for its dependents looks again when one has gone or has stopped to block.
    const above = ownerReferences.flatMap((owner) => this.#waiting(owner));
    return [...self, ...below, ...above];
  }

  #waiting(owner: Owner): readonly Key[] {
    const cache = this.#cacheOf(owner);
    return (cache?.by('uid', owner.uid) ?? [])
      .filter((object) => object.metadata.deletionTimestamp !== undefined)
      .map((object) => keyIn(cache as Cache, object));
  }

  #isHere(owner: Owner, object: KubeObject): boolean {
    return this.#seen(owner, object).state === 'here';
  }

  #cacheOf(owner: Owner): Cache | undefined {
    return this.#byKind.get(`${groupOf(owner.apiVersion)}/${owner.kind}`);
  }

  #dependentsOf(uid: string): readonly Dependent[] {
    return [...this.#byKind.values()].flatMap((cache) => cache.by('owner', uid).map((object) => ({ cache, object })));
  }

  observe(key: Key): GarbageObserved | undefined {
    const at = key.name.indexOf('|');
    const cache = this.#byKind.get(key.name.slice(0, at));
    const object = cache?.get(parseKey(key.name.slice(at + 1)));
    if (!cache || !object) return undefined;
    const owners = (object.metadata.ownerReferences ?? []).map((owner) => this.#seen(owner, object));
    return { cache, object, owners, dependents: this.#dependentsOf(object.metadata.uid) };
  }

  #seen(owner: Owner, object: KubeObject): OwnerSeen {
    const cache = this.#cacheOf(owner);
    if (!cache || !this.#kinds.isServed(owner.apiVersion, owner.kind)) return { owner, state: 'unserved' };
    const { namespace = '' } = object.metadata;
    if (cache.kind.namespaced && namespace === '') return { owner, state: 'outside' };
    const [found] = cache.by('uid', owner.uid);
    if (!found || found.metadata.name !== owner.name) {
      if (this.#gone.has(owner.uid)) return { owner, state: 'gone' };
      return { owner, state: 'absent', path: pathOf(cache.kind, namespace, owner.name) };
    }
    if (cache.kind.namespaced && found.metadata.namespace !== namespace) return { owner, state: 'elsewhere' };
    return { owner, state: isWaiting(found) ? 'waiting' : 'here' };
  }

  /** A cache may be behind: nothing is deleted before the server has said that the owner is not there. */
  wants({ object, owners }: GarbageObserved): readonly Question[] {
    if (object.metadata.deletionTimestamp !== undefined) return [];
    return owners.flatMap(({ path }) => (path === undefined ? [] : [{ path }]));
  }

  plan(observed: GarbageObserved, _now: Instant, _random: Random, answers: readonly Answer[] = []): Plan {
    const { metadata } = observed.object;
    if (metadata.deletionTimestamp !== undefined) {
      if (metadata.finalizers?.includes(orphan)) return release(observed);
      return metadata.finalizers?.includes(foreground) ? deleteBelow(observed) : nothing;
    }
    const told = [...answers];
    const owners = observed.owners.map((seen) =>
      seen.path === undefined ? seen : { ...seen, state: answered(seen, told.shift()) },
    );
    const states = owners.map(({ state }) => state);
    if (states.length === 0) return nothing;
    if (states.includes('unsure')) return { actions: [], again: lookAgainMs };
    if (states.includes('outside')) return { actions: [misplaced({ ...observed, owners })] };
    if (states.includes('unserved')) return { actions: [], again: unservedAgainMs };
    if (states.includes('here'))
      return states.every((state) => state === 'here') ? nothing : { actions: [[forget({ ...observed, owners })]] };
    return { actions: [[...misplaced({ ...observed, owners }), ...collect({ ...observed, owners })]] };
  }
}

const isWaiting = ({ metadata }: { readonly metadata: Partial<KubeObject['metadata']> }): boolean =>
  metadata.deletionTimestamp !== undefined && metadata.finalizers?.includes(foreground) === true;

function answered({ owner }: OwnerSeen, answer: Answer | undefined): OwnerState {
  if (!answer) return 'unsure';
  if ('error' in answer) return isApiError(answer.error, 'NotFound') ? 'gone' : 'unsure';
  const found = answer.found as unknown as KubeObject;
  if (found.metadata.uid !== owner.uid) return 'gone';
  return isWaiting(found) ? 'waiting' : 'here';
}

const groupOf = (apiVersion: string): string =>
  apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';

const idOf = ({ kind }: Cache): string => `${kind.group}/${kind.kind}`;
const keyIn = (cache: Cache, object: KubeObject): Key => ({
  namespace: '',
  name: `${idOf(cache)}|${keyText(keyOf(object))}`,
});

/** The owners that are still there keep it; the others are struck off. */
function forget({ cache, object, owners }: GarbageObserved): Action {
  return own(
    cache.kind,
    object,
    owners.filter(({ state }) => state === 'here').map(({ owner }) => owner),
  );
}

function collect(observed: GarbageObserved): readonly Action[] {
  const { cache, object, owners, dependents } = observed;
  const { uid, resourceVersion, finalizers = [] } = object.metadata;
  const waited = owners.some(({ state }) => state === 'waiting') && dependents.length > 0;
  // A circle in which everybody waits for the next one: who stops to block opens it.
  if (waited && dependents.some((dependent) => isWaiting(dependent.object)) && isBlocking(object)) {
    return [unblocked(observed)];
  }
  const propagation = waited
    ? 'Foreground'
    : finalizers.includes(orphan)
      ? 'Orphan'
      : finalizers.includes(foreground)
        ? 'Foreground'
        : 'Background';
  return [act({ verb: 'delete', kind: cache.kind, key: keyOf(object), uid, resourceVersion, propagation })];
}

const isBlocking = ({ metadata }: KubeObject): boolean =>
  (metadata.ownerReferences ?? []).some((owner) => owner.blockOwnerDeletion === true);

const unblocked = ({ cache, object }: GarbageObserved): Action =>
  own(
    cache.kind,
    object,
    (object.metadata.ownerReferences ?? []).map((owner) => ({ ...owner, blockOwnerDeletion: false })),
  );

function misplaced({ object, owners }: GarbageObserved): readonly Notice[] {
  return owners.flatMap(({ owner, state }): readonly Notice[] => {
    if (state !== 'elsewhere' && state !== 'outside') return [];
    const { namespace = '' } = object.metadata;
    const text = `${owner.apiVersion}/${owner.kind}, namespace: ${namespace}, name: ${owner.name}, uid: ${owner.uid}`;
    const message = `ownerRef [${text}] does not exist in namespace "${namespace}"`;
    return [{ verb: 'event', about: object, type: 'Warning', reason: 'OwnerRefInvalidNamespace', message }];
  });
}

const blocks =
  (uid: string) =>
  ({ object }: Dependent): boolean =>
    (object.metadata.ownerReferences ?? []).some((owner) => owner.uid === uid && owner.blockOwnerDeletion === true);

/** Dependents notice by themselves that their owner waits; the owner goes once none of them blocks it. */
function deleteBelow(observed: GarbageObserved): Plan {
  const { object, dependents } = observed;
  const blocking = dependents.filter(blocks(object.metadata.uid));
  return blocking.length > 0 ? nothing : { actions: [[withoutFinalizer(observed, foreground)]] };
}

function release(observed: GarbageObserved): Plan {
  const { uid } = observed.object.metadata;
  const freed = observed.dependents.map(({ cache, object }) =>
    own(
      cache.kind,
      object,
      (object.metadata.ownerReferences ?? []).filter((owner) => owner.uid !== uid),
    ),
  );
  return { actions: [freed, [withoutFinalizer(observed, orphan)]].filter((group) => group.length > 0) };
}

function withoutFinalizer({ cache, object }: GarbageObserved, finalizer: string): Action {
  const { uid, resourceVersion, finalizers = [] } = object.metadata;
  const rest = finalizers.filter((each) => each !== finalizer);
  const patch = { metadata: { uid, resourceVersion, finalizers: rest.length > 0 ? (rest as Json) : null } };
  return act({ verb: 'patch', kind: cache.kind, key: keyOf(object), patch });
}
