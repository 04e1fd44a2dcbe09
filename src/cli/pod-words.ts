import { type ContainerStatus, conditionOf, isFinished, isReady, type Pod } from '../api/kinds/pod.ts';
import type { Instant } from '../base/env.ts';
import { humanDuration, parseTime } from '../base/text.ts';

/** What keeps a pod from serving, and what happened to it, in sentences; none for a pod that is well. */
export function podTroubles(pod: Pod, now: Instant): readonly string[] {
  const restarts = (pod.status?.containerStatuses ?? []).flatMap((container) => restartWords(container, now));
  if (pod.metadata.deletionTimestamp) return [`is ending since ${ago(pod.metadata.deletionTimestamp, now)}`];
  if (pod.status?.phase === 'Failed') return [`failed: ${pod.status.message ?? pod.status.reason ?? exitsOf(pod)}`];
  if (isFinished(pod)) return [];
  if (isReady(pod)) return restarts;
  return [unreadyWords(pod), ...restarts];
}

function unreadyWords(pod: Pod): string {
  const scheduled = conditionOf(pod, 'PodScheduled');
  if (!pod.spec.nodeName) {
    const refused = scheduled?.status === 'False' ? (scheduled.message ?? scheduled.reason) : undefined;
    return `is pending: ${refused ?? 'no scheduler has looked at it yet'}`;
  }
  const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
  if (statuses.length === 0) return `waits for node ${pod.spec.nodeName} to start it`;
  for (const { name, state, ready } of statuses) {
    if (state?.waiting) {
      const { reason = 'unknown reason', message } = state.waiting;
      return `is not ready: container ${name} waits: ${reason}${message ? `: ${message}` : ''}`;
    }
    if (state?.terminated && state.terminated.exitCode !== 0) {
      return `is not ready: container ${name} ended with exit code ${state.terminated.exitCode}`;
    }
    if (state?.running && !ready) return `is not ready: container ${name} runs but its readiness probe has not passed`;
  }
  return `is not ready: ${conditionOf(pod, 'Ready')?.message ?? pod.status?.phase ?? 'no status yet'}`;
}

function restartWords({ name, restartCount, lastState }: ContainerStatus, now: Instant): readonly string[] {
  if (restartCount === 0) return [];
  const times = restartCount === 1 ? 'once' : `${restartCount} times`;
  const last = lastState?.terminated;
  if (!last) return [`restarted ${times}: container ${name}`];
  const when = last.finishedAt ? `, ${ago(last.finishedAt, now)} ago` : '';
  const why = last.reason ? `${last.reason}, ` : '';
  return [`restarted ${times}: container ${name} ended last (${why}exit code ${last.exitCode}${when})`];
}

const exitsOf = (pod: Pod): string =>
  (pod.status?.containerStatuses ?? [])
    .flatMap(({ name, state }) =>
      state?.terminated ? [`container ${name} ended with ${state.terminated.exitCode}`] : [],
    )
    .join(', ') || 'without a reason';

const ago = (time: string, now: Instant): string => humanDuration(now - parseTime(time));
