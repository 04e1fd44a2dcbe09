import { invalid } from '../field-error.ts';
import { type Checked, rulesOf } from './checks.ts';

export const podDisruptionBudgetRules = rulesOf((root) => validateBudget(root.at('spec')));

function validateBudget(spec: Checked): void {
  const { minAvailable, maxUnavailable } = spec.part;
  if (minAvailable !== undefined && maxUnavailable !== undefined) {
    spec.add(invalid(spec.path, spec.value, 'minAvailable and maxUnavailable cannot be both set'));
  }
  for (const key of ['minAvailable', 'maxUnavailable']) amountOrPercent(spec.at(key));
  spec.at('selector').selector();
  spec.at('unhealthyPodEvictionPolicy').optionalOneOf('AlwaysAllow', 'IfHealthyBudget');
}

const percentSentence =
  "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";

/** A count of pods, or a share of them up to all. */
function amountOrPercent(amount: Checked): void {
  if (amount.isAbsent) return;
  if (typeof amount.value === 'number') {
    if (amount.value < 0) amount.invalid('must be greater than or equal to 0');
  } else if (!/^[0-9]+%$/.test(amount.text)) amount.invalid(percentSentence);
  else if (Number(amount.text.slice(0, -1)) > 100) amount.invalid('must not be greater than 100%');
}
