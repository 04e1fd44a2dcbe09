import type { ControllerRevision } from '../api/kinds/controller-revision.ts';
import { type DaemonSet, daemonSets as setKind } from '../api/kinds/daemon-set.ts';
import type { Node } from '../api/kinds/node.ts';
import { isFinished, isReady, type Pod } from '../api/kinds/pod.ts';
import type { Instant, Millis, Random } from '../base/env.ts';
import { compareText } from '../base/text.ts';
import type { Action, Notice } from '../client/action.ts';
import type { Plan } from '../machinery/controller.ts';
import {
  createRevision,
  deleteRevision,
  equalTo,
  nextRevision,
  oldestFirst,
  type RevisionName,
  raiseRevision,
} from './controller-revisions.ts';
import { daemonPod, type Fit, fitOf } from './daemon-set-pods.ts';
import {
  allowsSurge,
  boundsOf,
  byAge,
  type DaemonSetStatus,
  daemonSpecOf,
  daemonStatusOf,
  hashLabel,
  isUpdated,
  targetOf,
} from './daemon-set-shape.ts';
import { availableIn, isTerminating } from './pod-availability.ts';
import { createPods, deletePods } from './pod-from-template.ts';
import { statusPatch, unlessZero } from './status-patch.ts';

/** At most this many pods are made or deleted in one go. */
const burstMax = 250;
const historyDefault = 10;
const failedDelayMs = 1_000;
const failedDelayMaxMs = 900_000;

interface Facts {
  readonly set: DaemonSet;
  readonly pods: readonly Pod[];
  readonly nodes: readonly Node[];
  readonly revisions: readonly ControllerRevision[];
  readonly fresh: RevisionName;
  readonly failures: ReadonlyMap<string, ReadonlyMap<string, Instant>>;
  readonly now: Instant;
  readonly random: Random;
}
interface Place {
  readonly name: string;
  readonly fit: Fit;
  readonly pods: readonly Pod[];
}

/** One look at one daemon set. */
export class DaemonSetSync {
  readonly #facts: Facts;
  readonly #set: DaemonSet;
  readonly #groups: (readonly (Action | Notice)[])[] = [];
  readonly #notices: Notice[] = [];
  readonly #creates: string[] = [];
  readonly #deletes: Pod[] = [];
  readonly #waits: Millis[] = [];
  readonly #hash: string;
  readonly #old: readonly ControllerRevision[];
  readonly #places: readonly Place[];

