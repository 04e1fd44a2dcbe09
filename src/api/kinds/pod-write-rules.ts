import type { FieldError } from '../field-error.ts';
import type { WriteContext } from '../kind.ts';
import { Checked } from './checks.ts';
import { validatePodContainers } from './container-rules.ts';
import { mapOf } from './defaulting.ts';
import type { Pod } from './pod.ts';
import { validateAppArmor, validateAppArmorUpdate } from './pod-app-armor.ts';
import { validateResize } from './pod-resize-rules.ts';
import { validatePodSpec } from './pod-rules.ts';
import { validatePodStatus } from './pod-status-rules.ts';
import { validateEphemeralUpdate, validatePodUpdate } from './pod-update-rules.ts';

/** What must hold for each way of writing a pod. */
export function podRules(next: Pod, previous: Pod | undefined, { subresource }: WriteContext): readonly FieldError[] {
  const root = new Checked(next);
  const before = previous && new Checked(previous);
  if (subresource === 'status') {
    if (before) validatePodStatus(root, before);
    return root.errors;
  }
  // A binding names a node, and nobody asks whether there is such a node or could be.
  if (subresource === 'binding') return [];
  validateAnnotations(root, before);
  const spec = root.at('spec');
  validatePodSpec(spec, root.at('metadata').part);
  validatePodContainers(spec);
  if (spec.at('serviceAccountName').isEmpty) validateNoTokens(spec.at('volumes'));
  if (!before) validateNew(spec);
  else if (subresource === '') validatePodUpdate(spec, before.at('spec').part);
  else if (subresource === 'ephemeralcontainers') validateEphemeralUpdate(root, before);
  else if (subresource === 'resize') validateResize(root, before);
  return root.errors;
}

/** Admission names an account in every new pod; who replaces a pod may leave it out. */
function validateNoTokens(volumes: Checked): void {
  for (const volume of volumes.items()) {
    for (const source of volume.at('projected').at('sources').items()) {
      const token = source.at('serviceAccountToken');
      if (!token.isAbsent) token.forbidden('must not be specified when serviceAccountName is not set');
    }
  }
}

function validateNew(spec: Checked): void {
  if (!spec.at('ephemeralContainers').isEmpty) spec.at('ephemeralContainers').forbidden('cannot be set on create');
  if (!spec.at('nodeName').isEmpty && !spec.at('schedulingGates').isEmpty) {
    spec.at('nodeName').forbidden('cannot be set until all schedulingGates have been cleared');
  }
}

const mirror = 'kubernetes.io/config.mirror';
const deletionCost = 'controller.kubernetes.io/pod-deletion-cost';

function validateAnnotations(root: Checked, previous: Checked | undefined): void {
  const annotations = root.at('metadata').at('annotations');
  const given = mapOf(annotations.value);
  if (given[mirror] !== undefined && root.at('spec').at('nodeName').isEmpty) {
    annotations.key(mirror).invalid('must set spec.nodeName if mirror pod annotation is set');
  }
  const cost = annotations.key(deletionCost);
  if (!cost.isAbsent && !isInteger32(cost.text)) cost.invalid('must be a 32bit integer');
  if (!previous) {
    validateAppArmor(annotations, given, root.at('spec'));
    return;
  }
  const before = mapOf(previous.at('metadata').part.annotations);
  validateAppArmorUpdate(annotations, given, before);
  if (before[mirror] !== given[mirror]) annotations.key(mirror).forbidden('may not be added, removed or changed');
}

const isInteger32 = (text: string): boolean =>
  /^(0|-?[1-9][0-9]*)$/.test(text) && Number(text) >= -(2 ** 31) && Number(text) < 2 ** 31;
