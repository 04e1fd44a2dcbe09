import { conditionOf, isReady, type Pod } from '../api/kinds/pod.ts';
import type { Instant } from '../base/env.ts';
import { compareText, parseTime } from '../base/text.ts';

const deletionCostAnnotation = 'controller.kubernetes.io/pod-deletion-cost';
const phaseOrder: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

export interface RankingFacts {
  readonly now: Instant;
  /** How many related pods share the node of a pod. */
  crowd(pod: Pod): number;
}

/** The pods in the order in which they are given up: the least useful first. */
export function cheapestFirst(pods: readonly Pod[], facts: RankingFacts): readonly Pod[] {
  return [...pods].sort((a, b) => compare(a, b, facts));
}

function compare(a: Pod, b: Pod, { now, crowd }: RankingFacts): number {
  const first =
    Number(Boolean(a.spec.nodeName)) - Number(Boolean(b.spec.nodeName)) ||
    (phaseOrder[a.status?.phase ?? 'Pending'] ?? 0) - (phaseOrder[b.status?.phase ?? 'Pending'] ?? 0) ||
    Number(isReady(a)) - Number(isReady(b)) ||
    deletionCost(a) - deletionCost(b) ||
    crowd(b) - crowd(a);
  if (first !== 0) return first;
  const [readyA, readyB] = [readySince(a), readySince(b)];
  if (readyA !== readyB && isReady(a) && isReady(b)) return youngerFirst(readyA, readyB, now) || byUid(a, b);
  const restarts = restartsOf(b) - restartsOf(a);
  if (restarts !== 0) return restarts;
  const [bornA, bornB] = [parseTime(a.metadata.creationTimestamp), parseTime(b.metadata.creationTimestamp)];
  return (bornA === bornB ? 0 : youngerFirst(bornA, bornB, now)) || byUid(a, b);
}

/** Ages are compared in powers of two, so that the oldest pods do not always survive. An unknown time counts as young. */
function youngerFirst(a: number, b: number, now: Instant): number {
  const rank = (time: number) => (Number.isNaN(time) ? -1 : Math.floor(Math.log2(Math.max(1, now - time))));
  return rank(a) - rank(b);
}

const byUid = (a: Pod, b: Pod): number => compareText(a.metadata.uid, b.metadata.uid);

function deletionCost(pod: Pod): number {
  const text = pod.metadata.annotations?.[deletionCostAnnotation];
  return text !== undefined && /^-?\d+$/.test(text) ? Number(text) : 0;
}

function readySince(pod: Pod): number {
  const time = conditionOf(pod, 'Ready')?.lastTransitionTime;
  return time ? parseTime(time) : Number.NaN;
}

const restartsOf = (pod: Pod): number =>
  Math.max(0, ...(pod.status?.containerStatuses ?? []).map((status) => status.restartCount));
