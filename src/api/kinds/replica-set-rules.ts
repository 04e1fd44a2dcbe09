import { type Checked, rulesOf } from './checks.ts';
import { notAbove, notNegativeEach, replicatedTemplateRules, selectorRules } from './workload-rules.ts';

export const replicaSetRules = rulesOf(validateSet, validateStatus);

function validateSet(root: Checked, previous: Checked | undefined): void {
  const spec = root.at('spec');
  notNegativeEach(spec, 'replicas', 'minReadySeconds');
  const matches = selectorRules(spec.at('selector'), 'deployment');
  if (matches) replicatedTemplateRules(spec.at('template'), matches, spec.at('replicas').number);
  if (previous) spec.at('selector').same(previous.at('spec').part.selector);
}

function validateStatus(root: Checked): void {
  const status = root.at('status');
  notNegativeEach(status, 'replicas', 'fullyLabeledReplicas', 'readyReplicas', 'availableReplicas');
  notNegativeEach(status, 'terminatingReplicas', 'observedGeneration');
  const replicas = { field: 'replicas', word: 'status.replicas' };
  notAbove(status, replicas, 'fullyLabeledReplicas', 'readyReplicas', 'availableReplicas');
  notAbove(status, { field: 'readyReplicas', word: 'readyReplicas' }, 'availableReplicas');
}
