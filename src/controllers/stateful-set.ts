import { type ControllerRevision, controllerRevisions } from '../api/kinds/controller-revision.ts';
import { type PersistentVolumeClaim, persistentVolumeClaims } from '../api/kinds/persistent-volume-claim.ts';
import { type Pod, pods as podKind } from '../api/kinds/pod.ts';
import { type StatefulSet, statefulSets as setKind } from '../api/kinds/stateful-set.ts';
import { controllerOf, type Key, type KubeObject, keyOf } from '../api/object.ts';
import { matcherOf } from '../api/selector.ts';
import type { Instant } from '../base/env.ts';
import type { Notice } from '../client/action.ts';
import { byNamespace, byOwner, type Cache } from '../machinery/cache.ts';
import { type Controller, nothing, type Plan, type Refusal, type Source, source } from '../machinery/controller.ts';
import { type RevisionName, revisionName } from './controller-revisions.ts';
import { byOrphan, claim } from './ownership.ts';
import { type Claims, claimNames, mayClaim } from './stateful-set-claims.ts';
import { ordinalOf, replicasOf, setSpecOf, setStatusOf, startOrdinal } from './stateful-set-shape.ts';
import { StatefulSetSync } from './stateful-set-sync.ts';

export interface StatefulSetObserved {
  readonly set: StatefulSet;
  /** Owned, and orphans of the namespace that match and have a name of the set's. */
  readonly pods: readonly Pod[];
  readonly revisions: readonly ControllerRevision[];
  /** By their names, those that pods of the set may use. */
  readonly claims: Claims;
  /** What a new revision would be called. */
  readonly fresh: RevisionName;
}

/** Keeps pods that have names, an order, and volumes of their own. */
export class StatefulSetController implements Controller<StatefulSetObserved> {
  readonly name = 'statefulset-controller';
  readonly #sets: Cache<StatefulSet>;
  readonly #pods: Cache<Pod>;
  readonly #revisions: Cache<ControllerRevision>;
  readonly #claims: Cache<PersistentVolumeClaim>;

  constructor(caches: {
    readonly sets: Cache<StatefulSet>;
    readonly pods: Cache<Pod>;
    readonly revisions: Cache<ControllerRevision>;
    readonly claims: Cache<PersistentVolumeClaim>;
  }) {
    this.#sets = caches.sets.index('namespace', byNamespace);
    this.#pods = caches.pods.index('owner', byOwner).index('orphan', byOrphan);
    this.#revisions = caches.revisions.index('owner', byOwner).index('orphan', byOrphan);
    this.#claims = caches.claims;
  }

  sources(): readonly Source[] {
    return [
      source(this.#sets, (set) => [keyOf(set)]),
      source(this.#pods, (pod) => this.#setsOf(pod)),
      source(this.#revisions, (revision) => this.#setsOf(revision)),
      source(this.#claims, ({ metadata }) =>
        this.#sets
          .by('namespace', metadata.namespace ?? '')
          .filter((set) => mayClaim(set, metadata.name))
          .map(keyOf),
      ),
    ];
  }

  #setsOf(object: KubeObject): readonly Key[] {
    const namespace = object.metadata.namespace ?? '';
    const owner = controllerOf(object);
    if (owner) return owner.kind === 'StatefulSet' ? [{ namespace, name: owner.name }] : [];
    const matching = this.#sets
      .by('namespace', namespace)
      .filter((set) => matcherOf(setSpecOf(set).selector)(object.metadata.labels));
    return matching.map(keyOf);
  }

  observe(key: Key): StatefulSetObserved | undefined {
    const set = this.#sets.get(key);
    if (!set) return undefined;
    const { template } = setSpecOf(set);
    const pods = this.#mine(this.#pods, set).filter((pod) => ordinalOf(set, pod) !== undefined);
    return {
      set,
      pods,
      revisions: this.#mine(this.#revisions, set),
      claims: this.#claimsOf(set, pods),
      fresh: revisionName(set, template, {
        cache: this.#revisions,
        collisionCount: setStatusOf(set).collisionCount ?? 0,
      }),
    };
  }

  #mine<T extends KubeObject>(cache: Cache<T>, set: StatefulSet): readonly T[] {
    const owned = cache.by('owner', set.metadata.uid);
    const matches = matcherOf(setSpecOf(set).selector);
    const orphans = cache
      .by('orphan', set.metadata.namespace ?? '')
      .filter((object) => matches(object.metadata.labels) && !owned.includes(object));
    return [...owned, ...orphans];
  }

  #claimsOf(set: StatefulSet, pods: readonly Pod[]): Claims {
    const { namespace = '' } = set.metadata;
    const wanted = Array.from({ length: replicasOf(set) }, (_, place) => startOrdinal(set) + place);
    const ordinals = new Set([...wanted, ...pods.map((pod) => ordinalOf(set, pod) ?? 0)]);
    const claims = new Map<string, PersistentVolumeClaim>();
    for (const name of [...ordinals].flatMap((ordinal) => claimNames(set, ordinal))) {
      const found = this.#claims.get({ namespace, name });
      if (found) claims.set(name, found);
    }
    return claims;
  }

  plan(observed: StatefulSetObserved, now: Instant): Plan {
    const { set } = observed;
    const by = { kind: setKind, owner: set, selector: setSpecOf(set).selector };
    const pods = claim(podKind, by, observed.pods);
    const revisions = claim(controllerRevisions, by, observed.revisions);
    const sync = new StatefulSetSync({ ...observed, pods: pods.mine, revisions: revisions.mine }, now);
    const { actions, ...rest } = sync.plan();
    const groups = [[...pods.actions, ...revisions.actions], ...actions];
    return { ...rest, actions: groups.filter((group) => group.length > 0) };
  }

  refused({ set }: StatefulSetObserved, { action, error }: Refusal): Plan {
    const verb = action.verb === 'create' ? 'Create' : action.verb === 'delete' ? 'Delete' : undefined;
    const name = action.verb === 'create' ? action.object.metadata.name : 'key' in action ? action.key.name : '';
    if (verb === undefined) return nothing;
    const place = `in StatefulSet ${set.metadata.name} failed error:`;
    const told = (message: string): Notice => {
      return { verb: 'event', about: set, type: 'Warning', reason: `Failed${verb}`, message };
    };
    if (action.kind.plural === podKind.plural) {
      return { actions: [[told(`${verb} Pod ${name} ${place} ${error.message}`)]] };
    }
    if (action.kind.plural !== persistentVolumeClaims.plural) return nothing;
    // Without its claim the pod cannot be made either.
    const pod = `${set.metadata.name}${/-[0-9]+$/.exec(name ?? '')?.[0] ?? ''}`;
    const forClaim = told(`${verb} Claim ${name} for Pod ${pod} ${place} ${error.message}`);
    const why = `failed to create PVC ${name}: ${error.message}`;
    return { actions: [[forClaim, told(`Create Pod ${pod} ${place} ${why}`)]] };
  }
}
