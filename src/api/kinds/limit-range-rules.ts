import { qualifiedName } from '../names.ts';
import { type Checked, rulesOf } from './checks.ts';
import { mapOf } from './defaulting.ts';
import { anyResourceName, containerResourceName, isOvercommitAllowed, nanosOf, one } from './resource-name-rules.ts';

const standardTypes = ['Pod', 'Container', 'PersistentVolumeClaim'];

export const limitRangeRules = rulesOf((root) => {
  const limits = root.at('spec').at('limits');
  const types = new Set<string>();
  for (const limit of limits.items()) {
    const type = limit.at('type');
    validateType(type);
    if (types.has(type.text)) type.duplicate(type.text);
    types.add(type.text);
    validateNames(limit, type.text);
    const storage = [limit.at('min').part.storage, limit.at('max').part.storage];
    if (type.text === 'PersistentVolumeClaim' && storage.every((amount) => amount === undefined)) {
      const detail = 'either minimum or maximum storage value is required, but neither was provided';
      limit.at('limits').missing(detail);
    }
    const names = new Set(fields.flatMap((field) => Object.keys(limit.at(field).part)));
    for (const name of names) validateResource(limit, name);
  }
});

const fields = ['max', 'min', 'default', 'defaultRequest', 'maxLimitRequestRatio'];

function validateType(type: Checked): void {
  const sentences = qualifiedName(type.text);
  for (const sentence of sentences) type.invalid(sentence);
  if (sentences.length > 0 || type.text.includes('/') || standardTypes.includes(type.text)) return;
  type.invalid('must be a standard limit type or fully qualified');
}

function validateNames(limit: Checked, type: string): void {
  const nameRule = type === 'Pod' || type === 'Container' ? containerResourceName : anyResourceName;
  for (const field of fields) {
    const amounts = limit.at(field);
    if (type === 'Pod' && field.startsWith('default')) {
      if (Object.keys(amounts.part).length > 0) amounts.forbidden("may not be specified when `type` is 'Pod'");
      continue;
    }
    for (const amount of amounts.entries()) nameRule(amount, amount.lastKey);
  }
}

/** Pairs of which the first may not be greater than the second: where, and with whose value, it is told. */
const orders = [
  ['min', 'max', 'min', 'min'],
  ['min', 'defaultRequest', 'defaultRequest', 'defaultRequest'],
  ['defaultRequest', 'max', 'defaultRequest', 'defaultRequest'],
  ['defaultRequest', 'default', 'defaultRequest', 'defaultRequest'],
  ['min', 'default', 'default', 'min'],
  ['default', 'max', 'default', 'max'],
] as const;
const words = {
  min: 'min value',
  max: 'max value',
  default: 'default value',
  defaultRequest: 'default request value',
} as const;

function validateResource(limit: Checked, name: string): void {
  const shown = (field: string): string => mapOf(limit.part[field])[name] ?? '';
  const amount = (field: string): bigint | undefined => (shown(field) === '' ? undefined : nanosOf(shown(field)));
  for (const [low, high, place, told] of orders) {
    const [least, most] = [amount(low), amount(high)];
    if (least === undefined || most === undefined || least <= most) continue;
    const highWords = low === 'defaultRequest' && high === 'default' ? 'default limit value' : words[high];
    const sentence = `${words[low]} ${shown(low)} is greater than ${highWords} ${shown(high)}`;
    limit.at(place).key(name).invalidAs(shown(told), sentence);
  }
  validateRatio(limit.at('maxLimitRequestRatio').key(name), amount('min'), amount('max'));
  const [byDefault, request] = [amount('default'), amount('defaultRequest')];
  if (isOvercommitAllowed(name) || byDefault === undefined || request === undefined || byDefault === request) return;
  const sentence = `default value ${shown('default')} must equal to defaultRequest value ${shown('defaultRequest')} in ${name}`;
  limit.at('default').key(name).invalid(sentence);
}

function validateRatio(at: Checked, min: bigint | undefined, max: bigint | undefined): void {
  if (at.isAbsent) return;
  const ratio = nanosOf(at.value);
  if (ratio < one) at.invalid(`ratio ${at.text} is less than 1`);
  if (min === undefined || max === undefined || min === 0n) return;
  const most = Number(max) / Number(min);
  if (Number(ratio) / Number(one) > most) at.invalid(`ratio ${at.text} is greater than max/min = ${most.toFixed(6)}`);
}
