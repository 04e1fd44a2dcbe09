import type { Kind } from '../api/kind.ts';
import { isFinished, isReady, type Pod, pods as podKind } from '../api/kinds/pod.ts';
import { type ReplicaSet, type ReplicaSetStatus, replicaSets as replicaSetKind } from '../api/kinds/replica-set.ts';
import { controllerOf, type Key, keyOf } from '../api/object.ts';
import { type LabelSelector, matcherOf } from '../api/selector.ts';
import type { Instant, Millis, Random } from '../base/env.ts';
import { timestamp } from '../base/text.ts';
import type { Action, Notice } from '../client/action.ts';
import { byNamespace, byOwner, type Cache } from '../machinery/cache.ts';
import { type Controller, nothing, type Plan, type Refusal, type Source, source } from '../machinery/controller.ts';
import { byOrphan, type Claimed, claim } from './ownership.ts';
import { availableIn, isActive, isTerminating } from './pod-availability.ts';
import { createPods, deletePods, podFromTemplate } from './pod-from-template.ts';
import { cheapestFirst } from './pod-ranking.ts';
import { podRefusal } from './pod-refusal.ts';
import { statusPatch, unlessZero } from './status-patch.ts';

/** At most this many pods are made or deleted in one go. */
const burstMax = 500;
const replicaFailure = 'ReplicaFailure';

export interface ReplicaSetObserved {
  readonly set: ReplicaSet;
  /** Owned, and orphans of the namespace that match. */
  readonly pods: readonly Pod[];
  /** Active pods of all sets under the same controller: they decide which node is crowded. */
  readonly related: readonly Pod[];
}

/** What replica sets and replication controllers do not share. */
export interface ReplicaFlavour {
  readonly name: string;
  readonly kind: Kind<ReplicaSet>;
  readonly selectorOf: (set: ReplicaSet) => LabelSelector;
  /** The status tells of pods that are still leaving. */
  readonly countsTerminating: boolean;
}

const replicaSetFlavour: ReplicaFlavour = {
  name: 'replicaset-controller',
  kind: replicaSetKind,
  selectorOf: ({ spec }) => spec.selector,
  countsTerminating: true,
};

/** Keeps as many pods as wanted. */
export class ReplicaSetController implements Controller<ReplicaSetObserved> {
  readonly name: string;
  readonly #flavour: ReplicaFlavour;
  readonly #sets: Cache<ReplicaSet>;
  readonly #pods: Cache<Pod>;

  constructor(sets: Cache<ReplicaSet>, pods: Cache<Pod>, flavour: ReplicaFlavour = replicaSetFlavour) {
    this.name = flavour.name;
    this.#flavour = flavour;
    this.#sets = sets.index('owner', byOwner).index('namespace', byNamespace);
    this.#pods = pods.index('owner', byOwner).index('orphan', byOrphan);
  }

