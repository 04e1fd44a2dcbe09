import { conditionOf, isFinished, isReady, type Pod } from '../api/kinds/pod.ts';
import type { Instant, Millis } from '../base/env.ts';
import { parseTime } from '../base/text.ts';

/** How long until a pod counts as available: 0 when it does, undefined while it is not ready at all. */
export function availableIn(pod: Pod, minReadySeconds: number, now: Instant): Millis | undefined {
  if (!isReady(pod)) return undefined;
  if (minReadySeconds === 0) return 0;
  const since = conditionOf(pod, 'Ready')?.lastTransitionTime;
  if (!since) return undefined;
  return Math.max(0, parseTime(since) + minReadySeconds * 1000 - now);
}

export const isTerminating = (pod: Pod): boolean => pod.metadata.deletionTimestamp !== undefined;
export const isActive = (pod: Pod): boolean => !isFinished(pod) && !isTerminating(pod);
