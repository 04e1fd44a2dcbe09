import type { KubeObject, Owner } from '../../api/object.ts';
import { equalJson, type Json } from '../../base/json.ts';
import type { ResourceAttributes } from '../attributes.ts';
import type { Authorization } from '../auth/authorization.ts';
import type { KindRegistry } from '../kinds.ts';
import type { AdmissionPlugin, AdmissionRequest } from './plugin.ts';
import { refusal } from './refusal.ts';

/**
 * Who names an owner lets the object go with it, so that they must be allowed to delete the object; who lets it hold
 * its owner back must be allowed to hold the owner back. Off unless somebody wants it.
 */
export class OwnerReferencesPermissionEnforcement implements AdmissionPlugin {
  readonly name = 'OwnerReferencesPermissionEnforcement';
  readonly #authorization: Authorization;
  readonly #kinds: KindRegistry;

  constructor(authorization: Authorization, kinds: KindRegistry) {
    this.#authorization = authorization;
    this.#kinds = kinds;
  }

  async validate(object: KubeObject | undefined, request: AdmissionRequest): Promise<void> {
    const { operation, kind, route, caller, previous } = request;
    if (!object || (operation !== 'CREATE' && operation !== 'UPDATE')) return;
    if (kind.group === '' && kind.plural === 'pods' && route.subresource === 'status') return;
    const owners = object.metadata.ownerReferences ?? [];
    const before = previous?.metadata.ownerReferences ?? [];
    if (equalJson(owners as unknown as Json, before as unknown as Json)) return;
    const { group, version, plural: resource } = kind;
    const { namespace, name, subresource } = route;
    const right = { caller, verb: 'delete', group, version, resource, subresource, namespace, name };
    await this.#require(right, "cannot set an ownerRef on a resource you can't delete", request);
    for (const owner of newlyHeld(owners, before)) await this.#requireHold(owner, request);
  }

  async #requireHold({ apiVersion, kind, name }: Owner, request: AdmissionRequest): Promise<void> {
    const found = this.#kinds.all().filter((one) => one.apiVersion === apiVersion && one.kind === kind);
    if (found.length === 0) {
      throw refusal(
        request,
        `cannot set blockOwnerDeletion in this case because cannot find RESTMapping for APIVersion ${apiVersion} Kind ${kind}: no matches for kind ${JSON.stringify(kind)} in version ${JSON.stringify(apiVersion)}`,
      );
    }
    const { caller, route } = request;
    for (const { group, version, plural: resource, namespaced } of found) {
      const namespace = namespaced ? route.namespace : '';
      await this.#require(
        { caller, verb: 'update', group, version, resource, subresource: 'finalizers', namespace, name },
        "cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on",
        request,
      );
    }
  }

  async #require(right: ResourceAttributes, why: string, request: AdmissionRequest): Promise<void> {
    const { verdict, reason = '', error = '<nil>' } = await this.#authorization.decide(right);
    if (verdict !== 'allow') throw refusal(request, `${why}: ${reason}, ${error}`);
  }
}

function newlyHeld(owners: readonly Owner[], before: readonly Owner[]): readonly Owner[] {
  const held = new Set(before.filter(({ blockOwnerDeletion }) => blockOwnerDeletion).map(({ uid }) => uid));
  return owners.filter(({ blockOwnerDeletion, uid }) => blockOwnerDeletion && !held.has(uid));
}
