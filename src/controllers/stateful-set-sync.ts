import type { ControllerRevision } from '../api/kinds/controller-revision.ts';
import { isReady, type Pod, pods as podKind } from '../api/kinds/pod.ts';
import { type StatefulSet, statefulSets as setKind } from '../api/kinds/stateful-set.ts';
import type { Instant, Millis } from '../base/env.ts';
import { type Action, act, type Notice } from '../client/action.ts';
import type { Plan } from '../machinery/controller.ts';
import {
  createRevision,
  deleteRevision,
  equalTo,
  nextRevision,
  oldestFirst,
  type RevisionName,
  raiseRevision,
  templateOf,
} from './controller-revisions.ts';
import { availableIn, isTerminating } from './pod-availability.ts';
import { type Claims, hasStaleClaim, leavingClaim, missingClaims, repairOwners } from './stateful-set-claims.ts';
import {
  deletePod,
  podName,
  podRevision,
  repairIdentity,
  setPod,
  type Version,
  withNotice,
} from './stateful-set-pods.ts';
import {
  isInRange,
  ordinalOf,
  replicasOf,
  type StatefulSetStatus,
  setSpecOf,
  setStatusOf,
  startOrdinal,
} from './stateful-set-shape.ts';
import { statusPatch, unlessZero } from './status-patch.ts';

const historyDefault = 10;
const hashLabel = 'controller.kubernetes.io/hash';

interface Facts {
  readonly set: StatefulSet;
  readonly pods: readonly Pod[];
  readonly revisions: readonly ControllerRevision[];
  readonly claims: Claims;
  readonly fresh: RevisionName;
}

/** One look at one set. In order, each pod waits for the one before it; in parallel, nobody waits. */
export class StatefulSetSync {
  readonly #facts: Facts;
  readonly #set: StatefulSet;
  readonly #now: Instant;
  readonly #groups: (readonly (Action | Notice)[])[] = [];
  readonly #current: Version;
  readonly #update: Version;
  readonly #inOrder: boolean;
  /** By place, from the start ordinal on. */
  readonly #replicas: readonly (Pod | undefined)[];
  /** Out of range, the highest first. */
  readonly #condemned: readonly Pod[];
  #replaced = 0;

  constructor(facts: Facts, now: Instant) {
    const { set, pods, revisions } = facts;
    this.#facts = facts;
    this.#set = set;
    this.#now = now;
    this.#update = this.#settleRevision();
    const { currentRevision } = setStatusOf(set);
    const current = revisions.find(({ metadata }) => metadata.name === currentRevision);
    this.#current = current ? { template: templateOf(current), revision: current.metadata.name } : this.#update;
    this.#inOrder = setSpecOf(set).podManagementPolicy !== 'Parallel';
    const ordinal = (pod: Pod) => ordinalOf(set, pod) ?? 0;
    const byOrdinal = new Map(pods.map((pod) => [ordinal(pod), pod]));
    this.#replicas = Array.from({ length: replicasOf(set) }, (_, place) => byOrdinal.get(startOrdinal(set) + place));
    this.#condemned = pods.filter((pod) => !isInRange(set, ordinal(pod))).sort((a, b) => ordinal(b) - ordinal(a));
  }