  constructor(facts: Facts) {
    const { set, revisions, pods, nodes } = facts;
    this.#facts = facts;
    this.#set = set;
    const current = equalTo(daemonSpecOf(set).template, revisions).at(-1);
    this.#old = revisions.filter((revision) => revision !== current);
    this.#hash = this.#settleRevision(current);
    const byNode = new Map<string, Pod[]>();
    for (const pod of pods) {
      const target = targetOf(pod);
      // Who has ended and is deleted takes no place any more.
      if (target === undefined || (isFinished(pod) && isTerminating(pod))) continue;
      byNode.set(target, [...(byNode.get(target) ?? []), pod]);
    }
    const sorted = [...nodes].sort((a, b) => compareText(a.metadata.name, b.metadata.name));
    this.#places = sorted.map((node) => {
      const { name } = node.metadata;
      return { name, fit: fitOf(set, node), pods: (byNode.get(name) ?? []).sort(byAge) };
    });
  }

  plan(): Plan {
    for (const place of this.#places) this.#mind(place);
    this.#deletes.push(...this.#lost());
    const rolls = daemonSpecOf(this.#set).updateStrategy?.type !== 'OnDelete';
    if (this.#creates.length + this.#deletes.length === 0 && rolls) this.#roll();
    this.#write();
    this.#cutHistory();
    this.#groups.push(statusPatch(setKind, this.#set, this.#status()));
    return { actions: this.#groups, ...(this.#waits.length > 0 ? { again: Math.min(...this.#waits) } : {}) };
  }

  /** The hash that pods of the current template carry. */
  #settleRevision(current: ControllerRevision | undefined): string {
    const { fresh } = this.#facts;
    const revision = nextRevision(this.#old);
    const { template } = daemonSpecOf(this.#set);
    if (!current) {
      const made = { kind: setKind, owner: this.#set, template, labels: { [hashLabel]: fresh.hash }, revision };
      this.#groups.push([createRevision({ ...made, name: fresh.name })]);
      return fresh.hash;
    }
    const isNewest = oldestFirst([...this.#old, current]).at(-1) === current;
    if (!isNewest) this.#groups.push([raiseRevision(current, revision)]);
    return current.metadata.labels?.[hashLabel] ?? fresh.hash;
  }

  #mind({ name, fit, pods }: Place): void {
    if (!fit.stays) {
      this.#deletes.push(...pods.filter((pod) => !isTerminating(pod)));
      return;
    }
    if (fit.begins && pods.length === 0) this.#creates.push(name);
    const running = pods.filter((pod) => !isTerminating(pod) && !this.#clear(pod, name));
    if (running.length < 2) return;
    if (allowsSurge(this.#set)) this.#keepTwo(running);
    else this.#deletes.push(...running.slice(1));
  }

  /** Takes away a pod that has ended, in time. */
  #clear(pod: Pod, node: string): boolean {
    const phase = pod.status?.phase;
    const place = `daemon pod ${pod.metadata.namespace}/${pod.metadata.name} on node ${node}`;
    if (phase === 'Failed') {
      const wait = this.#failedWait(pod, node);
      if (wait > 0) this.#waits.push(wait);
      else {
        this.#tell('FailedDaemonPod', `Found failed ${place}, will try to kill it`, 'Warning');
        this.#deletes.push(pod);
      }
    } else if (phase === 'Succeeded') {
      this.#tell('SucceededDaemonPod', `Found succeeded ${place}, will try to delete it`);
      this.#deletes.push(pod);
    }
    return isFinished(pod);
  }

  /** A node that refuses pod after pod is asked more and more rarely. */
  #failedWait(pod: Pod, node: string): Millis {
    const before = [...(this.#facts.failures.get(node) ?? [])].filter(([uid]) => uid !== pod.metadata.uid);
    if (before.length === 0) return 0;
    const last = Math.max(...before.map(([, at]) => at));
    return last + Math.min(failedDelayMs * 2 ** (before.length - 1), failedDelayMaxMs) - this.#facts.now;
  }

  /** The oldest of the current template and the oldest of another, as long as the new one is not there for the old. */
  #keepTwo(running: readonly Pod[]): void {
    const isNew = (pod: Pod) => pod.metadata.labels?.[hashLabel] === this.#hash;
    const newest = running.find(isNew);
    const old = running.find((pod) => !isNew(pod));
    this.#deletes.push(...running.filter((pod) => pod !== newest && pod !== old));
    if (newest && old && (!isReady(old) || this.#isAvailable(newest))) this.#deletes.push(old);
  }

  /** Pods for nodes that are gone, which no scheduler will ever place. */
  #lost(): readonly Pod[] {
    const known = new Set(this.#places.map(({ name }) => name));
    return this.#facts.pods.filter((pod) => {
      const target = targetOf(pod);
      return !pod.spec.nodeName && !isTerminating(pod) && target !== undefined && !known.has(target);
    });
  }

  #roll(): void {
    const places = this.#places.filter(({ fit, pods }) => fit.begins || pods.length > 0);
    const { surge, unavailable } = boundsOf(this.#set, places.filter(({ fit }) => fit.begins).length);
    if (surge === 0) this.#replace(places, unavailable);
    else this.#surge(places, surge);
  }

  /** Deletes old pods as far as nodes may be without; those that do not work anyway in any case. */
  #replace(places: readonly Place[], unavailableMax: number): void {
    let unavailable = 0;
    const candidates: Pod[] = [];
    for (const { pods } of places) {
      const { fresh, old } = this.#pair(pods);
      if ((fresh === undefined) === (old === undefined)) unavailable++;
      else if (fresh) unavailable += this.#isAvailable(fresh) ? 0 : 1;
      else if (old && !this.#isAvailable(old)) {
        this.#deletes.push(old);
        unavailable++;
      } else if (old && unavailable < unavailableMax) candidates.push(old);
    }
    this.#deletes.push(...candidates.slice(0, Math.max(0, unavailableMax - unavailable)));
  }

  /** Makes new pods beside old ones, and deletes those whose successor is available. */
  #surge(places: readonly Place[], surgeMax: number): void {
    let surging = 0;
    const candidates: string[] = [];
    for (const { name, pods } of places) {
      const { fresh, old, isClear } = this.#pair(pods);
      if (!isClear) surging++;
      else if (old && fresh) {
        if (this.#isAvailable(fresh)) this.#deletes.push(old);
        else surging++;
      } else if (old && !this.#isAvailable(old)) this.#creates.push(name);
      else if (old && surging < surgeMax) candidates.push(name);
    }
    this.#creates.push(...candidates.slice(0, Math.max(0, surgeMax - surging)));
  }

  #pair(pods: readonly Pod[]): { readonly fresh?: Pod; readonly old?: Pod; readonly isClear: boolean } {
    const staying = pods.filter((pod) => !isTerminating(pod));
    const fresh = staying.filter((pod) => isUpdated(this.#set, pod, this.#hash));
    const old = staying.filter((pod) => !fresh.includes(pod));
    if (fresh.length > 1 || old.length > 1) return { isClear: false };
    return { isClear: true, ...(fresh[0] ? { fresh: fresh[0] } : {}), ...(old[0] ? { old: old[0] } : {}) };
  }

  #write(): void {
    const { random } = this.#facts;
    this.#groups.push(this.#notices);
    const drafts = this.#creates
      .slice(0, burstMax)
      .map((node) => daemonPod(this.#set, node, { hash: this.#hash, random }));
    this.#groups.push(createPods(this.#set, drafts), deletePods(this.#set, this.#deletes.slice(0, burstMax)));
  }

  #isAvailable(pod: Pod): boolean {
    const wait = availableIn(pod, daemonSpecOf(this.#set).minReadySeconds ?? 0, this.#facts.now);
    if (wait) this.#waits.push(wait);
    return wait === 0;
  }

  #status(): DaemonSetStatus {
    // Where nothing would begin any more, what has begun may stay, and is as it should be.
    const isWanted = ({ fit, pods }: Place) => fit.begins || (fit.stays && pods.length > 0);
    const wanted = this.#places.filter(isWanted);
    const first = wanted.flatMap(({ pods }) => pods.slice(0, 1));
    const ready = first.filter(isReady);
    const available = ready.filter((pod) => this.#isAvailable(pod)).length;
    const { collisionCount, conditions } = daemonStatusOf(this.#set);
    const collisions = this.#facts.fresh.collisionCount || collisionCount;
    return {
      currentNumberScheduled: first.length,
      numberMisscheduled: this.#places.filter((place) => !isWanted(place) && place.pods.length > 0).length,
      desiredNumberScheduled: wanted.length,
      numberReady: ready.length,
      observedGeneration: this.#set.metadata.generation ?? 0,
      ...unlessZero('updatedNumberScheduled', first.filter((pod) => isUpdated(this.#set, pod, this.#hash)).length),
      ...unlessZero('numberAvailable', available),
      ...unlessZero('numberUnavailable', wanted.length - available),
      ...(collisions === undefined ? {} : { collisionCount: collisions }),
      ...(conditions ? { conditions } : {}),
    };
  }

  #cutHistory(): void {
    const live = new Set(this.#facts.pods.map((pod) => pod.metadata.labels?.[hashLabel]));
    const limit = daemonSpecOf(this.#set).revisionHistoryLimit ?? historyDefault;
    const surplus = Math.max(0, this.#old.length - limit);
    const unused = oldestFirst(this.#old).filter(({ metadata }) => !live.has(metadata.labels?.[hashLabel]));
    this.#groups.push(unused.slice(0, surplus).map(deleteRevision));
  }

  #tell(reason: string, message: string, type: 'Normal' | 'Warning' = 'Normal'): void {
    this.#notices.push({ verb: 'event', about: this.#set, type, reason, message });
  }
}
