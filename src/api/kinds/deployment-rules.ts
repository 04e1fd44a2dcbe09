import { notSupported } from '../field-error.ts';
import { goView } from '../schema/go-view.ts';
import { type Checked, portionOf, rulesOf } from './checks.ts';
import { notAbove, notDecremented, notNegativeEach, replicatedTemplateRules, selectorRules } from './workload-rules.ts';

export const deploymentRules = rulesOf(validateDeployment, validateStatus);

function validateDeployment(root: Checked, previous: Checked | undefined): void {
  const spec = root.at('spec');
  spec.at('replicas').notNegative();
  const matches = selectorRules(spec.at('selector'), 'deployment');
  if (matches) replicatedTemplateRules(spec.at('template'), matches, spec.at('replicas').number);
  validateStrategy(spec.at('strategy'));
  notNegativeEach(spec, 'minReadySeconds', 'revisionHistoryLimit');
  const deadline = spec.at('progressDeadlineSeconds');
  if (!deadline.isAbsent) {
    deadline.notNegative();
    if (deadline.number <= spec.at('minReadySeconds').number) {
      deadline.invalid('must be greater than minReadySeconds');
    }
  }
  if (previous) spec.at('selector').same(previous.at('spec').part.selector);
}

function validateStrategy(strategy: Checked): void {
  const type = strategy.at('type').text;
  const rolling = strategy.at('rollingUpdate');
  if (type === 'Recreate') {
    if (!rolling.isAbsent) rolling.forbidden("may not be specified when strategy `type` is 'Recreate'");
  } else if (type === 'RollingUpdate') {
    const unavailable = rolling.at('maxUnavailable');
    const surge = rolling.at('maxSurge');
    unavailable.portion();
    surge.portion();
    if (portionOf(unavailable.value) === 0 && portionOf(surge.value) === 0) {
      unavailable.invalid('may not be 0 when `maxSurge` is 0');
    }
    unavailable.atMostHundred();
  } else {
    const shown = goView('apps.v1.DeploymentStrategy', strategy.value);
    strategy.add(notSupported(strategy.path, shown, ['Recreate', 'RollingUpdate']));
  }
}

function validateStatus(root: Checked, previous: Checked | undefined): void {
  const status = root.at('status');
  notNegativeEach(status, 'observedGeneration', 'replicas', 'updatedReplicas', 'readyReplicas', 'availableReplicas');
  notNegativeEach(status, 'unavailableReplicas', 'terminatingReplicas', 'collisionCount');
  const replicas = { field: 'replicas', word: 'status.replicas' };
  notAbove(status, replicas, 'updatedReplicas', 'readyReplicas', 'availableReplicas');
  notAbove(status, { field: 'readyReplicas', word: 'readyReplicas' }, 'availableReplicas');
  notDecremented(status, previous);
}
