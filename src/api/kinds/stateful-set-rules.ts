import { equalJson } from '../../base/json.ts';
import { forbidden } from '../field-error.ts';
import { dnsLabel } from '../names.ts';
import { goView } from '../schema/go-view.ts';
import { type Checked, rulesOf } from './checks.ts';
import { changed, type Part, partOf, partsOf, textOf } from './defaulting.ts';
import { persistentVolumeClaimRules } from './persistent-volume-claim-rules.ts';
import {
  alwaysRestarts,
  labelsMatch,
  notAbove,
  notDecremented,
  notNegativeEach,
  selectorRules,
  templateRules,
} from './workload-rules.ts';

export const statefulSetRules = rulesOf(validateSet, validateStatus);

function validateSet(root: Checked, previous: Checked | undefined): void {
  const spec = root.at('spec');
  const before = previous?.at('spec').part;
  managementRules(spec);
  validateStrategy(spec.at('updateStrategy'));
  const retention = spec.at('persistentVolumeClaimRetentionPolicy');
  for (const field of ['whenDeleted', 'whenScaled']) retention.at(field).optionalOneOf('Retain', 'Delete');
  notNegativeEach(spec, 'replicas', 'minReadySeconds');
  spec.at('ordinals').at('start').notNegative();
  // It cannot be changed, and names that were never right may stay.
  if (!before) spec.at('serviceName').optionalLike(dnsLabel);
  const matches = selectorRules(spec.at('selector'), 'statefulset');
  if (matches) {
    labelsMatch(spec.at('template'), matches);
    spec.add(...templateRules(withClaims(spec.part), 'spec.template'));
  }
  alwaysRestarts(spec.at('template'), 'StatefulSet');
  if (!before) claimRules(spec.at('volumeClaimTemplates'));
  else if (!equalJson(fixedPart(spec.part), fixedPart(before))) {
    const listed = changeable.map((field) => `'${field}'`);
    const sentence = `updates to statefulset spec for fields other than ${listed.slice(0, -1).join(', ')} and ${listed.at(-1)} are forbidden`;
    spec.add(forbidden('spec', sentence));
  }
}

function managementRules(spec: Checked): void {
  const policy = spec.at('podManagementPolicy');
  if (!policy.needed()) return;
  if (policy.text !== 'OrderedReady' && policy.text !== 'Parallel') {
    policy.invalid("must be 'OrderedReady' or 'Parallel'");
  }
}

function validateStrategy(strategy: Checked): void {
  const type = strategy.at('type').text;
  const rolling = strategy.at('rollingUpdate');
  if (type === '') strategy.at('type').needed();
  else if (type === 'OnDelete') {
    if (!rolling.isAbsent) rolling.invalid("only allowed for updateStrategy 'RollingUpdate'");
  } else if (type === 'RollingUpdate') {
    rolling.at('partition').notNegative();
    rolling.at('maxUnavailable').portion();
    rolling.at('maxUnavailable').atMostHundred();
  } else {
    const shown = goView('apps.v1.StatefulSetUpdateStrategy', strategy.value);
    strategy.invalidAs(shown, "must be 'RollingUpdate' or 'OnDelete'");
  }
}

/** Claims that a set makes for each pod are volumes of the pod, although its template does not say so. */
function withClaims(spec: Part): Part {
  const claims = [...new Set(partsOf(spec.volumeClaimTemplates).map((claim) => textOf(partOf(claim.metadata).name)))];
  if (claims.length === 0) return partOf(spec.template);
  return changed(partOf(spec.template), 'spec', (podSpec) => {
    const own = partsOf(podSpec.volumes).filter((volume) => !claims.includes(textOf(volume.name)));
    const made = claims.map((name) => ({ name, persistentVolumeClaim: { claimName: name } }));
    return { ...podSpec, volumes: [...own, ...made] };
  });
}

/** Each claim that is made for a pod must be one that could be made by hand. */
function claimRules(templates: Checked): void {
  for (const template of templates.items()) {
    const errors = persistentVolumeClaimRules({ spec: template.part.spec ?? {} }, undefined, noStatus);
    template.add(...errors.map((error) => ({ ...error, path: `${template.path}.${error.path}` })));
  }
}
const noStatus = { now: 0, subresource: '' } as Parameters<typeof persistentVolumeClaimRules>[2];

const changeable = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
];
const fixedPart = (spec: Part): Part =>
  Object.fromEntries(Object.entries(spec).filter(([field]) => !changeable.includes(field)));

function validateStatus(root: Checked, previous: Checked | undefined): void {
  const status = root.at('status');
  notNegativeEach(status, 'replicas', 'readyReplicas', 'currentReplicas', 'updatedReplicas', 'availableReplicas');
  notNegativeEach(status, 'observedGeneration', 'collisionCount');
  const replicas = { field: 'replicas', word: 'status.replicas' };
  notAbove(status, replicas, 'readyReplicas', 'currentReplicas', 'updatedReplicas', 'availableReplicas');
  notAbove(status, { field: 'readyReplicas', word: 'status.readyReplicas' }, 'availableReplicas');
  notDecremented(status, previous);
}
