import { duplicate } from '../field-error.ts';
import { qualifiedName } from '../names.ts';
import { type Checked, rulesOf } from './checks.ts';
import { parameterRules, provisionerRules } from './storage-parameters.ts';

export const storageClassRules = rulesOf((root, previous) => {
  provisionerRules(root.at('provisioner'));
  parameterRules(root.at('parameters'));
  root.at('reclaimPolicy').optionalOneOf('Delete', 'Retain');
  root.at('volumeBindingMode').oneOf('Immediate', 'WaitForFirstConsumer');
  validateTopologies(root.at('allowedTopologies'));
  if (!previous) return;
  const fixed = ['parameters', 'provisioner', 'reclaimPolicy', 'volumeBindingMode'];
  for (const field of fixed) root.at(field).same(previous.part[field]);
});

function validateTopologies(topologies: Checked): void {
  const seen = new Set<string>();
  for (const term of topologies.items()) {
    const expressions = term.at('matchLabelExpressions');
    expressions.unique((expression) => expression.at('key'));
    for (const expression of expressions.items()) {
      expression.at('key').like(qualifiedName);
      expression.at('values').needed();
      expression.at('values').unique();
    }
    const text = JSON.stringify(expressions.value ?? null);
    // An empty term matches everything twice over, so upstream calls it a duplicate at once.
    if (seen.has(text) || expressions.isEmpty) expressions.add(duplicate(expressions.path, ''));
    seen.add(text);
  }
}
