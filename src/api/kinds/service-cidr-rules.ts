import { invalid, required } from '../field-error.ts';
import { cidr } from '../names.ts';
import { canonicalRange, strictRange } from './addresses.ts';
import { type Checked, rulesOf } from './checks.ts';

const rangesMax = 2;

/** Of its status nothing is judged: upstream's own range is ready without a reason. */
export const serviceCidrRules = rulesOf((root, previous) => {
  const ranges = root.at('spec').at('cidrs');
  if (previous) changeRules(ranges, previous.at('spec').at('cidrs'));
  else newRules(ranges);
});

function newRules(ranges: Checked): void {
  const items = ranges.items();
  if (items.length === 0) {
    ranges.add(required(ranges.path, 'at least one CIDR required'));
    return;
  }
  if (items.length > rangesMax) {
    ranges.invalid('may only hold up to 2 values');
    return;
  }
  familyRules(ranges);
  for (const range of items) rangeRules(range);
}

function familyRules(ranges: Checked): void {
  const items = ranges.items();
  if (items.length !== rangesMax || items.some(({ text }) => cidr(text).length > 0)) return;
  const families = new Set(items.map(({ text }) => text.includes(':')));
  if (families.size < rangesMax) {
    const sentence = 'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64';
    ranges.invalid(sentence);
  }
}

function rangeRules(range: Checked): void {
  const sentences = strictRange(range.text);
  for (const sentence of sentences) range.invalid(sentence);
  if (sentences.length > 0) return;
  const canonical = canonicalRange(range.text);
  if (canonical !== range.text) {
    range.add(invalid(range.path, range.text, `must be in canonical form (${JSON.stringify(canonical)})`));
  }
}

/** A range stays; one of the other family may be added to it. */
function changeRules(ranges: Checked, previous: Checked): void {
  const before = previous.items();
  const after = ranges.items();
  const grown = before.length === 1 && after.length === rangesMax;
  if (after.length !== before.length && !grown) {
    ranges.same(previous.value);
    return;
  }
  if (grown) {
    familyRules(ranges);
    for (const range of after.slice(1)) rangeRules(range);
  }
  before.forEach((range, index) => {
    after[index]?.same(range.value);
  });
}
