import { dnsSubdomain, labelValue, qualifiedName } from '../names.ts';
import type { Checked } from './checks.ts';

/** Which nodes are meant: terms of which one must hold. */
export function validateNodeSelector(selector: Checked): void {
  const terms = selector.at('nodeSelectorTerms');
  if (!terms.needed('must have at least one node selector term')) return;
  for (const term of terms.items()) validateNodeTerm(term, true);
}

/** `strictly`: the values must be possible values of labels. A mere preference may name impossible ones. */
export function validateNodeTerm(term: Checked, strictly: boolean): void {
  for (const expression of term.at('matchExpressions').items()) validateExpression(expression, strictly);
  for (const field of term.at('matchFields').items()) validateField(field);
}

function validateExpression(expression: Checked, strictly: boolean): void {
  const values = expression.at('values');
  const count = values.items().length;
  const operator = expression.at('operator');
  if (operator.text === 'In' || operator.text === 'NotIn') {
    if (count === 0) values.missing("must be specified when `operator` is 'In' or 'NotIn'");
  } else if (operator.text === 'Exists' || operator.text === 'DoesNotExist') {
    if (count > 0) values.forbidden("may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
  } else if (operator.text === 'Gt' || operator.text === 'Lt') {
    if (count !== 1) values.missing("must be specified single value when `operator` is 'Lt' or 'Gt'");
  } else operator.invalid('not a valid selector operator');
  expression.at('key').like(qualifiedName);
  if (strictly) for (const value of values.items()) value.like(labelValue);
}

function validateField(field: Checked): void {
  const values = field.at('values');
  const operator = field.at('operator');
  if (operator.text !== 'In' && operator.text !== 'NotIn') operator.invalid('not a valid selector operator');
  else if (values.items().length !== 1) {
    values.missing("must be only one value when `operator` is 'In' or 'NotIn' for node field selector");
  }
  if (field.at('key').text !== 'metadata.name') field.at('key').invalid('not a valid field selector key');
  else for (const value of values.items()) value.like(dnsSubdomain);
}
