import { type Pod, pods } from '../api/kinds/pod.ts';
import type { KubeObject } from '../api/object.ts';
import type { ApiResponse } from '../api/wire.ts';
import type { Env } from '../base/env.ts';
import type { JsonObject } from '../base/json.ts';
import { admittedThrough } from './admission/door.ts';
import type { AdmissionPlugin, AdmissionRequest } from './admission/plugin.ts';
import { type ResourceRoute, requireNameParameter } from './route.ts';
import { bound, requireTarget } from './subresources.ts';
import type { WriteOptions, Writer } from './write.ts';

export interface BindingDeps {
  readonly writer: Writer;
  readonly env: Env;
  readonly plugins: readonly AdmissionPlugin[];
}

export const bindingKind = { group: '', version: 'v1', kind: 'Binding' };

/** The older of two doors to the same thing: a binding that is made by itself names its pod as its own name. */
export const isBinding = ({ kind }: ResourceRoute): boolean => kind.group === '' && kind.plural === 'bindings';

export async function bindByName(
  deps: BindingDeps,
  route: ResourceRoute,
  object: KubeObject,
  { manager: _unowned, ...by }: WriteOptions,
): Promise<ApiResponse> {
  const binding = object as unknown as JsonObject;
  requireTarget(binding);
  const { name } = object.metadata;
  requireNameParameter(name ?? '');
  const door: ResourceRoute = { ...route, kind: pods, name, subresource: 'binding' };
  await bind(deps, door, binding, by);
  return {
    status: 201,
    body: { object: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 } },
  };
}

/** Admission sees the binding; what it does to the pod is the server's own. */
export async function bind(
  deps: BindingDeps,
  door: ResourceRoute,
  binding: JsonObject,
  by: WriteOptions,
): Promise<void> {
  const request: AdmissionRequest = { operation: 'CREATE', kind: door.kind, route: door, ...by };
  const admitted = await admittedThrough(deps.plugins, binding as unknown as KubeObject, request);
  const now = deps.env.clock.now();
  const change = (live: KubeObject) => bound(door, live as Pod, admitted as unknown as JsonObject, now);
  await deps.writer.update(door, change, { ...by, admitted: true });
}
