import type { KubeObject } from '../../api/object.ts';
import type { AdmissionPlugin, AdmissionRequest } from './plugin.ts';

/** What is sent through a door of an object and not stored itself (a binding, an eviction, a token request). */
export async function admittedThrough(
  plugins: readonly AdmissionPlugin[],
  object: KubeObject,
  request: AdmissionRequest,
): Promise<KubeObject> {
  let next = object;
  // Most answer at once: each await would be a turn for the whole queue of those who wait.
  for (const plugin of plugins) {
    const made = plugin.mutate?.(next, request);
    next = (made instanceof Promise ? await made : made) ?? next;
  }
  for (const plugin of plugins) {
    const judged = plugin.validate?.(next, request);
    if (judged) await judged;
  }
  return next;
}
