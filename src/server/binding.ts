import { ApiError } from '../api/error.ts';
import { type Pod, pods } from '../api/kinds/pod.ts';
import type { KubeObject } from '../api/object.ts';
import type { ApiResponse } from '../api/wire.ts';
import type { Env } from '../base/env.ts';
import type { JsonObject } from '../base/json.ts';
import type { ResourceRoute } from './route.ts';
import { bound, requireTarget } from './subresources.ts';
import type { WriteOptions, Writer } from './write.ts';

/** The older of two doors to the same thing: a binding that is made by itself names its pod as its own name. */
export const isBinding = ({ kind }: ResourceRoute): boolean => kind.group === '' && kind.plural === 'bindings';

export async function bindByName(
  deps: { readonly writer: Writer; readonly env: Env },
  route: ResourceRoute,
  object: KubeObject,
  { manager: _unowned, ...by }: WriteOptions,
): Promise<ApiResponse> {
  const { name } = object.metadata;
  if (!name) throw new ApiError('BadRequest', 'Name parameter required.');
  const binding = object as unknown as JsonObject;
  requireTarget(binding);
  const door: ResourceRoute = { ...route, kind: pods, name, subresource: 'binding' };
  const now = deps.env.clock.now();
  await deps.writer.update(door, (live) => bound(door, live as Pod, binding, now), by);
  return {
    status: 201,
    body: { object: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 } },
  };
}
