import { invalid } from '../field-error.ts';
import { goView } from '../schema/go-view.ts';
import { type Checked, rulesOf } from './checks.ts';
import { conditionRules } from './status-rules.ts';
import { notNegativeEach } from './workload-rules.ts';

export const podDisruptionBudgetRules = rulesOf(
  (root) => validateBudget(root.at('spec')),
  (root) => {
    const status = root.at('status');
    conditionRules(status.at('conditions'));
    notNegativeEach(status, 'disruptionsAllowed', 'currentHealthy', 'desiredHealthy', 'expectedPods');
  },
);

function validateBudget(spec: Checked): void {
  const { minAvailable, maxUnavailable } = spec.part;
  if (minAvailable !== undefined && maxUnavailable !== undefined) {
    const shown = goView('policy.v1.PodDisruptionBudgetSpec', spec.value);
    spec.add(invalid(spec.path, shown, 'minAvailable and maxUnavailable cannot be both set'));
  }
  for (const key of ['minAvailable', 'maxUnavailable']) {
    spec.at(key).portion();
    spec.at(key).atMostHundred();
  }
  spec.at('selector').selector();
  spec.at('unhealthyPodEvictionPolicy').optionalOneOf('AlwaysAllow', 'IfHealthyBudget');
}
