import { equalJson } from '../../base/json.ts';
import { type Checked, rulesOf } from './checks.ts';
import { textOf, textsOf } from './defaulting.ts';
import { isQuotaName, quotaResourceName, resourceAmount } from './resource-name-rules.ts';

export const resourceQuotaRules = rulesOf(
  (root, previous) => {
    const spec = root.at('spec');
    validateAmounts(spec.at('hard'));
    const names = Object.keys(spec.at('hard').part).sort();
    validateScopes(spec.at('scopes'), names);
    validateSelector(spec.at('scopeSelector'), names);
    validateStatus(root);
    if (!previous) return;
    const sorted = (value: unknown) => [...new Set(textsOf(value))].sort();
    const before = previous.at('spec').part.scopes;
    if (!equalJson(sorted(spec.part.scopes), sorted(before))) spec.at('scopes').invalid('field is immutable');
  },
  (root) => validateStatus(root),
);

function validateStatus(root: Checked): void {
  for (const field of ['hard', 'used']) validateAmounts(root.at('status').at(field));
}

function validateAmounts(amounts: Checked): void {
  for (const amount of amounts.entries()) {
    quotaResourceName(amount, amount.lastKey);
    resourceAmount(amount, amount.lastKey);
  }
}

const compute = ['cpu', 'memory', 'limits.cpu', 'limits.memory', 'requests.cpu', 'requests.memory'];
const ofPods: ReadonlySet<string> = new Set(['pods', ...compute]);

/** What each scope can count. */
const byScope: Readonly<Record<string, ReadonlySet<string>>> = {
  Terminating: ofPods,
  NotTerminating: ofPods,
  BestEffort: new Set(['pods']),
  NotBestEffort: ofPods,
  PriorityClass: ofPods,
  CrossNamespacePodAffinity: ofPods,
  VolumeAttributesClass: new Set(['persistentvolumeclaims', 'requests.storage']),
};
const opposites = [
  ['BestEffort', 'NotBestEffort'],
  ['Terminating', 'NotTerminating'],
] as const;

/** Whether the scope is known and counts nothing of what the quota limits. */
const isApplicable = (scope: string, name: string): boolean =>
  !isQuotaName(name) || (byScope[scope]?.has(name) ?? true);

function validateScopes(scopes: Checked, resources: readonly string[]): void {
  const given = textsOf(scopes.value);
  for (const scope of given) {
    if (!Object.hasOwn(byScope, scope)) scopes.invalid('unsupported scope');
    for (const name of resources) {
      if (!isApplicable(scope, name)) scopes.invalid('unsupported scope applied to resource');
    }
  }
  validateOpposites(scopes, given);
}

function validateOpposites(at: Checked, given: readonly string[]): void {
  for (const pair of opposites) if (pair.every((scope) => given.includes(scope))) at.invalid('conflicting scopes');
}

function validateSelector(selector: Checked, resources: readonly string[]): void {
  if (selector.isAbsent) return;
  const expressions = selector.at('matchExpressions');
  const given = expressions.items().map((item) => textOf(item.part.scopeName));
  for (const item of expressions.items()) validateExpression(item.toldAt(expressions.path), resources);
  validateOpposites(expressions, given);
}

const existsSentence =
  "must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";
const withValues = ['PriorityClass', 'VolumeAttributesClass'];

function validateExpression(item: Checked, resources: readonly string[]): void {
  const scope = item.at('scopeName');
  const operator = item.at('operator');
  const known = Object.hasOwn(byScope, scope.text);
  if (!known) scope.invalid('unsupported scope');
  for (const name of resources) {
    if (!isApplicable(scope.text, name)) item.invalid('unsupported scope applied to resource');
  }
  if (known && !withValues.includes(scope.text) && operator.text !== 'Exists') operator.invalid(existsSentence);
  const values = item.at('values');
  if (operator.text === 'In' || operator.text === 'NotIn') {
    const detail = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
    if (values.isEmpty) values.missing(detail);
  } else if (operator.text === 'Exists' || operator.text === 'DoesNotExist') {
    if (values.isEmpty) return;
    values.invalid("must be no value when `operator` is 'Exists' or 'DoesNotExist' for scope selector");
  } else operator.invalid('not a valid selector operator');
}
