import type { KubeObject } from '../../api/object.ts';
import type { Authorization } from '../auth/authorization.ts';
import type { AdmissionPlugin, AdmissionRequest } from './plugin.ts';

/** An apply or update that makes what is not there needs the right to create it, besides the one to patch or update. */
export class CreateRight implements AdmissionPlugin {
  readonly name = 'CreateRight';
  readonly #authorization: Authorization;

  constructor(authorization: Authorization) {
    this.#authorization = authorization;
  }

  validate(
    _object: KubeObject | undefined,
    { operation, kind, route, caller }: AdmissionRequest,
  ): Promise<void> | void {
    if (operation !== 'CREATE' || route.verb === 'create') return;
    const { namespace, name, subresource } = route;
    const { group, version, plural: resource } = kind;
    return this.#authorization.require({
      caller,
      verb: 'create',
      group,
      version,
      resource,
      subresource,
      namespace,
      name,
    });
  }
}
