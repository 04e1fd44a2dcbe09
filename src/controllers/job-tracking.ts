import type { Job } from '../api/kinds/job.ts';
import type { Condition, Pod } from '../api/kinds/pod.ts';
import { type Indexes, indexesText, indexOf, merged, parseIndexes } from './job-indexes.ts';
import { failuresBefore } from './job-pods.ts';
import { verdictOn } from './job-policies.ts';
import {
  hasFailed,
  hasLimitPerIndex,
  hasSucceeded,
  isIndexed,
  isTracked,
  type JobStatus,
  jobSpecOf,
  jobStatusOf,
} from './job-shape.ts';
import { isActive } from './pod-availability.ts';

/** At most this many pods wait in the status to be counted. */
const uncountedMax = 500;

/** What is known of the pods that ended. Whoever has the finalizer is not counted yet. */
export interface Tally {
  readonly succeeded: number;
  readonly failed: number;
  readonly succeededIndexes: Indexes;
  /** Only where there is a limit for each index. */
  readonly failedIndexes?: Indexes;
  /** The last failed pod of each index that has no other yet: it stays, since the next one goes on with its count. */
  readonly lastFailed: ReadonlyMap<number, Pod>;
}

export function tallyOf(job: Job, pods: readonly Pod[]): Tally {
  const status = jobStatusOf(job);
  const { succeeded: oldSucceeded = [], failed: oldFailed = [] } = status.uncountedTerminatedPods ?? {};
  const valid = pods.filter((pod) => isTracked(pod) && isValid(pod, job));
  const fresh = valid.filter((pod) => hasSucceeded(pod) && !oldSucceeded.includes(pod.metadata.uid));
  const failed = valid.filter((pod) => hasFailed(pod, job) && !oldFailed.includes(pod.metadata.uid));
  const counted = failed.filter((pod) => verdictOn(pod, job).counts).length;
  const { completions = 0 } = jobSpecOf(job);
  const known = parseIndexes(status.completedIndexes, completions);
  const succeededIndexes = merged(known, indexesOf(valid.filter(hasSucceeded)));
  const failedIndexes = hasLimitPerIndex(job) ? failedIndexesOf(job, valid) : undefined;
  return {
    succeeded: isIndexed(job) ? succeededIndexes.length : (status.succeeded ?? 0) + fresh.length + oldSucceeded.length,
    failed: (status.failed ?? 0) + counted + oldFailed.length,
    succeededIndexes,
    ...(failedIndexes ? { failedIndexes } : {}),
    lastFailed: lastFailedOf(job, { pods, valid, done: merged(succeededIndexes, failedIndexes ?? []) }),
  };
}

function isValid(pod: Pod, job: Job): boolean {
  if (!isIndexed(job)) return true;
  const index = indexOf(pod);
  return index !== undefined && index < (jobSpecOf(job).completions ?? 0);
}

export const indexesOf = (pods: readonly Pod[]): Indexes => pods.map(indexOf).filter((index) => index !== undefined);

function failedIndexesOf(job: Job, valid: readonly Pod[]): Indexes {
  const { completions = 0, backoffLimitPerIndex = 0 } = jobSpecOf(job);
  const isLast = (pod: Pod) => {
    if (!hasFailed(pod, job)) return false;
    const { action, counts } = verdictOn(pod, job);
    return action === 'FailIndex' || (counts && failuresBefore(pod).counted >= backoffLimitPerIndex);
  };
  return merged(parseIndexes(jobStatusOf(job).failedIndexes, completions), indexesOf(valid.filter(isLast)));
}

interface Candidates {
  readonly pods: readonly Pod[];
  readonly valid: readonly Pod[];
  readonly done: Indexes;
}

function lastFailedOf(job: Job, { pods, valid, done }: Candidates): ReadonlyMap<number, Pod> {
  const last = new Map<number, Pod>();
  if (!hasLimitPerIndex(job)) return last;
  const settled = new Set([...done, ...indexesOf(pods.filter(isActive))]);
  const age = (pod: Pod) => {
    const { counted, ignored } = failuresBefore(pod);
    return counted + ignored;
  };
  for (const pod of valid) {
    const index = indexOf(pod) as number;
    const other = last.get(index);
    if (hasFailed(pod, job) && !settled.has(index) && (!other || age(other) <= age(pod))) last.set(index, pod);
  }
  return last;
}

