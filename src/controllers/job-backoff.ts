import type { Pod } from '../api/kinds/pod.ts';
import type { Instant, Millis } from '../base/env.ts';
import { parseTime } from '../base/text.ts';

const delayMs = 10_000;
const delayMaxMs = 600_000;

/** How a pod of a job ended, remembered while the job runs: the pod itself may be gone before its replacement is due. */
export interface PodEnd {
  readonly phase: 'Succeeded' | 'Failed' | 'Deleted';
  readonly at: Instant;
}

/** Since the last success, how often pods failed, and when last. */
export interface Failures {
  readonly count: number;
  readonly lastAt: Instant;
}

export function failuresOf(ends: readonly PodEnd[], onlyFailed: boolean): Failures {
  const lastSuccess = Math.max(0, ...ends.filter(({ phase }) => phase === 'Succeeded').map(({ at }) => at));
  const failed = ends.filter(({ phase, at }) => at > lastSuccess && isFailure(phase, onlyFailed));
  return { count: failed.length, lastAt: Math.max(0, ...failed.map(({ at }) => at)) as Instant };
}

const isFailure = (phase: PodEnd['phase'], onlyFailed: boolean): boolean =>
  phase === 'Failed' || (phase === 'Deleted' && !onlyFailed);

/** How long the next pod has to wait: doubled with every failure. */
export function delayAfter({ count, lastAt }: Failures, now: Instant): Millis {
  if (count === 0) return 0;
  const delay = Math.min(delayMs * 2 ** Math.min(count - 1, 31), delayMaxMs);
  return Math.max(0, lastAt + delay - now);
}

/** When a pod ended: the last of its containers, or when it stopped to be ready, or when its deletion was asked for. */
export function endedAt(pod: Pod): Instant {
  const { metadata, status } = pod;
  const statuses = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])];
  const times = statuses.map(({ state }) => state?.terminated?.finishedAt);
  if (times.length > 0 && times.every((time) => time !== undefined && time !== null)) {
    return Math.max(...times.map((time) => parseTime(time as string))) as Instant;
  }
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  if (ready?.status === 'False' && ready.lastTransitionTime) return parseTime(ready.lastTransitionTime);
  if (metadata.deletionTimestamp) {
    return (parseTime(metadata.deletionTimestamp) - (metadata.deletionGracePeriodSeconds ?? 0) * 1000) as Instant;
  }
  return parseTime(metadata.creationTimestamp);
}

export function endOfPod(pod: Pod): PodEnd | undefined {
  const { phase } = pod.status ?? {};
  if (phase === 'Succeeded' || phase === 'Failed') return { phase, at: endedAt(pod) };
  return pod.metadata.deletionTimestamp ? { phase: 'Deleted', at: endedAt(pod) } : undefined;
}
