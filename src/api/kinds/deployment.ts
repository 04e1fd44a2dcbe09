import { equalJson } from '../../base/json.ts';
import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import type { LabelSelector } from '../selector.ts';
import { ageCell, columnsOf, containerCells, selectorText, workloadColumns } from './columns.ts';
import { changed, filled, type Part, partOf } from './defaulting.ts';
import { defineKind } from './define.ts';
import { deploymentRules } from './deployment-rules.ts';
import type { Condition, IntOrString, PodTemplate } from './pod.ts';
import { templateDefaults } from './pod-defaults.ts';
import { statusKeepsLabels } from './status-writes.ts';
import { workloadWarnings } from './workload-warnings.ts';

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

export const deployments: Kind<Deployment> = defineKind<Deployment>('apps/v1', 'Deployment', {
  validate: deploymentRules,
  warnings: workloadWarnings,
  ...statusKeepsLabels,
  // The revision of a deployment is an annotation of its, so a change of those counts as well.
  changesGeneration: (next, previous) =>
    !equalJson(next.spec, previous.spec) ||
    !equalJson(next.metadata.annotations ?? {}, previous.metadata.annotations ?? {}),
  defaults: (deployment) => changed(deployment, 'spec', specDefaults),
  columns: columnsOf('Name', 'Ready', 'Up-to-date', 'Available', 'Age', ...workloadColumns),
  cells: (deployment, now) => {
    const { spec, status = {}, metadata } = deployment;
    return [
      metadata.name,
      `${status.readyReplicas ?? 0}/${spec.replicas ?? 0}`,
      status.updatedReplicas ?? 0,
      status.availableReplicas ?? 0,
      ageCell(deployment, now),
      ...containerCells(partOf(spec.template.spec)),
      selectorText(spec.selector),
    ];
  },
});

function specDefaults(given: Part): Part {
  const spec = filled(templateDefaults(given), {
    replicas: 1,
    strategy: {},
    revisionHistoryLimit: 10,
    progressDeadlineSeconds: 600,
  });
  return changed(spec, 'strategy', (asked) => {
    const strategy = filled(asked, { type: 'RollingUpdate' });
    if (strategy.type !== 'RollingUpdate') return strategy;
    return changed(filled(strategy, { rollingUpdate: {} }), 'rollingUpdate', (rolling) =>
      filled(rolling, { maxUnavailable: '25%', maxSurge: '25%' }),
    );
  });
}
