import type { Grammar } from '../names.ts';
import { dnsSubdomain, pathSegment } from '../names.ts';
import { canonicalAddress, strictAddress } from './addresses.ts';
import { rulesOf } from './checks.ts';

export const ipAddressRules = rulesOf((root, previous) => {
  const parent = root.at('spec').at('parentRef');
  if (parent.needed()) {
    parent.at('group').optionalLike(dnsSubdomain);
    for (const key of ['resource', 'name']) if (parent.at(key).needed()) parent.at(key).like(pathSegment);
    parent.at('namespace').optionalLike(pathSegment);
  }
  if (previous) parent.sameStructure(previous.at('spec').at('parentRef').value, 'networking.v1.ParentReference');
});

/** The name of an address is the address, as it is written canonically. */
export const addressName: Grammar = (text) => {
  const sentences = strictAddress(text);
  if (sentences.length > 0) return sentences;
  const canonical = canonicalAddress(text);
  return canonical === text ? [] : [`must be in canonical form (${JSON.stringify(canonical)})`];
};
