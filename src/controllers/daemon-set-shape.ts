import type { DaemonSet } from '../api/kinds/daemon-set.ts';
import type { Condition, IntOrString, Pod, PodTemplate } from '../api/kinds/pod.ts';
import type { LabelSelector } from '../api/selector.ts';
import { compareText } from '../base/text.ts';

const generationAnnotation = 'deprecated.daemonset.template.generation';
export const generationLabel = 'pod-template-generation';
export const hashLabel = 'controller-revision-hash';

export interface DaemonSetSpec {
  readonly selector: LabelSelector;
  readonly template: PodTemplate;
  readonly updateStrategy?: {
    readonly type?: string;
    readonly rollingUpdate?: { readonly maxUnavailable?: IntOrString; readonly maxSurge?: IntOrString };
  };
  readonly minReadySeconds?: number;
  readonly revisionHistoryLimit?: number;
}
export interface DaemonSetStatus {
  readonly currentNumberScheduled: number;
  readonly numberMisscheduled: number;
  readonly desiredNumberScheduled: number;
  readonly numberReady: number;
  readonly observedGeneration?: number;
  readonly updatedNumberScheduled?: number;
  readonly numberAvailable?: number;
  readonly numberUnavailable?: number;
  readonly collisionCount?: number;
  readonly conditions?: readonly Condition[];
}

export const daemonSpecOf = (set: DaemonSet): DaemonSetSpec => set.spec as unknown as DaemonSetSpec;
export const daemonStatusOf = (set: DaemonSet): Partial<DaemonSetStatus> =>
  (set.status ?? {}) as unknown as Partial<DaemonSetStatus>;

export const templateGeneration = (set: DaemonSet): string | undefined =>
  set.metadata.annotations?.[generationAnnotation];

/** Of the template as it is now. */
export function isUpdated(set: DaemonSet, pod: Pod, hash: string): boolean {
  const { labels } = pod.metadata;
  const generation = templateGeneration(set);
  return labels?.[hashLabel] === hash || (generation !== undefined && labels?.[generationLabel] === generation);
}

/** Where a pod is, or is meant to be. */
export function targetOf({ spec }: Pod): string | undefined {
  if (spec.nodeName) return spec.nodeName;
  const terms = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  for (const { matchFields = [] } of terms) {
    const named = matchFields.find(({ key, operator }) => key === 'metadata.name' && operator === 'In');
    if (named?.values?.length === 1) return named.values[0];
  }
  return undefined;
}

/** Those with a node first, then the oldest. */
export const byAge = (a: Pod, b: Pod): number =>
  Number(!a.spec.nodeName) - Number(!b.spec.nodeName) ||
  compareText(a.metadata.creationTimestamp, b.metadata.creationTimestamp) ||
  compareText(a.metadata.name, b.metadata.name);

export interface DaemonBounds {
  readonly surge: number;
  readonly unavailable: number;
}

/** How many nodes may be without a pod, or with two, while the template changes. Both are rounded up. */
export function boundsOf(set: DaemonSet, desired: number): DaemonBounds {
  const { type, rollingUpdate } = daemonSpecOf(set).updateStrategy ?? {};
  if (type === 'OnDelete') return { surge: 0, unavailable: 0 };
  const surge = share(rollingUpdate?.maxSurge ?? 0, desired);
  const unavailable = share(rollingUpdate?.maxUnavailable ?? 1, desired);
  return { surge, unavailable: desired > 0 && surge === 0 && unavailable === 0 ? 1 : unavailable };
}

export function allowsSurge(set: DaemonSet): boolean {
  const { maxSurge = 0 } = daemonSpecOf(set).updateStrategy?.rollingUpdate ?? {};
  return daemonSpecOf(set).updateStrategy?.type !== 'OnDelete' && share(maxSurge, 100) > 0;
}

function share(value: IntOrString, of: number): number {
  if (typeof value === 'number') return value;
  return value.endsWith('%') ? Math.ceil((Number(value.slice(0, -1)) * of) / 100) : Number(value);
}
