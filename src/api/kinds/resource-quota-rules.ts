import { invalid } from '../field-error.ts';
import { qualifiedName } from '../names.ts';
import { tryParseQuantity } from '../quantity.ts';
import { type Checked, rulesOf } from './checks.ts';
import { textOf, textsOf } from './defaulting.ts';

export const resourceQuotaRules = rulesOf(validateQuota);

const podScopes = ['BestEffort', 'NotBestEffort', 'NotTerminating', 'PriorityClass', 'Terminating'];
const scopes: ReadonlySet<string> = new Set([...podScopes, 'CrossNamespacePodAffinity', 'VolumeAttributesClass']);
const opposites = [
  ['BestEffort', 'NotBestEffort'],
  ['Terminating', 'NotTerminating'],
] as const;

function validateQuota(root: Checked, previous: Checked | undefined): void {
  const spec = root.at('spec');
  for (const amount of spec.at('hard').entries()) {
    const name = amount.path.slice(amount.path.indexOf('[') + 1, -1);
    for (const sentence of qualifiedName(name)) amount.add(invalid(amount.path, name, sentence));
    const parsed = tryParseQuantity(amount.text);
    if ('quantity' in parsed && parsed.quantity.nanos < 0n) amount.invalid('must be greater than or equal to 0');
    if (isCount(name) && 'quantity' in parsed && parsed.quantity.nanos % 1_000_000_000n !== 0n) {
      amount.invalid('must be an integer');
    }
  }
  const given = spec.at('scopes');
  const names = textsOf(given.value);
  for (const name of names) if (!scopes.has(name)) given.invalid('unsupported scope');
  for (const pair of opposites) {
    if (pair.every((name) => names.includes(name))) given.invalid('conflicting scopes');
  }
  const expressions = spec.at('scopeSelector').at('matchExpressions');
  for (const item of expressions.items()) validateExpression(item, expressions.path);
  if (previous) given.same(previous.at('spec').part.scopes);
}

const isCount = (name: string): boolean =>
  !name.includes('.') || name.startsWith('count/') || name.startsWith('services.');

function validateExpression(item: Checked, path: string): void {
  const { scopeName, operator, values } = item.part;
  if (!scopes.has(textOf(scopeName))) item.add(invalid(`${path}.scopeName`, scopeName ?? '', 'unsupported scope'));
  const count = textsOf(values).length;
  if (operator === 'In' || operator === 'NotIn') {
    if (count === 0) {
      const text = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
      item.add({ path: `${path}.values`, type: 'Required', text: `Required value: ${text}` });
    }
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    if (count > 0) {
      const text = "must be no value when `operator` is 'Exists' or 'DoesNotExist' for scope selector";
      item.add(invalid(`${path}.values`, values, text));
    }
  } else item.add(invalid(`${path}.operator`, operator ?? '', 'not a valid selector operator'));
  const name = textOf(scopeName);
  const existsOnly = scopes.has(name) && name !== 'PriorityClass' && name !== 'VolumeAttributesClass';
  if (existsOnly && operator !== 'Exists') {
    const text =
      "must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";
    item.add(invalid(`${path}.operator`, operator ?? '', text));
  }
}
