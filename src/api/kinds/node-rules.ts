import { equalJson } from '../../base/json.ts';
import { forbidden, internal } from '../field-error.ts';
import { cidr, isIpv4, labelValue, qualifiedName, subdomainLengthMax } from '../names.ts';
import { goView } from '../schema/go-view.ts';
import { type Checked, rulesOf } from './checks.ts';
import { type Part, textsOf } from './defaulting.ts';
import { resourceAmount } from './resource-name-rules.ts';

export const taintEffects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

/** What is wrong with a node is wrong in its status writes too: one rule judges both, as upstream's does. */
export const nodeRules = rulesOf(
  (root, previous) => {
    validateTaints(taintsOf(root));
    validateAmounts(root);
    validateFeatures(root.at('status').at('declaredFeatures'));
    validateRanges(root.at('spec').at('podCIDRs'));
    if (previous) validateUpdate(root, previous);
  },
  (root, previous) => {
    validateTaints(taintsOf(root));
    validateAmounts(root);
    validateFeatures(root.at('status').at('declaredFeatures'));
    if (previous) validateUpdate(root, previous);
  },
);

/** Upstream tells of taints as if they were metadata. */
const taintsOf = (root: Checked): Checked => root.at('spec').at('taints').toldAt('metadata.taints');

function validateTaints(taints: Checked): void {
  const seen = new Set<string>();
  for (const taint of taints.items()) {
    taint.at('key').like(qualifiedName);
    taint.at('value').like(labelValue);
    const effect = taint.at('effect');
    if (effect.needed()) effect.oneOf(...taintEffects);
    const pair = `${effect.text}:${taint.at('key').text}`;
    if (seen.has(pair))
      taint.duplicate(goView('core.v1.Taint', taint.value), 'taints must be unique by key and effect pair');
    seen.add(pair);
  }
}

function validateAmounts(root: Checked): void {
  for (const field of ['capacity', 'allocatable']) {
    for (const amount of root.at('status').at(field).entries()) resourceAmount(amount, amount.lastKey);
  }
}

const featureGrammar = /^[A-Z][a-zA-Z0-9]*(\/[a-zA-Z][a-zA-Z0-9]*)*$/;
const featureSentence =
  "must start with an UpperCamelCase segment, with subsequent segments separated by '/' (e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes";

/** Each once, in order. */
function validateFeatures(features: Checked): void {
  let last: Checked | undefined;
  for (const feature of features.items()) {
    const name = `invalid feature name ${JSON.stringify(feature.text)}`;
    if (feature.text.length > subdomainLengthMax) {
      feature.invalid(`${name}: must be no more than ${subdomainLengthMax} characters`);
    } else if (!featureGrammar.test(feature.text)) feature.invalid(`${name}: ${featureSentence}`);
    if (last?.text === feature.text) feature.duplicate();
    else if (last && last.text > feature.text) feature.invalid('list must be sorted alphabetically');
    last = feature;
  }
}

function validateRanges(ranges: Checked): void {
  const given = textsOf(ranges.value);
  for (const range of ranges.items()) range.like(cidr);
  const broken = given.findIndex((range) => cidr(range).length > 0);
  if (given.length > 1 && broken >= 0) {
    const why = `invalid CIDR[${broken}]: <nil> (invalid CIDR address: ${given[broken]})`;
    ranges.add(internal(ranges.path, `invalid PodCIDRs. failed to check with dual stack with error:${why}`));
    ranges.invalid('may specify no more than one CIDR for each IP family');
    return;
  }
  const families = new Set(given.map((range) => isIpv4(range.replace(/\/.*$/, ''))));
  if (given.length > 1 && families.size < given.length) {
    ranges.invalid('may specify no more than one CIDR for each IP family');
  }
}

const protectedSentence =
  'node updates may only change labels, taints, or capacity (or configSource, if the DynamicKubeletConfig feature gate is enabled)';

function validateUpdate(root: Checked, previous: Checked): void {
  const addresses = root.at('status').at('addresses');
  const seen = new Set<string>();
  for (const address of addresses.items()) {
    const text = `${String(address.part.type)} ${String(address.part.address)}`;
    if (seen.has(text)) address.duplicate();
    seen.add(text);
  }
  const spec = root.at('spec');
  const before: Part = previous.at('spec').part;
  const ranges = textsOf(before.podCIDRs);
  if (ranges.length > 0 && !equalJson(ranges, textsOf(spec.part.podCIDRs))) {
    spec.at('podCIDRs').forbidden('node updates may not change podCIDR except from "" to valid');
  }
  if (before.providerID && before.providerID !== spec.part.providerID) {
    spec.at('providerID').forbidden('node updates may not change providerID except from "" to valid');
  }
  if ((before.externalID ?? '') !== (spec.part.externalID ?? '')) root.add(forbidden('', protectedSentence));
}
