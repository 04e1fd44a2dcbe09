import type { Deployment, DeploymentStatus } from '../api/kinds/deployment.ts';
import { type Condition, conditionOf } from '../api/kinds/pod.ts';
import type { ReplicaSet } from '../api/kinds/replica-set.ts';
import type { Instant, Millis } from '../base/env.ts';
import { parseTime, timestamp } from '../base/text.ts';
import { boundsOf, replicasOf, sumOf } from './deployment-sizes.ts';
import { unlessZero } from './status-patch.ts';

const noDeadline = 2147483647;

export interface StatusFacts {
  readonly deployment: Deployment;
  readonly newSet: ReplicaSet | undefined;
  /** The set of the current template is being made at this moment. */
  readonly created?: string;
  readonly all: readonly ReplicaSet[];
  readonly now: Instant;
  /** What just happened to the new set, if anything: NewReplicaSetCreated, FoundNewReplicaSet, DeploymentPaused, ... */
  readonly progress?: Progress;
  /** Paused or being scaled: progress is not judged. */
  readonly still: boolean;
}
export interface Progress {
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
}

export interface NextStatus {
  readonly status: DeploymentStatus;
  /** When the deadline will have passed. */
  readonly again?: Millis;
}

export const hasDeadline = ({ spec }: Deployment): boolean => (spec.progressDeadlineSeconds ?? noDeadline) < noDeadline;

export function nextStatus(facts: StatusFacts): NextStatus {
  const { deployment, now, progress } = facts;
  const counts = countsOf(facts);
  let conditions = [...(deployment.status?.conditions ?? [])];
  if (progress) conditions = withCondition(conditions, { type: 'Progressing', ...progress }, now);
  conditions = withCondition(conditions, availability(deployment, counts), now);
  if (!facts.still) conditions = judged(facts, counts, conditions);
  const failure = failureOf(facts);
  conditions = conditions.filter((condition) => condition.type !== 'ReplicaFailure');
  if (failure) conditions = [...conditions, failure];
  const status = { ...counts, conditions };
  return { status, ...waitFor(facts, conditions) };
}

function countsOf({ deployment, newSet, all }: StatusFacts): DeploymentStatus {
  const available = sumOf(all, (set) => set.status?.availableReplicas ?? 0);
  const { collisionCount } = deployment.status ?? {};
  return {
    observedGeneration: deployment.metadata.generation ?? 0,
    ...unlessZero(
      'replicas',
      sumOf(all, (set) => set.status?.replicas ?? 0),
    ),
    ...unlessZero('updatedReplicas', newSet?.status?.replicas ?? 0),
    ...unlessZero(
      'readyReplicas',
      sumOf(all, (set) => set.status?.readyReplicas ?? 0),
    ),
    ...unlessZero('availableReplicas', available),
    ...unlessZero('unavailableReplicas', Math.max(0, sumOf(all, replicasOf) - available)),
    terminatingReplicas: sumOf(all, (set) => set.status?.terminatingReplicas ?? 0),
    ...(collisionCount === undefined ? {} : { collisionCount }),
  };
}

function availability(deployment: Deployment, counts: DeploymentStatus): Condition {
  const enough = (counts.availableReplicas ?? 0) >= replicasOf(deployment) - boundsOf(deployment).unavailable;
  return {
    type: 'Available',
    status: enough ? 'True' : 'False',
    reason: enough ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable',
    message: `Deployment ${enough ? 'has' : 'does not have'} minimum availability.`,
  };
}

