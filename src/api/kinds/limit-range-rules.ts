import { duplicate, invalid } from '../field-error.ts';
import { qualifiedName } from '../names.ts';
import { tryParseQuantity } from '../quantity.ts';
import { type Checked, rulesOf } from './checks.ts';
import { textOf } from './defaulting.ts';

export const limitRangeRules = rulesOf((root) => validateRange(root.at('spec').at('limits')));

const standardTypes = ['Pod', 'Container', 'PersistentVolumeClaim'];

function validateRange(limits: Checked): void {
  const types = new Set<string>();
  for (const limit of limits.items()) {
    const type = limit.at('type');
    type.like(qualifiedName);
    if (!type.text.includes('/') && !standardTypes.includes(type.text) && qualifiedName(type.text).length === 0) {
      type.invalid('must be a standard limit type or fully qualified');
    }
    if (types.has(type.text)) type.add(duplicate(type.path, type.text));
    types.add(type.text);
    if (type.text === 'Pod') {
      for (const key of ['default', 'defaultRequest']) {
        const given = limit.at(key);
        if (Object.keys(given.part).length > 0) {
          given.add({
            path: given.path,
            type: 'Forbidden',
            text: `Forbidden: may not be specified when \`type\` is 'Pod'`,
          });
        }
      }
    }
    const names = ['min', 'max', 'default', 'defaultRequest', 'maxLimitRequestRatio'];
    const resources = new Set(names.flatMap((key) => Object.keys(limit.at(key).part)));
    if (type.text === 'PersistentVolumeClaim' && !resources.has('storage')) {
      limit.add({
        path: `${limits.path}`,
        type: 'Required',
        text: 'Required value: either minimum or maximum storage value is required, but neither was provided',
      });
    }
    for (const name of resources) validateResource(limit, name);
  }
}

/** Pairs of which the first may not be greater than the second, with the words for both. */
const orders = [
  ['min', 'max', 'min', 'min value', 'max value'],
  ['min', 'defaultRequest', 'defaultRequest', 'min value', 'default request value'],
  ['defaultRequest', 'max', 'defaultRequest', 'default request value', 'max value'],
  ['defaultRequest', 'default', 'defaultRequest', 'default request value', 'default limit value'],
  ['min', 'default', 'default', 'min value', 'default value'],
  ['default', 'max', 'default', 'default value', 'max value'],
] as const;

function validateResource(limit: Checked, name: string): void {
  const amount = (key: string): bigint | undefined => {
    const value = limit.at(key).part[name];
    const parsed = value === undefined ? undefined : tryParseQuantity(textOf(value));
    return parsed && 'quantity' in parsed ? parsed.quantity.nanos : undefined;
  };
  const shown = (key: string) => textOf(limit.at(key).part[name]);
  for (const [low, high, place, lowWords, highWords] of orders) {
    const [least, most] = [amount(low), amount(high)];
    if (least === undefined || most === undefined || least <= most) continue;
    const sentence = `${lowWords} ${shown(low)} is greater than ${highWords} ${shown(high)}`;
    limit.add(invalid(`${limit.path}.${place}[${name}]`, shown(place), sentence));
  }
  const [ratio, min, max] = [amount('maxLimitRequestRatio'), amount('min'), amount('max')];
  const path = `${limit.path}.maxLimitRequestRatio[${name}]`;
  if (ratio === undefined) return;
  if (ratio < 1_000_000_000n) {
    limit.add(invalid(path, shown('maxLimitRequestRatio'), `ratio ${shown('maxLimitRequestRatio')} is less than 1`));
  }
  if (min !== undefined && max !== undefined && min > 0n && ratio > (max * 1_000_000_000n) / min) {
    const most = (Number(max) / Number(min)).toFixed(6);
    const sentence = `ratio ${shown('maxLimitRequestRatio')} is greater than max/min = ${most}`;
    limit.add(invalid(path, shown('maxLimitRequestRatio'), sentence));
  }
}
