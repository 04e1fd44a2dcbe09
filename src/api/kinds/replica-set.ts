import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import type { LabelSelector } from '../selector.ts';
import { ageCell, columnsOf, containerCells, selectorText, workloadColumns } from './columns.ts';
import { changed, filled, partOf } from './defaulting.ts';
import { defineKind } from './define.ts';
import type { Condition, PodTemplate } from './pod.ts';
import { templateDefaults } from './pod-defaults.ts';
import { replicaSetRules } from './replica-set-rules.ts';
import { workloadWarnings } from './workload-warnings.ts';

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

export const replicaSets: Kind<ReplicaSet> = defineKind<ReplicaSet>('apps/v1', 'ReplicaSet', {
  validate: replicaSetRules,
  warnings: workloadWarnings,
  defaults: (set) => changed(set, 'spec', (spec) => filled(templateDefaults(spec), { replicas: 1 })),
  columns: columnsOf('Name', 'Desired:integer', 'Current:integer', 'Ready:integer', 'Age', ...workloadColumns),
  cells: (set, now) => [
    set.metadata.name,
    set.spec.replicas ?? 0,
    set.status?.replicas ?? 0,
    set.status?.readyReplicas ?? 0,
    ageCell(set, now),
    ...containerCells(partOf(set.spec.template.spec)),
    selectorText(set.spec.selector),
  ],
});
