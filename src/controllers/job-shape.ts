import type { Job } from '../api/kinds/job.ts';
import type { Condition, Pod, PodTemplate } from '../api/kinds/pod.ts';
import type { LabelSelector } from '../api/selector.ts';

export const trackingFinalizer = 'batch.kubernetes.io/job-tracking';
const ownController = 'kubernetes.io/job-controller';

export interface ExitCodeRule {
  readonly containerName?: string | null;
  readonly operator: 'In' | 'NotIn';
  readonly values: readonly number[];
}
export interface PodFailureRule {
  readonly action: 'FailJob' | 'FailIndex' | 'Ignore' | 'Count';
  readonly onExitCodes?: ExitCodeRule | null;
  readonly onPodConditions?: readonly { readonly type: string; readonly status: string }[];
}
export interface SuccessRule {
  readonly succeededIndexes?: string;
  readonly succeededCount?: number;
}
export interface JobSpec {
  readonly parallelism?: number;
  readonly completions?: number;
  readonly activeDeadlineSeconds?: number;
  readonly podFailurePolicy?: { readonly rules: readonly PodFailureRule[] };
  readonly successPolicy?: { readonly rules: readonly SuccessRule[] };
  readonly backoffLimit?: number;
  readonly backoffLimitPerIndex?: number;
  readonly maxFailedIndexes?: number;
  readonly selector?: LabelSelector;
  readonly template: PodTemplate;
  readonly ttlSecondsAfterFinished?: number;
  readonly completionMode?: string;
  readonly suspend?: boolean;
  readonly podReplacementPolicy?: string;
  readonly managedBy?: string;
}
export interface Uncounted {
  readonly succeeded?: readonly string[];
  readonly failed?: readonly string[];
}
export interface JobStatus {
  readonly conditions?: readonly Condition[];
  readonly startTime?: string;
  readonly completionTime?: string;
  readonly active?: number;
  readonly succeeded?: number;
  readonly failed?: number;
  readonly terminating?: number;
  readonly completedIndexes?: string;
  readonly failedIndexes?: string;
  readonly uncountedTerminatedPods?: Uncounted;
  readonly ready?: number;
}

export const jobSpecOf = (job: Job): JobSpec => job.spec as unknown as JobSpec;
export const jobStatusOf = (job: Job): JobStatus => (job.status ?? {}) as unknown as JobStatus;

export function conditionOfJob(job: Job, type: string): Condition | undefined {
  return jobStatusOf(job).conditions?.find((condition) => condition.type === type && condition.status === 'True');
}
/** How it ended, if it did. */
export const endOf = (job: Job): Condition | undefined =>
  conditionOfJob(job, 'Complete') ?? conditionOfJob(job, 'Failed');
export const isIndexed = (job: Job): boolean => jobSpecOf(job).completionMode === 'Indexed';
export const isSuspended = (job: Job): boolean => jobSpecOf(job).suspend === true;
export const hasLimitPerIndex = (job: Job): boolean =>
  isIndexed(job) && jobSpecOf(job).backoffLimitPerIndex !== undefined;
/** Somebody else looks after it. */
export function isForeign(job: Job): boolean {
  const { managedBy } = jobSpecOf(job);
  return managedBy !== undefined && managedBy !== ownController;
}

/** A pod that is on its way out is replaced only when it has failed: where that is asked for, or failures are judged. */
export function replacesOnlyFailed(job: Job): boolean {
  const { podReplacementPolicy, podFailurePolicy } = jobSpecOf(job);
  return podReplacementPolicy === 'Failed' || podFailurePolicy !== undefined;
}

/** Whoever is deleted before it succeeds may never get to say that it failed. */
export function hasFailed(pod: Pod, job: Job): boolean {
  const phase = pod.status?.phase;
  if (phase === 'Failed') return true;
  return !replacesOnlyFailed(job) && pod.metadata.deletionTimestamp !== undefined && phase !== 'Succeeded';
}
export const hasSucceeded = (pod: Pod): boolean => pod.status?.phase === 'Succeeded';
/** Not yet counted for good. */
export const isTracked = (pod: Pod): boolean => pod.metadata.finalizers?.includes(trackingFinalizer) ?? false;
