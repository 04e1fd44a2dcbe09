import { ApiError } from '../api/error.ts';
import type { Kind, Verb } from '../api/kind.ts';
import { type ApiRequest, queryValue } from '../api/wire.ts';
import type { KindRegistry } from './kinds.ts';

/** Where a request goes. Namespace and name are '' where the path has none. */
export interface ResourceRoute {
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
  readonly subresource: string;
  /** What follows a proxy subresource. */
  readonly rest: string;
  readonly verb: Verb | 'connect';
}

/** A resource's route; undefined for every other path (discovery, health, ...). */
export function routeOf(request: ApiRequest, kinds: KindRegistry): ResourceRoute | undefined {
  const segments = decodedSegments(request.path);
  const core = segments[0] === 'api';
  if (!core && segments[0] !== 'apis') return undefined;
  const start = core ? 2 : 3;
  if (segments.length <= start) return undefined;
  const group = core ? '' : (segments[1] as string);
  const version = segments[start - 1] as string;
  let rest = segments.slice(start);
  let namespace = '';
  // /namespaces/NS/pods is a path inside a namespace; /namespaces/NS and /namespaces/NS/status are the object itself.
  if (rest[0] === 'namespaces' && rest.length > 2 && !(core && isNamespaceSubresource(rest))) {
    namespace = rest[1] as string;
    rest = rest.slice(2);
  }
  const kind = kinds.find(group, version, rest[0] as string);
  if (!kind || (namespace !== '' && !kind.namespaced)) return undefined;
  const [, name = '', subresource = '', ...tail] = rest;
  const route = { kind, namespace, name, subresource, rest: tail.join('/') };
  return { ...route, verb: verbOf(request, route) };
}

const isNamespaceSubresource = (rest: readonly string[]) =>
  rest.length === 3 && (rest[2] === 'status' || rest[2] === 'finalize');

/** What stands between the slashes of a path. An encoded slash never joins or splits anything. */
export function decodedSegments(path: string): string[] {
  try {
    return path.split('/').filter(Boolean).map(decodeURIComponent);
  } catch {
    throw new ApiError('BadRequest', `the path ${JSON.stringify(path)} is not valid percent-encoding`);
  }
}

const connectSubresources = new Set(['exec', 'attach', 'portforward', 'proxy']);

function verbOf(request: ApiRequest, route: { readonly name: string; readonly subresource: string }): Verb | 'connect' {
  if (connectSubresources.has(route.subresource)) return 'connect';
  switch (request.method) {
    case 'POST':
      return 'create';
    case 'PUT':
      return 'update';
    case 'PATCH':
      return 'patch';
    case 'DELETE':
      return route.name === '' ? 'deletecollection' : 'delete';
    case 'GET':
    case 'HEAD': {
      const watch = queryValue(request.query, 'watch');
      if (watch === 'true' || watch === '1' || watch === '') return 'watch';
      return route.name === '' ? 'list' : 'get';
    }
    case 'OPTIONS':
      throw new ApiError('MethodNotAllowed', 'the server does not allow this method on the requested resource');
  }
}
