import { type ControllerRevision, controllerRevisions } from '../api/kinds/controller-revision.ts';
import { type DaemonSet, daemonSets as setKind } from '../api/kinds/daemon-set.ts';
import type { Node } from '../api/kinds/node.ts';
import { type Pod, pods as podKind } from '../api/kinds/pod.ts';
import { controllerOf, type Key, type KubeObject, keyOf } from '../api/object.ts';
import { matcherOf } from '../api/selector.ts';
import type { Instant, Random } from '../base/env.ts';
import { equalJson } from '../base/json.ts';
import { byNamespace, byOwner, type Cache } from '../machinery/cache.ts';
import { type Controller, nothing, type Plan, type Refusal, type Source, source } from '../machinery/controller.ts';
import { type RevisionName, revisionName } from './controller-revisions.ts';
import { daemonSpecOf, daemonStatusOf, targetOf } from './daemon-set-shape.ts';
import { DaemonSetSync } from './daemon-set-sync.ts';
import { endedAt } from './job-backoff.ts';
import { byOrphan, claim } from './ownership.ts';
import { podRefusal } from './pod-refusal.ts';

/** So many failures of one set on one node are remembered: each doubles the wait for the next pod. */
const failuresMax = 12;

export interface DaemonSetObserved {
  readonly set: DaemonSet;
  /** Owned, and orphans of the namespace that match. */
  readonly pods: readonly Pod[];
  readonly nodes: readonly Node[];
  readonly revisions: readonly ControllerRevision[];
  /** What a new revision would be called. */
  readonly fresh: RevisionName;
  /** By node, when pods of the set failed there. */
  readonly failures: ReadonlyMap<string, ReadonlyMap<string, Instant>>;
}

/** Keeps one pod on every node that it fits. */
export class DaemonSetController implements Controller<DaemonSetObserved> {
  readonly name = 'daemonset-controller';
  readonly #sets: Cache<DaemonSet>;
  readonly #pods: Cache<Pod>;
  readonly #nodes: Cache<Node>;
  readonly #revisions: Cache<ControllerRevision>;
  /** By set and node, the pods that failed there. */
  readonly #failures = new Map<string, Map<string, Map<string, Instant>>>();
  /** Whether the change that is being told of matters: most changes of nodes are heartbeats. */
  #nodeChanged = true;

  constructor(caches: {
    readonly sets: Cache<DaemonSet>;
    readonly pods: Cache<Pod>;
    readonly nodes: Cache<Node>;
    readonly revisions: Cache<ControllerRevision>;
  }) {
    this.#sets = caches.sets.index('namespace', byNamespace);
    this.#pods = caches.pods.index('owner', byOwner).index('orphan', byOrphan);
    this.#nodes = caches.nodes;
    this.#revisions = caches.revisions.index('owner', byOwner).index('orphan', byOrphan);
    caches.nodes.onChange((now, before) => {
      this.#nodeChanged = !now || !before || !equalJson(choiceOf(now), choiceOf(before));
    });
    caches.pods.onChange((now) => this.#remember(now));
    caches.sets.onChange((now, before) => {
      if (!now && before) this.#failures.delete(before.metadata.uid);
    });
  }

  sources(): readonly Source[] {
    return [
      source(this.#sets, (set) => [keyOf(set)]),
      source(this.#pods, (pod) => this.#setsOf(pod)),
      source(this.#revisions, (revision) => this.#setsOf(revision)),
      source(this.#nodes, () => (this.#nodeChanged ? this.#sets.list().map(keyOf) : [])),
    ];
  }

  #setsOf(object: KubeObject): readonly Key[] {
    const namespace = object.metadata.namespace ?? '';
    const owner = controllerOf(object);
    if (owner) return owner.kind === 'DaemonSet' ? [{ namespace, name: owner.name }] : [];
    const matching = this.#sets
      .by('namespace', namespace)
      .filter((set) => matcherOf(daemonSpecOf(set).selector)(object.metadata.labels));
    return matching.map(keyOf);
  }

  #remember(pod: Pod | undefined): void {
    const owner = pod?.status?.phase === 'Failed' ? controllerOf(pod) : undefined;
    const node = pod && targetOf(pod);
    if (!pod || owner?.kind !== 'DaemonSet' || node === undefined) return;
    const set = this.#sets.get({ namespace: pod.metadata.namespace ?? '', name: owner.name });
    if (set?.metadata.uid !== owner.uid) return;
    const ofSet = this.#failures.get(owner.uid) ?? new Map<string, Map<string, Instant>>();
    const failures = ofSet.get(node) ?? new Map<string, Instant>();
    if (!failures.has(pod.metadata.uid)) failures.set(pod.metadata.uid, endedAt(pod));
    const [oldest] = failures.keys();
    if (failures.size > failuresMax && oldest !== undefined) failures.delete(oldest);
    this.#failures.set(owner.uid, ofSet.set(node, failures));
  }

  observe(key: Key): DaemonSetObserved | undefined {
    const set = this.#sets.get(key);
    if (!set) return undefined;
    const { template } = daemonSpecOf(set);
    const { collisionCount = 0 } = daemonStatusOf(set);
    return {
      set,
      pods: this.#mine(this.#pods, set),
      nodes: this.#nodes.list(),
      revisions: this.#mine(this.#revisions, set),
      fresh: revisionName(set, template, { cache: this.#revisions, collisionCount }),
      failures: this.#failures.get(set.metadata.uid) ?? new Map(),
    };
  }

  #mine<T extends KubeObject>(cache: Cache<T>, set: DaemonSet): readonly T[] {
    const owned = cache.by('owner', set.metadata.uid);
    const matches = matcherOf(daemonSpecOf(set).selector);
    const orphans = cache
      .by('orphan', set.metadata.namespace ?? '')
      .filter((object) => matches(object.metadata.labels) && !owned.includes(object));
    return [...owned, ...orphans];
  }

  plan(observed: DaemonSetObserved, now: Instant, random: Random): Plan {
    const { set } = observed;
    if (set.metadata.deletionTimestamp !== undefined) return nothing;
    const by = { kind: setKind, owner: set, selector: daemonSpecOf(set).selector };
    const pods = claim(podKind, by, observed.pods);
    const revisions = claim(controllerRevisions, by, observed.revisions);
    const facts = { ...observed, pods: pods.mine, revisions: revisions.mine, now, random };
    const { actions, ...rest } = new DaemonSetSync(facts).plan();
    const groups = [[...pods.actions, ...revisions.actions], ...actions];
    return { ...rest, actions: groups.filter((group) => group.length > 0) };
  }

  refused({ set }: DaemonSetObserved, refusal: Refusal): Plan {
    const notice = podRefusal(set, refusal);
    return notice ? { actions: [[notice]] } : nothing;
  }
}

/** What of a node decides whether a pod fits. */
const choiceOf = ({ metadata, spec }: Node) => [metadata.labels, spec.taints, spec.unschedulable];
