import { type Key, type KubeObject, keyOf, keyText, type Owner, parseKey } from '../api/object.ts';
import type { Instant } from '../base/env.ts';
import type { Json } from '../base/json.ts';
import { type Action, act, type Notice } from '../client/action.ts';
import { byOwner, type Cache, type Index } from '../machinery/cache.ts';
import { type Controller, nothing, type Plan, type Source, source } from '../machinery/controller.ts';
import { own } from './ownership.ts';

const foreground = 'foregroundDeletion';
const orphan = 'orphan';
const lookAgainMs = 500;
const goneMax = 100_000;

const byUid: Index<KubeObject> = (object) => [object.metadata.uid];

/** 'unsure': the cache of its kind may not have seen it yet. 'waiting': it is deleted in the foreground. */
type OwnerState = 'here' | 'waiting' | 'gone' | 'elsewhere' | 'unsure';
export interface Dependent {
  readonly cache: Cache;
  readonly object: KubeObject;
}
export interface GarbageObserved extends Dependent {
  readonly owners: readonly { readonly owner: Owner; readonly state: OwnerState }[];
  readonly dependents: readonly Dependent[];
}

/** Deletes what nobody owns any more, and sees foreground and orphaning deletions through. */
export class GarbageCollector implements Controller<GarbageObserved> {
  readonly name = 'garbage-collector-controller';
  readonly #caches: readonly Cache[];
  /** Owners that were seen and then deleted: certainly gone. */
  readonly #gone = new Set<string>();

  constructor(caches: readonly Cache[]) {
    this.#caches = caches;
    for (const cache of caches) {
      cache.index('owner', byOwner).index('uid', byUid);
      cache.onChange((now, before) => {
        if (!before || before.metadata.uid === now?.metadata.uid) return;
        if (this.#gone.size >= goneMax) this.#gone.clear();
        this.#gone.add(before.metadata.uid);
      });
    }
  }

  sources(): readonly Source[] {
    return this.#caches.map((cache) => source(cache, (object) => this.#keys(cache, object)));
  }

  /** The object itself; once it is going, its dependents too; once it has gone, those that waited for it. */
  #keys(cache: Cache, object: KubeObject): readonly Key[] {
    const { ownerReferences = [], deletionTimestamp, finalizers, uid } = object.metadata;
    const here = cache.get(keyOf(object))?.metadata.uid === uid;
    const self =
      here && (ownerReferences.length > 0 || (deletionTimestamp && finalizers?.length)) ? [keyIn(cache, object)] : [];
    const below =
      here && deletionTimestamp === undefined
        ? []
        : this.#dependentsOf(uid).map((each) => keyIn(each.cache, each.object));
    const above = here ? [] : ownerReferences.flatMap((owner) => this.#waitingOwner(owner));
    return [...self, ...below, ...above];
  }

  #waitingOwner(owner: Owner): readonly Key[] {
    const cache = this.#cacheOf(owner);
    return (cache?.by('uid', owner.uid) ?? [])
      .filter((object) => object.metadata.deletionTimestamp !== undefined)
      .map((object) => keyIn(cache as Cache, object));
  }

  #cacheOf(owner: Owner): Cache | undefined {
    const group = groupOf(owner.apiVersion);
    return this.#caches.find(({ kind }) => kind.kind === owner.kind && kind.group === group);
  }

  #dependentsOf(uid: string): readonly Dependent[] {
    return this.#caches.flatMap((cache) => cache.by('owner', uid).map((object) => ({ cache, object })));
  }

  observe(key: Key): GarbageObserved | undefined {
    const at = key.name.indexOf('|');
    const cache = this.#caches.find(({ kind }) => `${kind.apiVersion}:${kind.plural}` === key.name.slice(0, at));
    const object = cache?.get(parseKey(key.name.slice(at + 1)));
    if (!cache || !object) return undefined;
    const owners = (object.metadata.ownerReferences ?? []).map((owner) => ({
      owner,
      state: this.#stateOf(owner, object),
    }));
    return { cache, object, owners, dependents: this.#dependentsOf(object.metadata.uid) };
  }

  #stateOf(owner: Owner, object: KubeObject): OwnerState {
    const cache = this.#cacheOf(owner);
    if (!cache) return 'here';
    const [found] = cache.by('uid', owner.uid);
    if (!found) {
      const certain = this.#gone.has(owner.uid) || cache.revision >= Number(object.metadata.resourceVersion);
      return certain ? 'gone' : 'unsure';
    }
    if (cache.kind.namespaced && found.metadata.namespace !== object.metadata.namespace) return 'elsewhere';
    const { deletionTimestamp, finalizers } = found.metadata;
    return deletionTimestamp !== undefined && finalizers?.includes(foreground) ? 'waiting' : 'here';
  }

  plan(observed: GarbageObserved, _now: Instant): Plan {
    const { metadata } = observed.object;
    if (metadata.deletionTimestamp !== undefined) {
      if (metadata.finalizers?.includes(orphan)) return release(observed);
      return metadata.finalizers?.includes(foreground) ? deleteBelow(observed) : nothing;
    }
    const states = observed.owners.map(({ state }) => state);
    if (states.length === 0) return nothing;
    if (states.includes('unsure')) return { actions: [], again: lookAgainMs };
    if (states.includes('here'))
      return states.every((state) => state === 'here') ? nothing : { actions: [[forget(observed)]] };
    return { actions: [[...misplaced(observed), collect(observed)]] };
  }
}

const groupOf = (apiVersion: string): string =>
  apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';

const keyIn = ({ kind }: Cache, object: KubeObject): Key => ({
  namespace: '',
  name: `${kind.apiVersion}:${kind.plural}|${keyText(keyOf(object))}`,
});

/** The owners that are still there keep it; the others are struck off. */
function forget({ cache, object, owners }: GarbageObserved): Action {
  return own(
    cache.kind,
    object,
    owners.filter(({ state }) => state === 'here').map(({ owner }) => owner),
  );
}

function collect({ cache, object, owners, dependents }: GarbageObserved): Action {
  const { uid, finalizers = [] } = object.metadata;
  const waited = owners.some(({ state }) => state === 'waiting') && dependents.some(blocks(uid));
  const propagation = finalizers.includes(orphan)
    ? 'Orphan'
    : finalizers.includes(foreground) || waited
      ? 'Foreground'
      : 'Background';
  return act({ verb: 'delete', kind: cache.kind, key: keyOf(object), uid, propagation });
}

function misplaced({ object, owners }: GarbageObserved): readonly Notice[] {
  const namespace = object.metadata.namespace ?? '';
  return owners.flatMap(({ owner, state }): readonly Notice[] => {
    if (state !== 'elsewhere') return [];
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
