import { ApiError } from '../api/error.ts';
import type { ApiRequest, ApiResponse } from '../api/wire.ts';
import { encodeText } from '../base/json.ts';
import type { KindRegistry } from './kinds.ts';
import { hasProtobuf } from './views.ts';

/** What a path that nobody knows is answered with. */
export function pageNotFound(): ApiResponse {
  return { status: 404, body: { bytes: encodeText('404 page not found\n'), mediaType: 'text/plain; charset=utf-8' } };
}

export const notServed = () => new ApiError('NotFound', 'the server could not find the requested resource', {});
export const notAllowed = () =>
  new ApiError('MethodNotAllowed', 'the server does not allow this method on the requested resource', {});

/**
 * Refuses what is under /api, /apis and /version and is not there, or not with this method. Undefined: go on. A group
 * that nobody knows is no page at all; inside a known one it is a resource that is missing.
 */
export function refused(request: ApiRequest, kinds: KindRegistry): ApiResponse | undefined {
  const { path, method } = request;
  if (path.startsWith('//')) return pageNotFound();
  const [root, group, version, ...rest] = path.split('/').filter(Boolean);
  const readsOnly = method !== 'GET';
  if (root === 'version') {
    if (group !== undefined) throw notServed();
    if (readsOnly) throw notAllowed();
  }
  if (root === 'api') {
    if (version !== undefined || (group !== undefined && group !== 'v1')) throw notServed();
    if (readsOnly) throw notAllowed();
  }
  if (root === 'apis' && group === undefined && readsOnly) throw notAllowed();
  if (root !== 'apis' || group === undefined) return undefined;
  const known = kinds.all().filter((kind) => kind.group === group);
  const served = known.some((kind) => kind.version === version);
  const isMissing = rest.length > 0 || (version !== undefined && !served);
  // Groups of custom kinds alone have another server behind them, which knows no such page.
  if (known.length === 0 || (isMissing && !known.some(hasProtobuf))) return pageNotFound();
  if (isMissing) throw notServed();
  // A group's own page answers whatever it is asked with.
  if (version !== undefined && readsOnly) throw notAllowed();
  return undefined;
}
