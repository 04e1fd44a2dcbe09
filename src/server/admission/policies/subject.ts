import type { Kind } from '../../../api/kind.ts';
import { namespaces } from '../../../api/kinds/namespace.ts';
import type { KubeObject } from '../../../api/object.ts';
import type { Store } from '../../../store/store.ts';
import { type KindRegistry, storageKey, storagePrefix } from '../../kinds.ts';
import type { Views } from '../../views.ts';
import type { AdmissionRequest } from '../plugin.ts';
import type { Versions } from '../versions.ts';
import type { Subject } from './match.ts';

export interface SubjectDeps {
  readonly store: Store;
  readonly views: Views;
  readonly kinds: KindRegistry;
  readonly conversions: Versions;
}

/** A write with what constraints look at beside it: its namespace, and the versions that it could have come in. */
export async function subjectOf(
  deps: SubjectDeps,
  object: KubeObject | undefined,
  request: AdmissionRequest,
): Promise<Subject> {
  const { kind, route } = request;
  const prefix = storagePrefix(kind);
  const versions = deps.kinds.all().filter((other) => storagePrefix(other) === prefix);
  const namespace = kind.namespaced ? await namespaceOf(deps, route.namespace) : undefined;
  return { request, object, namespace, versions };
}

async function namespaceOf({ store, views }: SubjectDeps, name: string): Promise<KubeObject | undefined> {
  const kind = namespaces as unknown as Kind;
  const { entry } = await store.get(storageKey(kind, '', name));
  return entry && views.object(kind, entry);
}
