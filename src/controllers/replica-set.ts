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
import { byOrphan, type Claimed, claim, onceForEach } from './ownership.ts';
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
  /** Where there are more pods than wanted, active ones of all sets under the same controller: they crowd nodes. */
  readonly related: readonly Pod[];
  /** Whether a pod of this name is known already, whoever made it. */
  isTaken(name: string): boolean;
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
    const orphans = this.#pods
      .by('orphan', key.namespace)
      .filter((pod) => matches(pod.metadata.labels) && !ownedBy(pod, set));
    const owned = this.#pods.by('owner', set.metadata.uid);
    const pods = orphans.length > 0 ? [...owned, ...orphans] : owned;
    const related = pods.length > wantedOf(set) ? this.#related(set) : [];
    const isTaken = (name: string) => this.#pods.get({ namespace: key.namespace, name }) !== undefined;
    return { set, pods, related, isTaken };
  }

  #related(set: ReplicaSet): readonly Pod[] {
    const controller = controllerOf(set);
    if (!controller) return [];
    const sisters = this.#sets.by('owner', controller.uid);
    return sisters.flatMap((sister) => this.#pods.by('owner', sister.metadata.uid)).filter(isActive);
  }

  plan({ set, pods, related, isTaken }: ReplicaSetObserved, now: Instant, random: Random): Plan {
    const claimed = this.#claimed(set, pods);
    const { status, again } = this.#statusOf(set, claimed.mine, now);
    const surplus = status.replicas - wantedOf(set);
    const leaving = set.metadata.deletionTimestamp !== undefined;
    const scaling =
      leaving || surplus === 0
        ? []
        : surplus < 0
          ? this.#create(set, -surplus, { random, isTaken })
          : deletePods(set, victimsOf(claimed.mine.filter(isActive), { surplus, related, now }));
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

  #create(set: ReplicaSet, missing: number, names: NameSource): readonly (Action | Notice)[] {
    const drawn = new Set<string>();
    const isTaken = (name: string) => drawn.has(name) || names.isTaken(name);
    const maker = { kind: this.#flavour.kind, owner: set, template: set.spec.template, random: names.random, isTaken };
    const drafts = Array.from({ length: Math.min(missing, burstMax) }, () => {
      const draft = podFromTemplate(maker);
      drawn.add(draft.metadata.name as string);
      return draft;
    });
    return createPods(set, drafts);
  }

  /** Of a set of 100,000 pods this is most of a look: each is looked at once. */
  #statusOf(set: ReplicaSet, mine: readonly Pod[], now: Instant): StatusAndWait {
    const { minReadySeconds = 0, template } = set.spec;
    const hasTemplateLabels = onceForEach(matcherOf({ matchLabels: template.metadata?.labels ?? {} }));
    const counts = { active: 0, labelled: 0, ready: 0, available: 0, terminating: 0 };
    let again: Millis = Number.POSITIVE_INFINITY;
    for (const pod of mine) {
      if (isFinished(pod)) continue;
      if (isTerminating(pod)) {
        counts.terminating++;
        continue;
      }
      counts.active++;
      if (hasTemplateLabels(pod.metadata.labels)) counts.labelled++;
      if (!isReady(pod)) continue;
      counts.ready++;
      const wait = availableIn(pod, minReadySeconds, now);
      if (wait === 0) counts.available++;
      else if (wait !== undefined) again = Math.min(again, wait);
    }
    const conditions = (set.status?.conditions ?? []).filter(({ type }) => type !== replicaFailure);
    const status: ReplicaSetStatus = {
      replicas: counts.active,
      ...unlessZero('fullyLabeledReplicas', counts.labelled),
      ...unlessZero('readyReplicas', counts.ready),
      ...unlessZero('availableReplicas', counts.available),
      ...(this.#flavour.countsTerminating ? { terminatingReplicas: counts.terminating } : {}),
      observedGeneration: set.metadata.generation ?? 0,
      ...(conditions.length > 0 ? { conditions } : {}),
    };
    return { status, ...(Number.isFinite(again) ? { again } : {}) };
  }
}

interface NameSource {
  readonly random: Random;
  isTaken(name: string): boolean;
}

const wantedOf = ({ spec }: ReplicaSet): number => spec.replicas ?? 1;

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
