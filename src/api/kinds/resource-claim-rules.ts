import { invalid, required } from '../field-error.ts';
import { dnsLabel } from '../names.ts';
import { type Checked, rulesOf } from './checks.ts';
import { referencesRules, requestNames } from './device-references.ts';
import {
  configurationRules,
  deviceTolerationRules,
  fullNameRules,
  selectorsRules,
  uniqueNames,
} from './device-rules.ts';
import { claimStatusRules } from './resource-claim-status-rules.ts';

const partsMax = 32;
const alternativesMax = 8;
const tolerationsMax = 16;

/** A claim stays as it was made; its status is written by those who fulfil it. */
export const resourceClaimRules = rulesOf((root, previous) => {
  if (previous) root.at('spec').sameStructure(previous.part.spec, 'resource.v1.ResourceClaimSpec');
  else claimSpecRules(root.at('spec'));
}, claimStatusRules);

/** What holds for the spec of a claim, in a claim or in a template. */
export function claimSpecRules(spec: Checked): void {
  const devices = spec.at('devices');
  const requests = devices.at('requests');
  const names = requestNames(devices);
  if (requests.itemsAtMost(partsMax)) for (const request of requests.items()) requestRules(request);
  uniqueNames(requests);
  const constraints = devices.at('constraints');
  if (constraints.itemsAtMost(partsMax)) for (const item of constraints.items()) constraintRules(item, names);
  const configs = devices.at('config');
  if (!configs.itemsAtMost(partsMax)) return;
  for (const config of configs.items()) {
    referencesRules(config.at('requests'), names);
    configurationRules(config);
  }
}

function requestRules(request: Checked): void {
  request.at('name').like(dnsLabel);
  const exactly = request.at('exactly');
  const alternatives = request.at('firstAvailable');
  if (!alternatives.isEmpty) {
    if (alternatives.itemsAtMost(alternativesMax)) {
      for (const alternative of alternatives.items()) {
        alternative.at('name').like(dnsLabel);
        oneRequestRules(alternative);
      }
    }
    uniqueNames(alternatives);
  }
  if (!exactly.isAbsent) oneRequestRules(exactly);
  const sentence = 'exactly one of `exactly` or `firstAvailable` is required';
  if (exactly.isAbsent && alternatives.isEmpty) request.add(required(request.path, sentence));
  if (!exactly.isAbsent && !alternatives.isEmpty) {
    request.add(invalid(request.path, null, `${sentence}, but multiple fields are set`));
  }
}

function oneRequestRules(request: Checked): void {
  request.at('deviceClassName').name();
  selectorsRules(request.at('selectors'));
  const mode = request.at('allocationMode');
  const count = request.at('count');
  if (mode.text === 'ExactCount') {
    if (count.number <= 0) count.invalid('must be greater than zero');
  } else if (mode.text === 'All') {
    if (count.number !== 0) count.invalid("must not be specified when allocationMode is 'All'");
  } else mode.oneOf('All', 'ExactCount');
  const tolerations = request.at('tolerations');
  if (tolerations.itemsAtMost(tolerationsMax)) tolerations.items().forEach(deviceTolerationRules);
}

function constraintRules(constraint: Checked, names: ReadonlySet<string>): void {
  referencesRules(constraint.at('requests'), names);
  const match = constraint.at('matchAttribute');
  const distinct = constraint.at('distinctAttribute');
  if (!match.isAbsent) fullNameRules(match);
  else if (!distinct.isAbsent) fullNameRules(distinct);
  else {
    // Upstream says so where neither is set, too.
    const sentence = 'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set';
    constraint.add(required(constraint.path, sentence));
  }
}
