import { compareText } from '../base/text.ts';

// Every field of every API type is declared readonly: a cached object cannot be changed, a new one is made by
// spreading.

export interface Owner {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

export interface ManagedFields {
  readonly manager?: string;
  readonly operation?: string;
  readonly apiVersion?: string;
  readonly time?: string;
  readonly fieldsType?: string;
  readonly fieldsV1?: unknown;
  readonly subresource?: string;
}

export interface Meta {
  readonly name: string;
  readonly generateName?: string;
  readonly namespace?: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation?: number;
  readonly labels?: Labels;
  readonly annotations?: Labels;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly Owner[];
  readonly creationTimestamp: string;
  readonly deletionTimestamp?: string;
  readonly deletionGracePeriodSeconds?: number;
  readonly managedFields?: readonly ManagedFields[];
}
export type Labels = Readonly<Record<string, string>>;

export interface KubeObject<Spec = unknown, Status = unknown> {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Meta;
  readonly spec?: Spec;
  readonly status?: Status;
}

/** An object that is not stored yet: the server fills in the rest of its metadata. */
export type Draft<T extends KubeObject> = Omit<T, 'metadata' | 'apiVersion' | 'kind'> & {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: Partial<Meta>;
};

/** Cluster-scoped objects have the namespace ''. */
export interface Key {
  readonly namespace: string;
  readonly name: string;
}

export const keyOf = (object: { readonly metadata: Meta }): Key => ({
  namespace: object.metadata.namespace ?? '',
  name: object.metadata.name,
});
export const keyText = (key: Key): string => `${key.namespace}/${key.name}`;
export function parseKey(text: string): Key {
  const slash = text.indexOf('/');
  return { namespace: text.slice(0, slash), name: text.slice(slash + 1) };
}
export const byKey = (a: { readonly metadata: Meta }, b: { readonly metadata: Meta }): number =>
  compareText(keyText(keyOf(a)), keyText(keyOf(b)));

/** The owner that manages this object, if any. */
export function controllerOf(object: { readonly metadata: Meta }): Owner | undefined {
  return object.metadata.ownerReferences?.find((owner) => owner.controller === true);
}
