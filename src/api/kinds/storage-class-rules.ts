import { duplicate, forbidden } from '../field-error.ts';
import { qualifiedName } from '../names.ts';
import { type Checked, rulesOf } from './checks.ts';

export const storageClassRules = rulesOf(validateClass);

const parametersMax = 512;

function validateClass(root: Checked, previous: Checked | undefined): void {
  const provisioner = root.at('provisioner');
  if (previous) {
    const fixed = ['parameters', 'provisioner', 'reclaimPolicy', 'volumeBindingMode'] as const;
    for (const key of fixed) {
      const now = JSON.stringify(root.part[key] ?? null) === JSON.stringify(previous.part[key] ?? null);
      if (now) continue;
      if (key === 'provisioner' || key === 'parameters') {
        root.add(forbidden(key, `updates to ${key} are forbidden.`));
      } else if (key === 'reclaimPolicy') root.add(forbidden(key, 'updates to reclaimPolicy are forbidden.'));
      else root.at(key).same(previous.part[key]);
    }
  }
  if (provisioner.needed()) {
    for (const sentence of qualifiedName(provisioner.text.toLowerCase())) provisioner.invalid(sentence);
  }
  const parameters = root.at('parameters');
  if (Object.keys(parameters.part).length > parametersMax) parameters.invalid('must have at most 512 items');
  if ('' in parameters.part) parameters.invalid('field must not be empty.');
  root.at('reclaimPolicy').optionalOneOf('Delete', 'Retain');
  root.at('volumeBindingMode').optionalOneOf('Immediate', 'WaitForFirstConsumer');
  validateTopologies(root.at('allowedTopologies'));
}

function validateTopologies(topologies: Checked): void {
  const seen = new Set<string>();
  for (const term of topologies.items()) {
    const expressions = term.at('matchLabelExpressions');
    const keys = new Set<string>();
    for (const expression of expressions.items()) {
      const key = expression.at('key');
      key.like(qualifiedName);
      if (keys.has(key.text)) key.add(duplicate(key.path, key.text));
      keys.add(key.text);
      const values = expression.at('values');
      values.needed();
      const met = new Set<string>();
      for (const value of values.items()) {
        if (met.has(value.text)) value.add(duplicate(value.path, value.text));
        met.add(value.text);
      }
    }
    const text = JSON.stringify(expressions.value ?? null);
    // An empty term matches everything twice over, so upstream calls it a duplicate at once.
    if (seen.has(text) || expressions.isEmpty) expressions.add(duplicate(expressions.path, ''));
    seen.add(text);
  }
}
