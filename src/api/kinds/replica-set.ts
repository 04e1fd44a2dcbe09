import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import type { LabelSelector } from '../selector.ts';
import { defineKind } from './define.ts';
import type { Condition, PodTemplate } from './pod.ts';

export interface ReplicaSetSpec {
  readonly replicas?: number;
  readonly selector: LabelSelector;
  readonly template: PodTemplate;
  readonly minReadySeconds?: number;
}
export interface ReplicaSetStatus {
  readonly observedGeneration?: number;
  readonly replicas: number;
  readonly fullyLabeledReplicas?: number;
  readonly readyReplicas?: number;
  readonly availableReplicas?: number;
  readonly terminatingReplicas?: number;
  readonly conditions?: readonly Condition[];
}
export interface ReplicaSet extends KubeObject<ReplicaSetSpec, ReplicaSetStatus> {
  readonly spec: ReplicaSetSpec;
}

export const replicaSets: Kind<ReplicaSet> = defineKind<ReplicaSet>('apps/v1', 'ReplicaSet');
