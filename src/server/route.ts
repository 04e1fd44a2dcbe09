import { ApiError } from '../api/error.ts';
import type { Kind, Verb } from '../api/kind.ts';
import { pathSegment } from '../api/names.ts';
import type { ApiRequest } from '../api/wire.ts';
import type { KindRegistry } from './kinds.ts';
import { flagged } from './list-options.ts';

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
  // The old way to ask for a watch: a word in the path.
  const watching = rest[0] === 'watch' && rest.length > 1 && request.method === 'GET';
  if (watching) rest = rest.slice(1);
  let namespace = '';
  // /namespaces/NS/pods is a path inside a namespace; /namespaces/NS and /namespaces/NS/status are the object itself.
  if (rest[0] === 'namespaces' && rest.length > 2 && !(core && isNamespaceSubresource(rest))) {
    namespace = rest[1] as string;
    rest = rest.slice(2);
  }
  if (request.path.startsWith('//')) return undefined;
  const kind = kinds.find(group, version, rest[0] as string);
  if (!kind || (namespace !== '' && !kind.namespaced)) return undefined;
  const [, name = '', subresource = '', ...tail] = rest;
  requireSegment('Namespace', namespace);
  requireSegment('Name', name);
  const route = { kind, namespace, name, subresource, rest: tail.join('/') };
  return { ...route, verb: watching ? 'watch' : verbOf(request, route) };
}

function requireSegment(what: string, text: string): void {
  const [error] = text === '' ? [] : pathSegment(text);
  if (error) throw new ApiError('BadRequest', `${what} parameter invalid: ${JSON.stringify(text)}: ${error}`);
}

const isNamespaceSubresource = (rest: readonly string[]) =>
  rest.length === 3 && (rest[2] === 'status' || rest[2] === 'finalize');

let lastPath = '';
let lastSegments: readonly string[] = [];

/** What stands between the slashes of a path. Rights and route of a request are read from it, one after the other. */
export function decodedSegments(path: string): readonly string[] {
  if (path === lastPath) return lastSegments;
  lastSegments = segmentsOf(path);
  lastPath = path;
  return lastSegments;
}

/** An encoded slash never joins or splits anything. */
function segmentsOf(path: string): readonly string[] {
  const parts = path.split('/').filter(Boolean);
  if (!path.includes('%')) return parts;
  try {
    return parts.map(decodeURIComponent);
  } catch {
    throw new ApiError('BadRequest', `the path ${JSON.stringify(path)} is not valid percent-encoding`);
  }
}

const connectSubresources = new Set(['exec', 'attach', 'portforward', 'proxy']);

function verbOf(request: ApiRequest, route: Pick<ResourceRoute, 'kind' | 'name' | 'subresource'>): Verb | 'connect' {
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
      // One custom object by its name is answered, not watched.
      if (route.kind.custom && route.name !== '') return 'get';
      if (flagged(request.query, 'watch')) return 'watch';
      return route.name === '' ? 'list' : 'get';
    case 'HEAD':
    case 'OPTIONS':
      if (!route.kind.subresources.some(({ name }) => name === route.subresource) && route.subresource) return 'get';
      throw new ApiError('MethodNotAllowed', 'the server does not allow this method on the requested resource', {});
  }
}

/** What is written says nothing, or the truth, about where it belongs. */
export function requireSameNamespace({ kind, namespace }: ResourceRoute, asked: unknown): void {
  if (!asked || !kind.namespaced || asked === namespace) return;
  const why = 'the namespace of the provided object does not match the namespace sent on the request';
  throw new ApiError('BadRequest', why);
}

/** What is written is what the path names. */
export function requireSameName({ name }: ResourceRoute, asked: unknown): void {
  if (asked === name) return;
  const why = asked
    ? `(${String(asked)}) does not match the name on the URL (${name})`
    : `(${name} based on URL) was undeterminable: name must be provided`;
  throw new ApiError('BadRequest', `the name of the object ${why}`);
}

/** A name that comes in a body where others have it in their path. */
export function requireNameParameter(name: string): void {
  if (name === '') throw new ApiError('BadRequest', 'Name parameter required.');
  const wrong = pathSegment(name);
  if (wrong.length > 0) throw new ApiError('BadRequest', `Name parameter invalid: "${name}": ${wrong.join(';')}`);
}
