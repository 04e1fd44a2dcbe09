import { type Job, jobs as jobKind } from '../api/kinds/job.ts';
import { type Condition, isReady, type Pod } from '../api/kinds/pod.ts';
import type { Instant, Millis, Random } from '../base/env.ts';
import { parseTime, timestamp } from '../base/text.ts';
import type { Action, Notice } from '../client/action.ts';
import type { Plan } from '../machinery/controller.ts';
import { delayAfter, endedAt, type Failures } from './job-backoff.ts';
import { type Indexes, merged, pendingIndexes } from './job-indexes.ts';
import { failuresBefore, indexedPod, jobPod, podsToRemove, untrack } from './job-pods.ts';
import { failureMessage, successMessage } from './job-policies.ts';
import {
  conditionOfJob,
  hasLimitPerIndex,
  isIndexed,
  isSuspended,
  isTracked,
  type JobStatus,
  jobSpecOf,
  jobStatusOf,
  replacesOnlyFailed,
} from './job-shape.ts';
import { count, indexesOf, type Tally, tallyOf } from './job-tracking.ts';
import { isActive, isTerminating } from './pod-availability.ts';
import { createPods, deletePods } from './pod-from-template.ts';
import { statusPatch } from './status-patch.ts';

/** At most this many pods are made or deleted in one go. */
const burstMax = 500;

interface Facts {
  readonly pods: readonly Pod[];
  readonly failures: Failures;
  readonly now: Instant;
  /** Without it nothing is made or deleted: only what happened is counted. */
  readonly random?: Random;
}
interface Why {
  readonly type: 'FailureTarget' | 'SuccessCriteriaMet';
  readonly reason: string;
  readonly message: string;
}

/** One look at one job that has not ended yet. */
export class JobSync {
  readonly #job: Job;
  readonly #facts: Facts;
  readonly #tally: Tally;
  readonly #groups: (readonly (Action | Notice)[])[] = [];
  readonly #notices: Notice[] = [];
  readonly #waits: Millis[] = [];
  #active: readonly Pod[];
  #created = 0;
  #terminating: number;
  #conditions: readonly Condition[];
  #startTime: string | undefined;

  constructor(job: Job, facts: Facts) {
    const status = jobStatusOf(job);
    this.#job = job;
    this.#facts = facts;
    this.#tally = tallyOf(job, facts.pods);
    this.#active = facts.pods.filter(isActive);
    this.#terminating = facts.pods.filter(isLeaving).length;
    this.#conditions = status.conditions ?? [];
    this.#startTime = status.startTime ?? (isSuspended(job) ? undefined : timestamp(facts.now));
  }

