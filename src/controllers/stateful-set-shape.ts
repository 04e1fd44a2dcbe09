import type { PersistentVolumeClaim } from '../api/kinds/persistent-volume-claim.ts';
import type { Condition, Pod, PodTemplate } from '../api/kinds/pod.ts';
import type { StatefulSet } from '../api/kinds/stateful-set.ts';
import type { LabelSelector } from '../api/selector.ts';

export interface StatefulSetSpec {
  readonly replicas?: number;
  readonly selector: LabelSelector;
  readonly template: PodTemplate;
  readonly volumeClaimTemplates?: readonly PersistentVolumeClaim[];
  readonly serviceName?: string;
  readonly podManagementPolicy?: string;
  readonly updateStrategy?: { readonly type?: string; readonly rollingUpdate?: { readonly partition?: number } };
  readonly revisionHistoryLimit?: number;
  readonly minReadySeconds?: number;
  readonly persistentVolumeClaimRetentionPolicy?: { readonly whenDeleted?: string; readonly whenScaled?: string };
  readonly ordinals?: { readonly start?: number };
}
export interface StatefulSetStatus {
  readonly observedGeneration?: number;
  readonly replicas: number;
  readonly readyReplicas?: number;
  readonly currentReplicas?: number;
  readonly updatedReplicas?: number;
  readonly currentRevision?: string;
  readonly updateRevision?: string;
  readonly collisionCount?: number;
  readonly conditions?: readonly Condition[];
  readonly availableReplicas: number;
}

export const setSpecOf = (set: StatefulSet): StatefulSetSpec => set.spec as unknown as StatefulSetSpec;
export const setStatusOf = (set: StatefulSet): Partial<StatefulSetStatus> =>
  (set.status ?? {}) as unknown as Partial<StatefulSetStatus>;

export const startOrdinal = (set: StatefulSet): number => setSpecOf(set).ordinals?.start ?? 0;
export const replicasOf = (set: StatefulSet): number => setSpecOf(set).replicas ?? 1;

/** Which of the set a pod is, by its name; undefined where the name is of another kind. */
export function ordinalOf(set: StatefulSet, pod: Pod): number | undefined {
  const found = /^(.*)-([0-9]+)$/s.exec(pod.metadata.name);
  return found && found[1] === set.metadata.name ? Number(found[2]) : undefined;
}
export function isInRange(set: StatefulSet, ordinal: number): boolean {
  const place = ordinal - startOrdinal(set);
  return place >= 0 && place < replicasOf(set);
}
