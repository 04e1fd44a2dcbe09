import { type Pod, pods } from '../api/kinds/pod.ts';
import { keyOf } from '../api/object.ts';
import type { Json, JsonObject } from '../base/json.ts';
import { type Action, act } from '../client/action.ts';

/** Writes one condition of a pod, and what else of its status goes with it. */
export function podCondition(pod: Pod, condition: { readonly [key: string]: Json }, more: JsonObject = {}): Action {
  const generation = pod.metadata.generation === undefined ? {} : { observedGeneration: pod.metadata.generation };
  const patch = { status: { ...more, conditions: [{ ...condition, ...generation }] } };
  return act({ verb: 'patch', type: 'strategic-merge', kind: pods, key: keyOf(pod), patch, subresource: 'status' });
}