  plan(): Plan {
    let end = this.#decided();
    if (end) this.#remove(this.#active, { keepsFinalizer: true });
    else {
      const managed = this.#job.metadata.deletionTimestamp === undefined;
      if (managed) this.#manage();
      if (this.#isComplete()) {
        const message = 'Reached expected number of succeeded pods';
        end = this.#condition({ type: 'SuccessCriteriaMet', reason: 'CompletionsReached', message });
      } else if (managed) this.#noteSuspension();
    }
    this.#finish(end);
    return { actions: this.#groups, ...(this.#waits.length > 0 ? { again: Math.min(...this.#waits) } : {}) };
  }

  /** Why the job ends, if that is settled: said before, or because of what its pods did, or of the time. */
  #decided(): Condition | undefined {
    const known = conditionOfJob(this.#job, 'SuccessCriteriaMet') ?? conditionOfJob(this.#job, 'FailureTarget');
    if (known) return known;
    const why = this.#failure() ?? this.#indexFailure() ?? this.#success();
    return why && this.#condition(why);
  }

  #failure(): Why | undefined {
    const { backoffLimit = 6 } = jobSpecOf(this.#job);
    const byPolicy = failureMessage(this.#job, this.#facts.pods);
    if (byPolicy !== undefined) return failed('PodFailurePolicy', byPolicy);
    if (this.#tally.failed > backoffLimit || this.#restartsExceed(backoffLimit)) {
      return failed('BackoffLimitExceeded', 'Job has reached the specified backoff limit');
    }
    const left = this.#deadlineIn();
    if (left === undefined) return undefined;
    if (left <= 0) return failed('DeadlineExceeded', 'Job was active longer than specified deadline');
    this.#waits.push(left);
    return undefined;
  }

  /** Containers that restart in place fail as pods do. */
  #restartsExceed(limit: number): boolean {
    if (jobSpecOf(this.#job).template.spec.restartPolicy !== 'OnFailure') return false;
    const restarts = this.#facts.pods
      .filter(({ status }) => status?.phase === 'Running' || status?.phase === 'Pending')
      .flatMap(({ status }) => [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])])
      .reduce((sum, { restartCount }) => sum + restartCount, 0);
    return limit === 0 ? restarts > 0 : restarts >= limit;
  }

  #deadlineIn(): Millis | undefined {
    const { activeDeadlineSeconds } = jobSpecOf(this.#job);
    if (activeDeadlineSeconds === undefined || isSuspended(this.#job) || !this.#startTime) return undefined;
    return parseTime(this.#startTime) + activeDeadlineSeconds * 1000 - this.#facts.now;
  }

  #indexFailure(): Why | undefined {
    const { failedIndexes, succeededIndexes } = this.#tally;
    const { maxFailedIndexes, completions = 0 } = jobSpecOf(this.#job);
    if (!failedIndexes) return undefined;
    if (maxFailedIndexes !== undefined && failedIndexes.length > maxFailedIndexes) {
      return failed('MaxFailedIndexesExceeded', 'Job has exceeded the specified maximal number of failed indexes');
    }
    const allDone = failedIndexes.length + succeededIndexes.length >= completions;
    return failedIndexes.length > 0 && allDone ? failed('FailedIndexes', 'Job has failed indexes') : undefined;
  }

  #success(): Why | undefined {
    const message = isIndexed(this.#job) ? successMessage(this.#job, this.#tally.succeededIndexes) : undefined;
    return message === undefined ? undefined : { type: 'SuccessCriteriaMet', reason: 'SuccessPolicy', message };
  }

  #isComplete(): boolean {
    const { completions } = jobSpecOf(this.#job);
    const active = this.#active.length + this.#created;
    return active === 0 && this.#tally.succeeded >= (completions ?? 1);
  }

  /** Whoever is removed on purpose is no failure: it loses its finalizer first, unless the job ends. */
  #remove(victims: readonly Pod[], { keepsFinalizer }: { readonly keepsFinalizer: boolean }): void {
    if (victims.length === 0 || !this.#facts.random) return;
    if (!keepsFinalizer) this.#groups.push(victims.filter(isTracked).map(untrack));
    this.#groups.push(deletePods(this.#job, victims));
    this.#active = this.#active.filter((pod) => !victims.includes(pod));
    this.#terminating += victims.length;
  }

  /** Either removes or makes pods, never both at one look. */
  #manage(): void {
    const { now } = this.#facts;
    const wanted = this.#wanted();
    const atLeast = Math.max(0, this.#active.length - wanted);
    const surplus = podsToRemove(this.#job, this.#active, atLeast, now).slice(0, burstMax);
    if (surplus.length > 0) {
      this.#remove(surplus, { keepsFinalizer: false });
      return;
    }
    const waitingFor = replacesOnlyFailed(this.#job) ? this.#terminating : 0;
    const missing = Math.min(wanted - waitingFor - this.#active.length, burstMax);
    if (missing > 0) this.#create(missing);
  }

  #wanted(): number {
    const { completions, parallelism = 1 } = jobSpecOf(this.#job);
    const { succeeded } = this.#tally;
    if (isSuspended(this.#job)) return 0;
    // One success says that the work is done: whoever still works on it may finish, nobody else begins.
    if (completions === undefined) return succeeded > 0 ? this.#active.length : parallelism;
    return Math.max(0, Math.min(completions - succeeded, parallelism));
  }

  #create(missing: number): void {
    const { random, now, failures } = this.#facts;
    const job = this.#job;
    const delay = hasLimitPerIndex(job) ? 0 : delayAfter(failures, now);
    if (delay > 0) this.#waits.push(delay);
    if (delay > 0 || !random) return;
    const drafts = isIndexed(job)
      ? this.#indexesToAdd(missing).map((index) => {
          const after = this.#tally.lastFailed.get(index);
          return indexedPod(job, index, { random, ...(after ? { after } : {}) });
        })
      : Array.from({ length: missing }, () => jobPod(job, random));
    this.#created = drafts.length;
    if (drafts.length > 0) this.#groups.push(createPods(job, drafts));
  }

  #indexesToAdd(missing: number): Indexes {
    const { pods, now } = this.#facts;
    const { succeededIndexes, failedIndexes = [], lastFailed } = this.#tally;
    const leaving = replacesOnlyFailed(this.#job) ? indexesOf(pods.filter(isLeaving)) : [];
    const taken = merged(succeededIndexes, failedIndexes, indexesOf(this.#active), leaving);
    const pending = pendingIndexes(taken, missing, jobSpecOf(this.#job).completions ?? 0);
    return pending.filter((index) => {
      const after = lastFailed.get(index);
      if (!after) return true;
      const { counted, ignored } = failuresBefore(after);
      const delay = delayAfter({ count: counted + ignored + 1, lastAt: endedAt(after) }, now);
      if (delay > 0) this.#waits.push(delay);
      return delay === 0;
    });
  }

  #noteSuspension(): void {
    const suspended = isSuspended(this.#job);
    const status = suspended ? 'True' : 'False';
    const before = this.#conditions.find(({ type }) => type === 'Suspended');
    if (before ? before.status === status : !suspended) return;
    const [reason, message] = suspended ? ['JobSuspended', 'Job suspended'] : ['JobResumed', 'Job resumed'];
    const at = timestamp(this.#facts.now);
    const next = { type: 'Suspended', status, reason, message, lastProbeTime: at, lastTransitionTime: at };
    this.#conditions = [...this.#conditions.filter((condition) => condition !== before), next];
    this.#tell(suspended ? 'Suspended' : 'Resumed', message);
    // The deadline counts from the last start: time that a job spends suspended is not its own.
    this.#startTime = suspended ? undefined : at;
  }

  #finish(end: Condition | undefined): void {
    const { pods } = this.#facts;
    const counted = count(this.#job, pods, { tally: this.#tally, ...(end ? { end } : {}) });
    if (end && !this.#conditions.some(({ type }) => type === end.type)) this.#conditions = [...this.#conditions, end];
    const isOver = end !== undefined && counted.complete && counted.release.length === 0 && this.#terminating === 0;
    const completionTime = isOver ? this.#end(end) : undefined;
    const active = this.#active.length + this.#created;
    const status: JobStatus = {
      ...counted.status,
      ...(this.#conditions.length > 0 ? { conditions: this.#conditions } : {}),
      ...(this.#startTime === undefined ? {} : { startTime: this.#startTime }),
      ...(completionTime === undefined ? {} : { completionTime }),
      ...(active > 0 ? { active } : {}),
      ready: this.#active.filter(isReady).length,
      terminating: this.#terminating,
    };
    this.#groups.push([...statusPatch(jobKind, this.#job, status), ...this.#notices]);
    this.#groups.push(counted.release.map(untrack));
  }

  #end(end: Condition): string | undefined {
    const succeeded = end.type === 'SuccessCriteriaMet';
    const at = timestamp(this.#facts.now);
    const last = { ...end, type: succeeded ? 'Complete' : 'Failed', lastProbeTime: at, lastTransitionTime: at };
    this.#conditions = [...this.#conditions, last];
    if (succeeded) {
      const { completions } = jobSpecOf(this.#job);
      if (completions !== undefined && this.#tally.succeeded > completions) {
        this.#tell('TooManySucceededPods', 'Too many succeeded pods running after completion count reached', 'Warning');
      }
      this.#tell('Completed', 'Job completed');
    } else this.#tell(end.reason ?? '', end.message ?? '', 'Warning');
    return succeeded ? at : undefined;
  }

  #condition({ type, reason, message }: Why): Condition {
    const at = timestamp(this.#facts.now);
    return { type, status: 'True', reason, message, lastProbeTime: at, lastTransitionTime: at };
  }

  #tell(reason: string, message: string, type: 'Normal' | 'Warning' = 'Normal'): void {
    this.#notices.push({ verb: 'event', about: this.#job, type, reason, message });
  }
}

const failed = (reason: string, message: string): Why => ({ type: 'FailureTarget', reason, message });
const isLeaving = (pod: Pod): boolean =>
  isTerminating(pod) && pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed';
