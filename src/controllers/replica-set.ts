import { isFinished, isReady, type Pod, pods as podKind } from '../api/kinds/pod.ts';
import { type ReplicaSet, type ReplicaSetStatus, replicaSets as replicaSetKind } from '../api/kinds/replica-set.ts';
import { controllerOf, type Draft, type Key, keyOf } from '../api/object.ts';
import { matcherOf } from '../api/selector.ts';
import type { Instant, Millis, Random } from '../base/env.ts';
import { type Action, act, type Notice } from '../client/action.ts';
import { byNamespace, byOwner, type Cache } from '../machinery/cache.ts';
import { type Controller, type Plan, type Source, source } from '../machinery/controller.ts';
import { byOrphan, claim, controllerReference } from './ownership.ts';
import { availableIn, isActive, isTerminating } from './pod-availability.ts';
import { cheapestFirst } from './pod-ranking.ts';
import { statusPatch, unlessZero } from './status-patch.ts';

/** At most this many pods are made or deleted in one go. */
const burstMax = 500;
const podNamePrefixMax = 58;

export interface ReplicaSetObserved {
  readonly set: ReplicaSet;
  /** Owned, and orphans of the namespace that match. */
  readonly pods: readonly Pod[];
  /** Active pods of all sets under the same controller: they decide which node is crowded. */
  readonly related: readonly Pod[];
}

/** Keeps as many pods as wanted. */
export class ReplicaSetController implements Controller<ReplicaSetObserved> {
  readonly name = 'replicaset-controller';
  readonly #sets: Cache<ReplicaSet>;
  readonly #pods: Cache<Pod>;

  constructor(sets: Cache<ReplicaSet>, pods: Cache<Pod>) {
    this.#sets = sets.index('owner', byOwner).index('namespace', byNamespace);
    this.#pods = pods.index('owner', byOwner).index('orphan', byOrphan);
  }

  sources(): readonly Source[] {
    return [source(this.#sets, (set) => [keyOf(set)]), source(this.#pods, (pod) => this.#setsOf(pod))];
  }

  #setsOf(pod: Pod): readonly Key[] {
    const namespace = pod.metadata.namespace ?? '';
    const owner = controllerOf(pod);
    if (owner) return owner.kind === 'ReplicaSet' ? [{ namespace, name: owner.name }] : [];
    const matching = this.#sets
      .by('namespace', namespace)
      .filter((set) => matcherOf(set.spec.selector)(pod.metadata.labels));
    return matching.map(keyOf);
  }

  observe(key: Key): ReplicaSetObserved | undefined {
    const set = this.#sets.get(key);
    if (!set) return undefined;
    const matches = matcherOf(set.spec.selector);
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
    const claimed = claim(podKind, { kind: replicaSetKind, owner: set, selector: set.spec.selector }, pods);
    const active = claimed.mine.filter(isActive);
    const { status, again } = statusOf(set, claimed.mine, now);
    const surplus = active.length - (set.spec.replicas ?? 1);
    const leaving = set.metadata.deletionTimestamp !== undefined;
    const scaling =
      leaving || surplus === 0
        ? []
        : surplus < 0
          ? create(set, -surplus, random)
          : remove(set, active, { surplus, related, now });
    const groups = [claimed.actions, scaling, statusPatch(replicaSetKind, set, status)];
    return { actions: groups.filter((group) => group.length > 0), ...(again === undefined ? {} : { again }) };
  }
}

const ownedBy = (pod: Pod, set: ReplicaSet): boolean =>
  (pod.metadata.ownerReferences ?? []).some((owner) => owner.uid === set.metadata.uid);

function create(set: ReplicaSet, missing: number, random: Random): readonly (Action | Notice)[] {
  const drafts = Array.from({ length: Math.min(missing, burstMax) }, () => podFrom(set, random));
  return [
    ...drafts.map((object) => act({ verb: 'create', kind: podKind, object })),
    ...drafts.map((object) => notice(set, 'SuccessfulCreate', `Created pod: ${object.metadata.name}`)),
  ];
}

function podFrom(set: ReplicaSet, random: Random): Draft<Pod> {
  const { metadata = {}, spec } = set.spec.template;
  const prefix = `${set.metadata.name}-`;
  return {
    metadata: {
      name: prefix.slice(0, podNamePrefixMax) + random.suffix(5),
      generateName: prefix,
      namespace: set.metadata.namespace ?? '',
      ...(metadata.labels ? { labels: metadata.labels } : {}),
      ...(metadata.annotations ? { annotations: metadata.annotations } : {}),
      ...(metadata.finalizers ? { finalizers: metadata.finalizers } : {}),
      ownerReferences: [controllerReference(replicaSetKind, set)],
    },
    spec,
  };
}

interface Removal {
  readonly surplus: number;
  readonly related: readonly Pod[];
  readonly now: Instant;
}

function remove(
  set: ReplicaSet,
  active: readonly Pod[],
  { surplus, related, now }: Removal,
): readonly (Action | Notice)[] {
  const crowds = new Map<string, number>();
  for (const { spec } of related) if (spec.nodeName) crowds.set(spec.nodeName, (crowds.get(spec.nodeName) ?? 0) + 1);
  const crowd = (pod: Pod) => crowds.get(pod.spec.nodeName ?? '') ?? 0;
  const victims = cheapestFirst(active, { now, crowd }).slice(0, Math.min(surplus, burstMax));
  return [
    ...victims.map((pod) => act({ verb: 'delete', kind: podKind, key: keyOf(pod), uid: pod.metadata.uid })),
    ...victims.map((pod) => notice(set, 'SuccessfulDelete', `Deleted pod: ${pod.metadata.name}`)),
  ];
}

const notice = (about: ReplicaSet, reason: string, message: string): Notice => ({
  verb: 'event',
  about,
  reason,
  message,
});

interface StatusAndWait {
  readonly status: ReplicaSetStatus;
  readonly again?: Millis;
}

function statusOf(set: ReplicaSet, mine: readonly Pod[], now: Instant): StatusAndWait {
  const active = mine.filter(isActive);
  const ready = active.filter(isReady);
  const waits = ready.map((pod) => availableIn(pod, set.spec.minReadySeconds ?? 0, now));
  const pending = waits.filter((wait) => wait !== undefined && wait > 0) as Millis[];
  const hasTemplateLabels = matcherOf({ matchLabels: set.spec.template.metadata?.labels ?? {} });
  const status: ReplicaSetStatus = {
    replicas: active.length,
    ...unlessZero('fullyLabeledReplicas', active.filter((pod) => hasTemplateLabels(pod.metadata.labels)).length),
    ...unlessZero('readyReplicas', ready.length),
    ...unlessZero('availableReplicas', waits.filter((wait) => wait === 0).length),
    terminatingReplicas: mine.filter((pod) => isTerminating(pod) && !isFinished(pod)).length,
    observedGeneration: set.metadata.generation ?? 0,
  };
  return { status, ...(pending.length > 0 ? { again: Math.min(...pending) } : {}) };
}
