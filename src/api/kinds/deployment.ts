import { type FieldError, forbidden, invalid, notSupported } from '../field-error.ts';
import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import type { LabelSelector } from '../selector.ts';
import { ageCell, columnsOf, containerCells, selectorText, workloadColumns } from './columns.ts';
import { changed, filled, type Part, partOf } from './defaulting.ts';
import { defineKind } from './define.ts';
import type { Condition, IntOrString, PodTemplate } from './pod.ts';
import { templateDefaults } from './pod-defaults.ts';
import { atMostHundred, portionRules } from './rules.ts';
import { workloadRules } from './workload-rules.ts';

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
  validate: (next, previous, { subresource }) =>
    subresource === 'status'
      ? []
      : deploymentRules(next.spec as unknown as Part, previous?.spec as unknown as Part | undefined),
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

function deploymentRules(spec: Part, previous: Part | undefined): readonly FieldError[] {
  const errors = [...workloadRules(spec, previous, 'deployment')];
  const { type, rollingUpdate } = partOf(spec.strategy);
  const at = 'spec.strategy';
  if (type === 'Recreate') {
    const sentence = "may not be specified when strategy `type` is 'Recreate'";
    if (rollingUpdate !== undefined) errors.push(forbidden(`${at}.rollingUpdate`, sentence));
  } else if (type === 'RollingUpdate') {
    const { maxUnavailable, maxSurge } = partOf(rollingUpdate);
    const rolling = `${at}.rollingUpdate`;
    errors.push(...portionRules(maxUnavailable, `${rolling}.maxUnavailable`));
    errors.push(...portionRules(maxSurge, `${rolling}.maxSurge`));
    if (isNothing(maxUnavailable) && isNothing(maxSurge)) {
      errors.push(invalid(`${rolling}.maxUnavailable`, maxUnavailable, 'may not be 0 when `maxSurge` is 0'));
    }
    errors.push(...atMostHundred(maxUnavailable, `${rolling}.maxUnavailable`));
  } else errors.push(notSupported(at, { Type: type, RollingUpdate: null }, ['Recreate', 'RollingUpdate']));
  const { progressDeadlineSeconds: deadline, minReadySeconds = 0 } = spec;
  if (typeof deadline === 'number') {
    if (deadline < 0) {
      errors.push(invalid('spec.progressDeadlineSeconds', deadline, 'must be greater than or equal to 0'));
    }
    if (deadline <= Number(minReadySeconds)) {
      errors.push(invalid('spec.progressDeadlineSeconds', deadline, 'must be greater than minReadySeconds'));
    }
  }
  return errors;
}
const isNothing = (value: unknown): boolean => value === 0 || value === '0%' || value === undefined;
