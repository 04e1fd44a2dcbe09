import { ApiError } from '../api/error.ts';
import { resourceText } from '../api/kind.ts';
import type { Caller } from '../api/wire.ts';
import type { ResourceRoute } from './route.ts';

/** Who asks for what: all that an authorizer may look at. */
export type Attributes =
  | { readonly caller: Caller; readonly verb: string; readonly route: ResourceRoute }
  | { readonly caller: Caller; readonly verb: string; readonly path: string };

/** A reason to allow, or undefined: the next authorizer is asked. All authorizers silent means no. */
export type Authorizer = (attributes: Attributes) => string | undefined;

export const anonymous: Caller = { name: 'system:anonymous', groups: ['system:unauthenticated'], extra: {} };
export const mastersGroup = 'system:masters';

/** Members of system:masters may do everything: the group that no role can take rights from. */
export const masters: Authorizer = ({ caller }) =>
  caller.groups.includes(mastersGroup) ? `${caller.name} is in ${mastersGroup}` : undefined;

const publicPaths = new Set(['/healthz', '/livez', '/readyz', '/version']);
/** What upstream's system:public-info-viewer lets anybody read. */
export const publicInfo: Authorizer = (attributes) =>
  'path' in attributes && attributes.verb === 'get' && publicPaths.has(attributes.path) ? 'public' : undefined;

export function authorize(attributes: Attributes, authorizers: readonly Authorizer[]): void {
  for (const authorizer of authorizers) if (authorizer(attributes) !== undefined) return;
  const { caller, verb } = attributes;
  if ('path' in attributes) {
    const subject = `User ${JSON.stringify(caller.name)} cannot ${verb} path ${JSON.stringify(attributes.path)}`;
    throw new ApiError('Forbidden', `forbidden: ${subject}`, {});
  }
  const { kind, namespace, name, subresource } = attributes.route;
  const resource = `${kind.plural}${subresource ? `/${subresource}` : ''}`;
  const where = namespace ? `in the namespace ${JSON.stringify(namespace)}` : 'at the cluster scope';
  throw new ApiError(
    'Forbidden',
    `${resourceText(kind)}${name ? ` ${JSON.stringify(name)}` : ''} is forbidden: User ${JSON.stringify(caller.name)} cannot ${verb} resource ${JSON.stringify(resource)} in API group ${JSON.stringify(kind.group)} ${where}`,
    { ...(name ? { name } : {}), ...(kind.group ? { group: kind.group } : {}), kind: kind.plural },
  );
}
