import { invalid, required } from '../field-error.ts';
import { isSix, strictAddress } from './addresses.ts';
import type { Checked } from './checks.ts';

const familyWords = ['IPv4', 'IPv6'] as const;
const policyWords = ['PreferDualStack', 'RequireDualStack', 'SingleStack'];
const addressesMax = 2;

/**
 * What the cluster addresses of a service and their families must be. Judged before addresses are given out, so that
 * these errors come alone, and again with the others.
 */
export function clusterAddressRules(spec: Checked): void {
  if (spec.part.type === 'ExternalName') return;
  const single = spec.at('clusterIP');
  const addresses = spec.at('clusterIPs');
  const texts = addresses.items().map(({ text }) => text);
  if (single.isEmpty && texts.length > 0) addresses.invalid('must be empty when `clusterIP` is not specified');
  else if (!single.isEmpty && texts.length === 0) addresses.add(required(addresses.path));
  else if (texts[0] !== undefined && texts[0] !== single.text) {
    addresses.invalid('first value must match `clusterIP`');
  }
  familyRules(spec);
  if (areAddressesWrong(addresses)) return;
  if (texts.length > 1 && new Set(texts.map(isSix)).size < texts.length) {
    addresses.invalid('may specify no more than one IP for each IP family');
  }
  if (texts[0] === 'None') return;
  const families = spec.at('ipFamilies').items();
  for (const [index, address] of addresses.items().entries()) {
    const family = families[index]?.text;
    if (family === undefined || (family === 'IPv6') === isSix(address.text)) continue;
    address.invalid(`expected an ${family} value as indicated by \`ipFamilies[${index}]\``);
  }
}

function familyRules(spec: Checked): void {
  const families = spec.at('ipFamilies');
  for (const family of families.items()) family.oneOf(...familyWords);
  families.unique();
  spec.at('ipFamilyPolicy').optionalOneOf(...policyWords);
}

function areAddressesWrong(addresses: Checked): boolean {
  const items = addresses.items();
  let wrong = false;
  for (const [index, address] of items.entries()) {
    if (index === 0 && address.text === 'None') {
      if (items.length === 1) continue;
      wrong = true;
      addresses.invalid("'None' must be the first and only value");
      continue;
    }
    const sentences = strictAddress(address.text);
    if (sentences.length > 0) wrong = true;
    for (const sentence of sentences) address.add(invalid(address.path, address.text, sentence));
  }
  if (items.length > addressesMax) addresses.invalid('may only hold up to 2 values');
  return wrong;
}

/** Addresses and families may be added and released again, but those that stay do not change. */
export function addressChangeRules(spec: Checked, previous: Checked): void {
  if (spec.part.type === 'ExternalName' || previous.part.type === 'ExternalName') return;
  const isHeadless = (of: Checked) => of.part.clusterIP === 'None';
  if (isHeadless(spec) && isHeadless(previous)) return;
  for (const key of ['clusterIPs', 'ipFamilies']) {
    const after = spec.at(key).items();
    const before = previous.at(key).items();
    for (const [index, item] of after.slice(0, before.length).entries()) {
      if (item.text === before[index]?.text) continue;
      item.add(invalid(item.path, spec.at(key).value, 'may not change once set'));
    }
    if (after.length < before.length && before.length > 1 && spec.part.ipFamilyPolicy !== 'SingleStack') {
      const policy = spec.at('ipFamilyPolicy');
      const what = key === 'clusterIPs' ? 'clusterIP' : 'ipFamily';
      policy.invalid(`must be set to 'SingleStack' when releasing the secondary ${what}`);
    }
  }
}