export interface Counted {
  readonly status: JobStatus;
  /** Pods that the status knows of, so their finalizer may go. */
  readonly release: readonly Pod[];
  /** Nobody waits to be counted, and everybody was looked at. */
  readonly complete: boolean;
}

/**
 * Counts in two steps, so that nothing is counted twice whatever happens between: a pod is named in the status, then
 * loses its finalizer, and is a number from then on.
 */
export function count(
  job: Job,
  pods: readonly Pod[],
  more: { readonly tally: Tally; readonly end?: Condition },
): Counted {
  const { tally, end } = more;
  const status = jobStatusOf(job);
  const tracked = pods.filter(isTracked);
  const uids = new Set(tracked.map(({ metadata }) => metadata.uid));
  const before = status.uncountedTerminatedPods ?? {};
  const succeeded = (before.succeeded ?? []).filter((uid) => uids.has(uid));
  const failed = (before.failed ?? []).filter((uid) => uids.has(uid));
  const release: Pod[] = [];
  const newIndexes: number[] = [];
  const known = new Set(parseIndexes(status.completedIndexes, jobSpecOf(job).completions ?? 0));
  let complete = true;
  for (const pod of isIndexed(job) ? byIndex(tracked) : tracked) {
    if (!mayRelease(pod, job, more)) continue;
    release.push(pod);
    const kind = kindOf(pod, job, { failed, isFailing: end !== undefined && end.type !== 'SuccessCriteriaMet' });
    const index = indexOf(pod);
    if (kind === 'succeeded' && isIndexed(job)) {
      if (index !== undefined && isValid(pod, job) && !known.has(index)) newIndexes.push(index);
    } else if (kind === 'succeeded') {
      if (!succeeded.includes(pod.metadata.uid)) succeeded.push(pod.metadata.uid);
    } else if (kind === 'failed') failed.push(pod.metadata.uid);
    if (newIndexes.length + succeeded.length + failed.length >= uncountedMax) {
      complete = false;
      break;
    }
  }
  const gone = (list: readonly string[] = []) => list.filter((uid) => !uids.has(uid)).length;
  const done = merged([...known], newIndexes);
  const succeededCount = isIndexed(job) ? done.length : (status.succeeded ?? 0) + gone(before.succeeded);
  const failedCount = (status.failed ?? 0) + gone(before.failed);
  const { failedIndexes } = tally;
  return {
    status: {
      ...(succeededCount > 0 ? { succeeded: succeededCount } : {}),
      ...(failedCount > 0 ? { failed: failedCount } : {}),
      ...(isIndexed(job) && done.length > 0 ? { completedIndexes: indexesText(done) } : {}),
      ...(failedIndexes ? { failedIndexes: indexesText(failedIndexes) } : {}),
      uncountedTerminatedPods: {
        ...(succeeded.length > 0 ? { succeeded } : {}),
        ...(failed.length > 0 ? { failed } : {}),
      },
    },
    release,
    complete: complete && succeeded.length + failed.length === 0,
  };
}

const byIndex = (pods: readonly Pod[]): readonly Pod[] =>
  [...pods].sort((a, b) => (indexOf(a) ?? -1) - (indexOf(b) ?? -1));

function mayRelease(pod: Pod, job: Job, { tally, end }: { readonly tally: Tally; readonly end?: Condition }): boolean {
  if (job.metadata.deletionTimestamp !== undefined || end !== undefined || hasSucceeded(pod)) return true;
  if (!hasFailed(pod, job)) return false;
  return tally.lastFailed.get(indexOf(pod) ?? -1) !== pod;
}

interface Context {
  readonly failed: readonly string[];
  /** The job has failed: whoever has not ended by itself has failed with it. */
  readonly isFailing: boolean;
}

function kindOf(pod: Pod, job: Job, { failed, isFailing }: Context): 'succeeded' | 'failed' | 'neither' {
  const isKnown = failed.includes(pod.metadata.uid);
  if (hasSucceeded(pod) && !isKnown) return 'succeeded';
  if (isKnown || !isValid(pod, job) || !(hasFailed(pod, job) || isFailing)) return 'neither';
  return verdictOn(pod, job).counts ? 'failed' : 'neither';
}
