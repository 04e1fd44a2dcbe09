import type { Caller } from '../../api/wire.ts';
import type { Json } from '../../base/json.ts';

interface Subject {
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
}
interface Binding {
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly roleRef: { readonly kind: string; readonly name: string };
  readonly subjects?: readonly Subject[];
}

/** One subject of one binding: the role that it gets, and the sentence that says why. */
export interface BoundRole {
  readonly bindingKey: string;
  readonly roleKey: string;
  readonly roleKind: string;
  readonly roleName: string;
  readonly text: string;
}
/** By namespace; '' is the whole cluster. */
type Places = Map<string, readonly BoundRole[]>;

const nobody: readonly BoundRole[] = [];
export const rbacGroup = 'rbac.authorization.k8s.io';
export const rbacPrefix = (plural: string): string => `/${rbacGroup}/${plural}/`;

/** Where a role is stored. A kind that is no role has no place, and so no rules. */
export function roleKeyOf(kind: string, namespace: string, name: string): string {
  if (kind === 'ClusterRole') return `${rbacPrefix('clusterroles')}${name}`;
  return kind === 'Role' ? `${rbacPrefix('roles')}${namespace}/${name}` : '';
}

export const serviceAccountName = (namespace: string, name: string): string =>
  `system:serviceaccount:${namespace}:${name}`;

/** Bindings by who they are about. A ServiceAccount is the user that its tokens stand for. */
export class BindingIndex {
  readonly #users = new Map<string, Places>();
  readonly #groups = new Map<string, Places>();
  /** What a binding put in, to take it out again. */
  readonly #entered = new Map<string, readonly (readonly [Map<string, Places>, string])[]>();

  put(key: string, value: Json | undefined): void {
    this.#remove(key);
    if (value === undefined) return;
    const binding = value as unknown as Binding;
    const namespace = binding.metadata.namespace ?? '';
    const entered: (readonly [Map<string, Places>, string])[] = [];
    for (const subject of binding.subjects ?? []) {
      const bySubject = subject.kind === 'Group' ? this.#groups : this.#users;
      const name = subjectName(subject, namespace);
      if (name === undefined) continue;
      const places = bySubject.get(name) ?? new Map<string, readonly BoundRole[]>();
      bySubject.set(name, places);
      places.set(namespace, [...(places.get(namespace) ?? nobody), boundRole(key, binding, subject)]);
      entered.push([bySubject, name]);
    }
    if (entered.length > 0) this.#entered.set(key, entered);
  }

  /** Cluster-wide roles first, then those of the namespace. */
  *of(caller: Caller, namespace: string): Generator<BoundRole, void, undefined> {
    yield* this.#at(caller, '');
    if (namespace !== '') yield* this.#at(caller, namespace);
  }

  *#at({ name, groups }: Caller, namespace: string): Generator<BoundRole, void, undefined> {
    yield* this.#users.get(name)?.get(namespace) ?? nobody;
    // A role that two groups give is looked at twice: cheaper than remembering which were.
    for (const group of groups) yield* this.#groups.get(group)?.get(namespace) ?? nobody;
  }

  #remove(key: string): void {
    for (const [bySubject, name] of this.#entered.get(key) ?? []) {
      const places = bySubject.get(name);
      for (const [namespace, bound] of places ?? []) {
        const rest = bound.filter(({ bindingKey }) => bindingKey !== key);
        if (rest.length > 0) places?.set(namespace, rest);
        else places?.delete(namespace);
      }
      if (places?.size === 0) bySubject.delete(name);
    }
    this.#entered.delete(key);
  }
}

function subjectName(subject: Subject, bindingNamespace: string): string | undefined {
  if (subject.kind !== 'ServiceAccount') {
    return subject.kind === 'User' || subject.kind === 'Group' ? subject.name : undefined;
  }
  const namespace = subject.namespace || bindingNamespace;
  return namespace === '' ? undefined : serviceAccountName(namespace, subject.name);
}

function boundRole(key: string, { metadata, roleRef }: Binding, subject: Subject): BoundRole {
  const { name, namespace = '' } = metadata;
  const binding = namespace
    ? `RoleBinding ${JSON.stringify(`${name}/${namespace}`)}`
    : `ClusterRoleBinding ${JSON.stringify(name)}`;
  const who = subject.kind === 'ServiceAccount' ? `${subject.name}/${subject.namespace || namespace}` : subject.name;
  return {
    bindingKey: key,
    roleKey: roleKeyOf(roleRef.kind, namespace, roleRef.name),
    roleKind: roleRef.kind,
    roleName: roleRef.name,
    text: `${binding} of ${roleRef.kind} ${JSON.stringify(roleRef.name)} to ${subject.kind} ${JSON.stringify(who)}`,
  };
}
