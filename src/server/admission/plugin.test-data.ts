import { isApiError } from '../../api/error.ts';
import type { Kind } from '../../api/kind.ts';
import type { KubeObject } from '../../api/object.ts';
import type { Caller } from '../../api/wire.ts';
import type { Json } from '../../base/json.ts';
import { MemoryStore } from '../../store/memory.ts';
import { storageKey } from '../kinds.ts';
import type { AdmissionPlugin, AdmissionRequest } from './plugin.ts';

export const someone: Caller = { name: 'jane', groups: [], extra: {} };

/** Any kind, whatever its objects are. */
type AnyKind = Pick<Kind, 'group' | 'version' | 'kind' | 'plural' | 'namespaced' | 'rules'>;
export type Given = readonly [kind: AnyKind, object: Json & object];

/** An object as it is stored, from as little as a test wants to say. */
export function whole(given: object): KubeObject {
  const { metadata, ...rest } = given as { readonly metadata?: object };
  return { metadata: { name: 'x', uid: 'u', creationTimestamp: '', ...metadata }, ...rest } as unknown as KubeObject;
}

export async function storeWith(...objects: readonly Given[]): Promise<MemoryStore> {
  const store = new MemoryStore();
  for (const [kind, given] of objects) {
    const object = whole(given);
    const { namespace = '', name } = object.metadata;
    await store.commit(storageKey(kind as unknown as Kind, namespace, name), 0, object as unknown as Json);
  }
  return store;
}

/** A create in the namespace `shop`, unless it says otherwise. */
export function asked(
  kind: AnyKind,
  more: Partial<Omit<AdmissionRequest, 'route'>> & { readonly name?: string; readonly subresource?: string } = {},
): AdmissionRequest {
  const { name = 'x', subresource = '', ...rest } = more;
  const known = kind as unknown as Kind;
  const namespace = known.namespaced ? 'shop' : '';
  const route = { kind: known, namespace, name, subresource, rest: '', verb: 'create' } as const;
  return { operation: 'CREATE', kind: known, route, caller: someone, dryRun: false, ...rest };
}

/** The object after the plugin, or the text of its refusal. */
export async function admitted(
  plugin: AdmissionPlugin,
  given: object,
  request: AdmissionRequest,
): Promise<KubeObject | string> {
  try {
    const object = (await plugin.mutate?.(whole(given), request)) ?? whole(given);
    await plugin.validate?.(object, request);
    return object;
  } catch (error) {
    if (!isApiError(error)) throw error;
    return error.message.replace(/^[^:]* is forbidden: /, '');
  }
}

/** The spec after the plugin, or the text of its refusal. */
export async function admittedSpec(
  plugin: AdmissionPlugin,
  given: object,
  request: AdmissionRequest,
): Promise<unknown> {
  const object = await admitted(plugin, given, request);
  return typeof object === 'string' ? object : object.spec;
}
