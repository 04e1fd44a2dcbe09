import type { Job } from '../api/kinds/job.ts';
import type { ContainerStatus, Pod } from '../api/kinds/pod.ts';
import { type Indexes, parseIndexes } from './job-indexes.ts';
import { type ExitCodeRule, hasFailed, jobSpecOf, type PodFailureRule } from './job-shape.ts';

/** What the failure policy makes of a pod. */
export interface Verdict {
  readonly action?: PodFailureRule['action'];
  readonly counts: boolean;
  /** Why the whole job fails. */
  readonly message?: string;
}

/** The first rule that matches decides; a failure that no rule knows counts. */
export function verdictOn(pod: Pod, job: Job): Verdict {
  for (const [index, rule] of (jobSpecOf(job).podFailurePolicy?.rules ?? []).entries()) {
    const why = matchOf(pod, rule);
    if (why === undefined) continue;
    const { action } = rule;
    const message = `${why} matching ${action} rule at index ${index}`;
    return { action, counts: action !== 'Ignore', ...(action === 'FailJob' ? { message } : {}) };
  }
  return { counts: true };
}

function matchOf(pod: Pod, { onExitCodes, onPodConditions }: PodFailureRule): string | undefined {
  const { namespace, name } = pod.metadata;
  if (onExitCodes) {
    const containers = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])];
    const found = containers.find((container) => exitMatches(container, onExitCodes));
    const exitCode = found?.state?.terminated?.exitCode;
    return found && `Container ${found.name} for pod ${namespace}/${name} failed with exit code ${exitCode}`;
  }
  for (const { type, status } of pod.status?.conditions ?? []) {
    const wanted = onPodConditions?.some((one) => one.type === type && one.status === status);
    if (wanted) return `Pod ${namespace}/${name} has condition ${type}`;
  }
  return undefined;
}

function exitMatches({ name, state }: ContainerStatus, rule: ExitCodeRule): boolean {
  const exitCode = state?.terminated?.exitCode;
  if (exitCode === undefined || exitCode === 0) return false;
  if ((rule.containerName ?? name) !== name) return false;
  return rule.values.includes(exitCode) === (rule.operator === 'In');
}

/** Why the policy fails the job at once, if it does. */
export function failureMessage(job: Job, pods: readonly Pod[]): string | undefined {
  if (!jobSpecOf(job).podFailurePolicy) return undefined;
  for (const pod of pods) {
    const { message } = hasFailed(pod, job) ? verdictOn(pod, job) : { message: undefined };
    if (message !== undefined) return message;
  }
  return undefined;
}

/** The rule by which enough has succeeded, in words. */
export function successMessage(job: Job, succeeded: Indexes): string | undefined {
  const { successPolicy, completions = 0 } = jobSpecOf(job);
  for (const [index, { succeededIndexes, succeededCount }] of (successPolicy?.rules ?? []).entries()) {
    const wanted = succeededIndexes === undefined ? undefined : parseIndexes(succeededIndexes, completions);
    const done = new Set(succeeded);
    const found = wanted ? wanted.filter((one) => done.has(one)).length : succeeded.length;
    const enough = succeededCount ?? wanted?.length;
    if (enough !== undefined && found >= enough) return `Matched rules at index ${index}`;
  }
  return undefined;
}