  plan(): Plan {
    const again = this.#availableSoon();
    if (this.#set.metadata.deletionTimestamp === undefined && this.#replicate() && this.#condemn()) this.#roll();
    this.#writeStatus();
    this.#cutHistory();
    return { actions: this.#groups, ...(again === undefined ? {} : { again }) };
  }

  /** The revision of the template as it is now: a known one, raised where it is an old one come back, or a new one. */
  #settleRevision(): Version {
    const { set, revisions, fresh } = this.#facts;
    const { template } = setSpecOf(set);
    const sorted = oldestFirst(revisions);
    const equal = equalTo(template, revisions).at(-1);
    const revision = nextRevision(revisions);
    if (!equal) {
      const labels = { [hashLabel]: fresh.hash };
      const made = { kind: setKind, owner: set, template, name: fresh.name, labels, revision };
      this.#groups.push([createRevision(made)]);
    } else if (equal !== sorted.at(-1)) this.#groups.push([raiseRevision(equal, revision)]);
    return { template, revision: equal?.metadata.name ?? fresh.name };
  }

  /** Whether everybody who is wanted is there, so that others may go. */
  #replicate(): boolean {
    for (const [place, pod] of this.#replicas.entries()) {
      const ordinal = startOrdinal(this.#set) + place;
      const settled = pod ? this.#mind(pod, ordinal) : this.#create(ordinal);
      if (!settled && this.#inOrder) return false;
    }
    return true;
  }

  #mind(pod: Pod, ordinal: number): boolean {
    const { claims } = this.#facts;
    const phase = pod.status?.phase;
    if (phase === 'Failed' || phase === 'Succeeded') {
      if (!isTerminating(pod)) this.#groups.push(deletePod(this.#set, pod));
      return false;
    }
    if (phase === 'Pending') this.#groups.push(missingClaims(this.#set, ordinal, claims));
    if (this.#inOrder && (isTerminating(pod) || !this.#isAvailable(pod))) return false;
    const repair = repairIdentity(this.#set, pod, ordinal);
    if (repair) this.#groups.push(withNotice(this.#set, 'Update', repair));
    this.#groups.push(repairOwners(this.#set, pod, claims));
    return true;
  }

  #create(ordinal: number): boolean {
    const { claims } = this.#facts;
    if (hasStaleClaim(this.#set, ordinal, claims)) return false;
    const leaving = leavingClaim(this.#set, ordinal, claims);
    this.#groups.push(missingClaims(this.#set, ordinal, claims));
    if (leaving !== undefined) {
      const why = `pvc ${leaving} is being deleted`;
      const message = `Create Pod ${podName(this.#set, ordinal)} in StatefulSet ${this.#set.metadata.name} failed error: ${why}`;
      this.#groups.push([{ verb: 'event', about: this.#set, type: 'Warning', reason: 'FailedCreate', message }]);
      return false;
    }
    const object = setPod(this.#set, ordinal, this.#versionFor(ordinal));
    const action = act({ verb: 'create', kind: podKind, object });
    this.#groups.push(withNotice(this.#set, 'Create', action));
    return false;
  }

  /** Below the partition, or as long as nobody says how to roll, pods stay with the revision that the set comes from. */
  #versionFor(ordinal: number): Version {
    const { updateStrategy } = setSpecOf(this.#set);
    const place = ordinal - startOrdinal(this.#set);
    const rolling = updateStrategy?.rollingUpdate;
    const kept = rolling
      ? (rolling.partition ?? 0)
      : updateStrategy?.type === 'OnDelete'
        ? 0
        : (setStatusOf(this.#set).currentReplicas ?? 0);
    return place < kept ? this.#current : this.#update;
  }

  #condemn(): boolean {
    const firstUnhealthy = this.#firstUnhealthy();
    for (const pod of this.#condemned) this.#groups.push(repairOwners(this.#set, pod, this.#facts.claims));
    for (const pod of this.#condemned) {
      if (isTerminating(pod)) {
        if (this.#inOrder) return false;
        continue;
      }
      if (this.#inOrder && !this.#isAvailable(pod) && pod !== firstUnhealthy) return false;
      this.#groups.push(deletePod(this.#set, pod));
      if (this.#inOrder) return false;
    }
    return true;
  }

  #firstUnhealthy(): Pod | undefined {
    const isUnhealthy = (pod: Pod | undefined) => pod === undefined || isTerminating(pod) || !this.#isAvailable(pod);
    const place = this.#replicas.findIndex(isUnhealthy);
    return place >= 0 ? this.#replicas[place] : [...this.#condemned].reverse().find(isUnhealthy);
  }

  /** One pod at a time, from the highest ordinal down to the partition. */
  #roll(): void {
    const { updateStrategy } = setSpecOf(this.#set);
    if (updateStrategy?.type === 'OnDelete') return;
    const last = updateStrategy?.rollingUpdate?.partition ?? 0;
    for (let place = this.#replicas.length - 1; place >= last; place--) {
      const pod = this.#replicas[place];
      if (pod && podRevision(pod) !== this.#update.revision && !isTerminating(pod)) {
        this.#groups.push(deletePod(this.#set, pod));
        this.#replaced = podRevision(pod) === this.#current.revision ? 1 : 0;
        return;
      }
      if (!pod || isTerminating(pod) || !this.#isAvailable(pod)) return;
    }
  }

  #isRunning(pod: Pod): boolean {
    return pod.status?.phase === 'Running' && isReady(pod);
  }

  #isAvailable(pod: Pod): boolean {
    return this.#isRunning(pod) && availableIn(pod, setSpecOf(this.#set).minReadySeconds ?? 0, this.#now) === 0;
  }

  #availableSoon(): Millis | undefined {
    const seconds = setSpecOf(this.#set).minReadySeconds ?? 0;
    const waits = this.#facts.pods.map((pod) => availableIn(pod, seconds, this.#now) ?? 0).filter((wait) => wait > 0);
    return waits.length > 0 ? Math.min(...waits) : undefined;
  }

  #writeStatus(): void {
    const { pods, fresh } = this.#facts;
    const created = pods.filter(({ status }) => status?.phase !== undefined);
    const staying = created.filter((pod) => !isTerminating(pod));
    const of = (revision: string) => staying.filter((pod) => podRevision(pod) === revision).length;
    const ready = pods.filter((pod) => this.#isRunning(pod)).length;
    const updated = of(this.#update.revision);
    const wanted = replicasOf(this.#set);
    const { type = 'RollingUpdate' } = setSpecOf(this.#set).updateStrategy ?? {};
    const isDone = type === 'RollingUpdate' && [updated, ready, created.length].every((count) => count === wanted);
    const current = isDone ? this.#update.revision : this.#current.revision;
    const { conditions } = setStatusOf(this.#set);
    const status: StatefulSetStatus = {
      observedGeneration: this.#set.metadata.generation ?? 0,
      replicas: created.length,
      ...unlessZero('readyReplicas', ready),
      ...unlessZero('currentReplicas', isDone ? updated : of(current) - this.#replaced),
      ...unlessZero('updatedReplicas', updated),
      currentRevision: current,
      updateRevision: this.#update.revision,
      collisionCount: fresh.collisionCount,
      availableReplicas: pods.filter((pod) => this.#isAvailable(pod)).length,
      ...(conditions ? { conditions } : {}),
    };
    this.#groups.push(statusPatch(setKind, this.#set, status));
  }

  /** What no pod and no roll-out needs goes, as far as more than a few are kept. */
  #cutHistory(): void {
    const { pods, revisions } = this.#facts;
    const live = new Set([this.#current.revision, this.#update.revision, ...pods.map(podRevision)]);
    const history = oldestFirst(revisions).filter(({ metadata }) => !live.has(metadata.name));
    const limit = setSpecOf(this.#set).revisionHistoryLimit ?? historyDefault;
    if (limit < 0) return;
    this.#groups.push(history.slice(0, Math.max(0, history.length - limit)).map(deleteRevision));
  }
}
