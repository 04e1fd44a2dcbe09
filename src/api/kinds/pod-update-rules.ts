import { equalJson } from '../../base/json.ts';
import { type FieldError, forbidden, invalid } from '../field-error.ts';
import { type Part, partsOf } from './defaulting.ts';

const frozen =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

/** Subresources whose purpose is a change that the pod itself may not make: a binding sets spec.nodeName. */
const ownChanges = new Set(['status', 'resize', 'ephemeralcontainers', 'binding']);

/** What may change in a pod that is made: images, the deadline, more tolerations, fewer scheduling gates. */
export function podUpdateRules(next: Part, previous: Part, subresource: string): readonly FieldError[] {
  if (ownChanges.has(subresource)) return [];
  for (const list of ['containers', 'initContainers']) {
    if (partsOf(next[list]).length !== partsOf(previous[list]).length) {
      return [forbidden(`spec.${list}`, 'pod updates may not add or remove containers')];
    }
  }
  const errors: FieldError[] = [];
  const { activeDeadlineSeconds: after } = next;
  const { activeDeadlineSeconds: before } = previous;
  if (typeof before === 'number') {
    if (after === undefined) {
      const sentence = 'must not update from a positive integer to nil value';
      errors.push(invalid('spec.activeDeadlineSeconds', null, sentence));
    } else if (Number(after) > before) {
      errors.push(invalid('spec.activeDeadlineSeconds', after, 'must be less than or equal to previous value'));
    }
  }
  errors.push(...tolerationsRules(partsOf(next.tolerations), partsOf(previous.tolerations)));
  const gates = new Set(partsOf(previous.schedulingGates).map(({ name }) => name));
  for (const [index, { name }] of partsOf(next.schedulingGates).entries()) {
    if (gates.has(name)) continue;
    errors.push(forbidden(`spec.schedulingGates[${index}]`, 'only deletion is allowed, but found new scheduling gate'));
  }
  if (errors.length === 0 && !equalJson(comparable(next, previous), comparable(previous, previous))) {
    errors.push(forbidden('spec', frozen));
  }
  return errors;
}

function tolerationsRules(after: readonly Part[], before: readonly Part[]): readonly FieldError[] {
  const bare = ({ tolerationSeconds: _seconds, ...rest }: Part) => rest;
  const kept = before.every((old) => after.some((now) => equalJson(bare(now), bare(old))));
  if (kept && after.length >= before.length) return [];
  return [forbidden('spec.tolerations', 'existing toleration can not be modified except its tolerationSeconds')];
}

/** The spec without what may change. */
function comparable(spec: Part, previous: Part): Part {
  const { activeDeadlineSeconds: _deadline, tolerations: _tolerations, schedulingGates, ...rest } = spec;
  // Before it is placed, a gated pod's wishes for nodes may still be narrowed.
  const gated = partsOf(previous.schedulingGates).length > 0 && schedulingGates !== null;
  const { nodeSelector: _selector, affinity: _affinity, ...narrowed } = rest;
  const grace = Number(previous.terminationGracePeriodSeconds ?? 0) < 0 && rest.terminationGracePeriodSeconds === 1;
  const base: Part = gated ? narrowed : rest;
  const images = (list: unknown) => partsOf(list).map(({ image: _image, ...container }) => container);
  return {
    ...base,
    containers: images(base.containers),
    initContainers: images(base.initContainers),
    ...(grace ? { terminationGracePeriodSeconds: previous.terminationGracePeriodSeconds } : {}),
  };
}
