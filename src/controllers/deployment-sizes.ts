import type { Deployment } from '../api/kinds/deployment.ts';
import type { IntOrString } from '../api/kinds/pod.ts';
import type { ReplicaSet } from '../api/kinds/replica-set.ts';
import { compareText } from '../base/text.ts';

export const desiredAnnotation = 'deployment.kubernetes.io/desired-replicas';
export const maxAnnotation = 'deployment.kubernetes.io/max-replicas';

/** New sizes by the name of the set; a set that is not in it keeps its size. */
export type Sizes = ReadonlyMap<string, number>;

export const replicasOf = (object: { readonly spec: { readonly replicas?: number } }): number =>
  object.spec.replicas ?? 1;
export const sumOf = (sets: readonly ReplicaSet[], count: (set: ReplicaSet) => number): number =>
  sets.reduce((sum, set) => sum + count(set), 0);
export const isRolling = (deployment: Deployment): boolean => deployment.spec.strategy?.type !== 'Recreate';
/** A status from before the set was made smaller promises more than there will be. */
const availableOf = (set: ReplicaSet): number => Math.min(set.status?.availableReplicas ?? 0, replicasOf(set));

export interface Bounds {
  readonly surge: number;
  readonly unavailable: number;
}

/** Percentages of surge round up, those of unavailability down; both zero would never move, so one may be missing. */
export function boundsOf(deployment: Deployment): Bounds {
  if (!isRolling(deployment)) return { surge: 0, unavailable: 0 };
  const replicas = replicasOf(deployment);
  const rolling = deployment.spec.strategy?.rollingUpdate;
  const surge = share(rolling?.maxSurge ?? '25%', replicas, Math.ceil);
  const unavailable = share(rolling?.maxUnavailable ?? '25%', replicas, Math.floor);
  return { surge, unavailable: Math.min(replicas, surge === 0 && unavailable === 0 ? 1 : unavailable) };
}

function share(value: IntOrString, of: number, round: (value: number) => number): number {
  if (typeof value === 'number') return value;
  return value.endsWith('%') ? round((Number(value.slice(0, -1)) * of) / 100) : Number(value);
}

export function maxReplicasOf(deployment: Deployment): number {
  return replicasOf(deployment) + boundsOf(deployment).surge;
}

/** How large the set of the current template may be now. */
export function newSetSize(deployment: Deployment, all: readonly ReplicaSet[], newSet: ReplicaSet | undefined): number {
  const wanted = replicasOf(deployment);
  const size = newSet ? replicasOf(newSet) : 0;
  if (size >= wanted || !isRolling(deployment)) return wanted;
  const room = maxReplicasOf(deployment) - sumOf(all, replicasOf);
  return size + Math.max(0, Math.min(room, wanted - size));
}

/** Takes old sets down as far as availability allows: pods that do not work first, then the oldest sets. */
export function oldSetSizes(deployment: Deployment, old: readonly ReplicaSet[], newSet: ReplicaSet | undefined): Sizes {
  const sizes = new Map<string, number>();
  const minAvailable = replicasOf(deployment) - boundsOf(deployment).unavailable;
  const fresh = newSet ? [newSet] : [];
  const newUnavailable = sumOf(fresh, (set) => replicasOf(set) - availableOf(set));
  let budget = sumOf([...old, ...fresh], replicasOf) - minAvailable - newUnavailable;
  const oldestFirst = [...old].filter((set) => replicasOf(set) > 0).sort(byAge);
  for (const set of oldestFirst) {
    if (budget <= 0) return sizes;
    const broken = Math.min(budget, Math.max(0, replicasOf(set) - availableOf(set)));
    if (broken > 0) sizes.set(set.metadata.name, replicasOf(set) - broken);
    budget -= broken;
  }
  let spare = sumOf([...old, ...fresh], availableOf) - minAvailable;
  for (const set of oldestFirst) {
    if (spare <= 0) return sizes;
    const size = sizes.get(set.metadata.name) ?? replicasOf(set);
    const fewer = Math.min(size, spare);
    if (fewer > 0) sizes.set(set.metadata.name, size - fewer);
    spare -= fewer;
  }
  return sizes;
}

/** The deployment was scaled, or is paused: sets grow and shrink in proportion, whatever their template. */
export function scaledSizes(deployment: Deployment, old: readonly ReplicaSet[], newSet: ReplicaSet | undefined): Sizes {
  const wanted = replicasOf(deployment);
  const all = newSet ? [newSet, ...old] : old;
  const active = all.filter((set) => replicasOf(set) > 0);
  if (active.length <= 1) {
    const only = active[0] ?? newSet ?? [...old].sort(byAge).at(-1);
    return new Map(only ? [[only.metadata.name, wanted]] : []);
  }
  if (newSet && isSaturated(deployment, newSet)) {
    return new Map(old.filter((set) => replicasOf(set) > 0).map((set) => [set.metadata.name, 0]));
  }
  return isRolling(deployment) ? proportionalSizes(deployment, active) : new Map();
}

function proportionalSizes(deployment: Deployment, active: readonly ReplicaSet[]): Sizes {
  const wanted = replicasOf(deployment);
  const change = (wanted > 0 ? maxReplicasOf(deployment) : 0) - sumOf(active, replicasOf);
  const sorted = [...active].sort((a, b) => replicasOf(b) - replicasOf(a) || (change > 0 ? byAge(b, a) : byAge(a, b)));
  const sizes = new Map<string, number>();
  let done = 0;
  for (const set of sorted) {
    const left = change - done;
    const fraction = left === 0 ? 0 : fractionOf(deployment, set);
    const part = change > 0 ? Math.min(fraction, left) : Math.max(fraction, left);
    sizes.set(set.metadata.name, replicasOf(set) + part);
    done += part;
  }
  const first = sorted[0]?.metadata.name ?? '';
  sizes.set(first, Math.max(0, (sizes.get(first) ?? 0) + change - done));
  return sizes;
}

/** How much of the change falls on this set. */
function fractionOf(deployment: Deployment, set: ReplicaSet): number {
  if (replicasOf(deployment) === 0) return -replicasOf(set);
  const before = Number(set.metadata.annotations?.[maxAnnotation] ?? 0) || (deployment.status?.replicas ?? 0);
  if (before === 0) return 0;
  return Math.round((replicasOf(set) * maxReplicasOf(deployment)) / before) - replicasOf(set);
}

function isSaturated(deployment: Deployment, set: ReplicaSet): boolean {
  const wanted = replicasOf(deployment);
  const desired = Number(set.metadata.annotations?.[desiredAnnotation] ?? Number.NaN);
  return replicasOf(set) === wanted && desired === wanted && availableOf(set) === wanted;
}

export const byAge = (a: ReplicaSet, b: ReplicaSet): number =>
  compareText(a.metadata.creationTimestamp, b.metadata.creationTimestamp) ||
  compareText(a.metadata.name, b.metadata.name);
