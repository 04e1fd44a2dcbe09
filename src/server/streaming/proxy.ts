import { ApiError, isApiError } from '../../api/error.ts';
import type { ApiRequest, ApiResponse, Transport } from '../../api/wire.ts';
import type { ReachTarget } from '../node-doors.ts';

export interface ProxyCall {
  /** What follows /proxy, as it came. */
  readonly rest: string;
  readonly relay: Transport;
  readonly target?: ReachTarget;
}

const movedPermanently = 301;
const proxyPath = /^(.*?\/(?:pods|services|nodes)\/[^/]+\/proxy)(\/.*)?$/;
/** What belongs to one connection, or proves who somebody is to this server and is nobody else's business. */
const ownHeaders =
  /^(connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|host|content-length|authorization|impersonate-.*|x-remote-.*)$/;

/** What follows /proxy in the path, with its encoding; '' where not even a slash does. */
export const proxyRest = ({ path }: ApiRequest): string => proxyPath.exec(path)?.[2] ?? '';
const proxyRoot = ({ path }: ApiRequest): string => proxyPath.exec(path)?.[1] ?? path;

/** The client's headers for whoever is behind: those of an upgrade where one is asked for. */
export function relayedHeaders({ headers, duplex }: ApiRequest): ApiRequest['headers'] {
  const kept = Object.entries(headers).filter(([name]) => !ownHeaders.test(name));
  const upgrade = duplex && headers.upgrade ? { connection: 'Upgrade', upgrade: headers.upgrade } : {};
  return { ...Object.fromEntries(kept), ...upgrade };
}

/** One request to somebody inside the cluster, whose own links still lead through here. */
export async function proxied(request: ApiRequest, { rest, relay, target }: ProxyCall): Promise<ApiResponse> {
  const root = proxyRoot(request);
  // A browser that does not see the slash would look for what belongs to the page one level too high.
  if (rest === '' && (request.method === 'GET' || request.method === 'HEAD')) return redirect(request, `${root}/`);
  const forwarded = {
    ...relayedHeaders(request),
    'x-forwarded-uri': `${root}${rest}`,
    ...(request.headers.host ? { 'x-forwarded-host': request.headers.host } : {}),
    'x-forwarded-proto': 'https',
  };
  const inner = { ...request, path: rest || '/', headers: forwarded };
  const answer = await relay(inner).catch((error: unknown) => {
    if (!isApiError(error, 'ServiceUnavailable')) throw error;
    throw new ApiError('ServiceUnavailable', `error trying to reach service: ${error.message}`);
  });
  const location = answer.headers?.['location'];
  if (!location || 'upgrade' in answer) return answer;
  return { ...answer, headers: { ...answer.headers, location: throughHere(location, root, target) } };
}

function throughHere(location: string, root: string, target: ReachTarget | undefined): string {
  const found = /^(?:https?:\/\/([^/?#]*))?(\/.*)?$/.exec(location);
  if (!found) return location;
  const [, host, path = '/'] = found;
  const own = target && [target.host, `${target.host}:${target.port}`, `[${target.host}]:${target.port}`];
  if (host !== undefined && own && !own.includes(host)) return location;
  return `${root}${path}`;
}

function redirect(request: ApiRequest, to: string): ApiResponse {
  const query = request.query.length > 0 ? `?${new URLSearchParams(request.query)}` : '';
  return {
    status: movedPermanently,
    headers: { location: `${to}${query}` },
    chunks: [],
    mediaType: 'text/html; charset=utf-8',
  };
}
