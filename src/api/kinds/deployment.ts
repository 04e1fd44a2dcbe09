import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import type { LabelSelector } from '../selector.ts';
import { defineKind } from './define.ts';
import type { Condition, IntOrString, PodTemplate } from './pod.ts';

export interface DeploymentSpec {
  readonly replicas?: number;
  readonly selector: LabelSelector;
  readonly template: PodTemplate;
  readonly strategy?: {
    readonly type?: string;
    readonly rollingUpdate?: { readonly maxSurge?: IntOrString; readonly maxUnavailable?: IntOrString };
  };
  readonly minReadySeconds?: number;
  readonly revisionHistoryLimit?: number;
  readonly paused?: boolean;
  readonly progressDeadlineSeconds?: number;
}
export interface DeploymentStatus {
  readonly observedGeneration?: number;
  readonly replicas?: number;
  readonly updatedReplicas?: number;
  readonly readyReplicas?: number;
  readonly availableReplicas?: number;
  readonly unavailableReplicas?: number;
  readonly terminatingReplicas?: number;
  readonly collisionCount?: number;
  readonly conditions?: readonly Condition[];
}
export interface Deployment extends KubeObject<DeploymentSpec, DeploymentStatus> {
  readonly spec: DeploymentSpec;
}

export const deployments: Kind<Deployment> = defineKind<Deployment>('apps/v1', 'Deployment');
