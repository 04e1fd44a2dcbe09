import type { KubeObject } from '../../api/object.ts';
import type { AdmissionPlugin, AdmissionRequest } from './plugin.ts';

/** What is sent through a door of an object and not stored itself (a binding, an eviction, a token request). */
export async function admittedThrough(
  plugins: readonly AdmissionPlugin[],
  object: KubeObject,
  request: AdmissionRequest,
): Promise<KubeObject> {
  let next = object;
  for (const plugin of plugins) next = (await plugin.mutate?.(next, request)) ?? next;
  for (const plugin of plugins) await plugin.validate?.(next, request);
  return next;
}