/** Whether the roll-out is done, moving or stuck. */
function judged(facts: StatusFacts, counts: DeploymentStatus, conditions: Condition[]): Condition[] {
  const { deployment, newSet, now } = facts;
  const setName = newSet?.metadata.name ?? facts.created;
  const others = conditions.filter((condition) => condition.type !== 'Progressing');
  if (!hasDeadline(deployment)) return others;
  const current = conditions.find((condition) => condition.type === 'Progressing');
  const settled =
    (counts.replicas ?? 0) === (counts.updatedReplicas ?? 0) && current?.reason === 'NewReplicaSetAvailable';
  if (settled) return conditions;
  const subject = setName ? `ReplicaSet "${setName}"` : `Deployment "${deployment.metadata.name}"`;
  if (isComplete(deployment, counts)) {
    const message = `${subject} has successfully progressed.`;
    return withCondition(
      conditions,
      { type: 'Progressing', status: 'True', reason: 'NewReplicaSetAvailable', message },
      now,
    );
  }
  if (hasProgressed(deployment.status ?? {}, counts)) {
    const at = timestamp(now);
    const lastTransitionTime = current?.status === 'True' ? (current.lastTransitionTime ?? at) : at;
    const message = `${subject} is progressing.`;
    const moving = { type: 'Progressing', status: 'True', reason: 'ReplicaSetUpdated', message };
    return [...others, { ...moving, lastUpdateTime: at, lastTransitionTime }];
  }
  if (current && (deadlineIn(deployment, current, now) ?? 1) <= 0) {
    const message = `${subject} has timed out progressing.`;
    return withCondition(
      conditions,
      { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', message },
      now,
    );
  }
  return conditions;
}

export function isComplete(deployment: Deployment, counts: DeploymentStatus): boolean {
  const wanted = replicasOf(deployment);
  const { updatedReplicas = 0, replicas = 0, availableReplicas = 0 } = counts;
  return updatedReplicas === wanted && replicas === wanted && availableReplicas === wanted;
}

function hasProgressed(before: DeploymentStatus, after: DeploymentStatus): boolean {
  const old = ({ replicas = 0, updatedReplicas = 0 }: DeploymentStatus) => replicas - updatedReplicas;
  return (
    (after.updatedReplicas ?? 0) > (before.updatedReplicas ?? 0) ||
    old(after) < old(before) ||
    (after.readyReplicas ?? 0) > (before.readyReplicas ?? 0) ||
    (after.availableReplicas ?? 0) > (before.availableReplicas ?? 0)
  );
}

/** Zero or less: the deadline has passed. Undefined: there is none to wait for. */
function deadlineIn(deployment: Deployment, progressing: Condition, now: Instant): Millis | undefined {
  if (progressing.reason === 'NewReplicaSetAvailable') return undefined;
  if (progressing.reason === 'ProgressDeadlineExceeded') return 0;
  if (!progressing.lastUpdateTime) return undefined;
  return parseTime(progressing.lastUpdateTime) + (deployment.spec.progressDeadlineSeconds ?? noDeadline) * 1000 - now;
}

function waitFor(
  { deployment, still, now }: StatusFacts,
  conditions: readonly Condition[],
): { readonly again?: Millis } {
  const progressing = conditions.find((condition) => condition.type === 'Progressing');
  if (still || !hasDeadline(deployment) || !progressing) return {};
  const wait = deadlineIn(deployment, progressing, now);
  return wait !== undefined && wait > 0 ? { again: wait + 1000 } : {};
}

function failureOf({ newSet, all }: StatusFacts): Condition | undefined {
  const sets = newSet ? [newSet, ...all] : all;
  const failed = sets
    .map((set) => conditionOf(set, 'ReplicaFailure'))
    .find((condition) => condition?.status === 'True');
  return failed && { ...failed, lastUpdateTime: failed.lastTransitionTime ?? null };
}

/** Nothing changes where status and reason stay; the transition time only where the status does not. */
function withCondition(conditions: readonly Condition[], next: Condition, now: Instant): Condition[] {
  const before = conditions.find((condition) => condition.type === next.type);
  if (before?.status === next.status && before.reason === next.reason) return [...conditions];
  const at = timestamp(now);
  const lastTransitionTime = before?.status === next.status ? (before.lastTransitionTime ?? at) : at;
  const others = conditions.filter((condition) => condition.type !== next.type);
  return [...others, { ...next, lastUpdateTime: at, lastTransitionTime }];
}