  sources(): readonly Source[] {
    return [source(this.#sets, (set) => [keyOf(set)]), source(this.#pods, (pod) => this.#setsOf(pod))];
  }

  #setsOf(pod: Pod): readonly Key[] {
    const namespace = pod.metadata.namespace ?? '';
    const owner = controllerOf(pod);
    if (owner) return owner.kind === this.#flavour.kind.kind ? [{ namespace, name: owner.name }] : [];
    const matching = this.#sets
      .by('namespace', namespace)
      .filter((set) => matcherOf(this.#flavour.selectorOf(set))(pod.metadata.labels));
    return matching.map(keyOf);
  }

  observe(key: Key): ReplicaSetObserved | undefined {
    const set = this.#sets.get(key);
    if (!set) return undefined;
    const matches = matcherOf(this.#flavour.selectorOf(set));
    const orphans = this.#pods.by('orphan', key.namespace).filter((pod) => matches(pod.metadata.labels));
    const pods = [...this.#pods.by('owner', set.metadata.uid), ...orphans.filter((pod) => !ownedBy(pod, set))];
    return { set, pods, related: this.#related(set) };
  }

  #related(set: ReplicaSet): readonly Pod[] {
    const controller = controllerOf(set);
    if (!controller) return [];
    const sisters = this.#sets.by('owner', controller.uid);
    return sisters.flatMap((sister) => this.#pods.by('owner', sister.metadata.uid)).filter(isActive);
  }

  plan({ set, pods, related }: ReplicaSetObserved, now: Instant, random: Random): Plan {
    const claimed = this.#claimed(set, pods);
    const active = claimed.mine.filter(isActive);
    const { status, again } = this.#statusOf(set, claimed.mine, now);
    const surplus = active.length - (set.spec.replicas ?? 1);
    const leaving = set.metadata.deletionTimestamp !== undefined;
    const scaling =
      leaving || surplus === 0
        ? []
        : surplus < 0
          ? this.#create(set, -surplus, random)
          : deletePods(set, victimsOf(active, { surplus, related, now }));
    const groups = [claimed.actions, scaling, statusPatch(this.#flavour.kind, set, status)];
    return { actions: groups.filter((group) => group.length > 0), ...(again === undefined ? {} : { again }) };
  }

  /** The condition goes again with the next plan that is sent as a whole. */
  refused({ set, pods }: ReplicaSetObserved, refusal: Refusal, now: Instant): Plan {
    const notice = podRefusal(set, refusal);
    if (!notice) return nothing;
    const { status } = this.#statusOf(set, this.#claimed(set, pods).mine, now);
    const known = set.status?.conditions?.find(({ type }) => type === replicaFailure);
    const failure = known ?? {
      type: replicaFailure,
      status: 'True',
      lastTransitionTime: timestamp(now),
      reason: notice.reason,
      message: refusal.error.message,
    };
    const conditions = [...(status.conditions ?? []), failure];
    return { actions: [[notice], statusPatch(this.#flavour.kind, set, { ...status, conditions })] };
  }

  #claimed(set: ReplicaSet, pods: readonly Pod[]): Claimed<Pod> {
    const { kind, selectorOf } = this.#flavour;
    return claim(podKind, { kind, owner: set, selector: selectorOf(set) }, pods);
  }

  #create(set: ReplicaSet, missing: number, random: Random): readonly (Action | Notice)[] {
    const maker = { kind: this.#flavour.kind, owner: set, template: set.spec.template, random };
    const drafts = Array.from({ length: Math.min(missing, burstMax) }, () => podFromTemplate(maker));
    return createPods(set, drafts);
  }

  #statusOf(set: ReplicaSet, mine: readonly Pod[], now: Instant): StatusAndWait {
    const active = mine.filter(isActive);
    const ready = active.filter(isReady);
    const waits = ready.map((pod) => availableIn(pod, set.spec.minReadySeconds ?? 0, now));
    const pending = waits.filter((wait) => wait !== undefined && wait > 0) as Millis[];
    const hasTemplateLabels = matcherOf({ matchLabels: set.spec.template.metadata?.labels ?? {} });
    const conditions = (set.status?.conditions ?? []).filter(({ type }) => type !== replicaFailure);
    const terminating = mine.filter((pod) => isTerminating(pod) && !isFinished(pod)).length;
    const status: ReplicaSetStatus = {
      replicas: active.length,
      ...unlessZero('fullyLabeledReplicas', active.filter((pod) => hasTemplateLabels(pod.metadata.labels)).length),
      ...unlessZero('readyReplicas', ready.length),
      ...unlessZero('availableReplicas', waits.filter((wait) => wait === 0).length),
      ...(this.#flavour.countsTerminating ? { terminatingReplicas: terminating } : {}),
      observedGeneration: set.metadata.generation ?? 0,
      ...(conditions.length > 0 ? { conditions } : {}),
    };
    return { status, ...(pending.length > 0 ? { again: Math.min(...pending) } : {}) };
  }
}

const ownedBy = (pod: Pod, set: ReplicaSet): boolean =>
  (pod.metadata.ownerReferences ?? []).some((owner) => owner.uid === set.metadata.uid);

interface Removal {
  readonly surplus: number;
  readonly related: readonly Pod[];
  readonly now: Instant;
}

function victimsOf(active: readonly Pod[], { surplus, related, now }: Removal): readonly Pod[] {
  const crowds = new Map<string, number>();
  for (const { spec } of related) if (spec.nodeName) crowds.set(spec.nodeName, (crowds.get(spec.nodeName) ?? 0) + 1);
  const crowd = (pod: Pod) => crowds.get(pod.spec.nodeName ?? '') ?? 0;
  return cheapestFirst(active, { now, crowd }).slice(0, Math.min(surplus, burstMax));
}

interface StatusAndWait {
  readonly status: ReplicaSetStatus;
  readonly again?: Millis;
}
