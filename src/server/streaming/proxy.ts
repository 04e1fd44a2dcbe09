import { ApiError, isApiError } from '../../api/error.ts';
import { joined } from '../../api/streaming/web-socket-frames.ts';
import type { ApiRequest, ApiResponse, Transport } from '../../api/wire.ts';
import { encodeText } from '../../base/json.ts';
import type { ReachTarget } from '../node-doors.ts';
import { throughRoot, withLinksThrough } from './proxy-links.ts';

export interface ProxyCall {
  /** What follows /proxy, as it came. */
  readonly rest: string;
  readonly relay: Transport;
  readonly target?: ReachTarget;
}

const movedPermanently = 301;
const proxyPath = /^(\/api\/v1\/(?:namespaces\/[^/]+\/(?:pods|services)|nodes)\/[^/]+\/proxy)(\/.*)?$/;
/** What belongs to one connection, or proves who somebody is to this server and is nobody else's business. */
const ownHeaders =
  /^(connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|host|expect|content-length|authorization|impersonate-.*|x-remote-.*)$/;

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
  const { 'accept-encoding': packed, ...plain } = relayedHeaders(request);
  // A page that is to be read here must not come packed.
  const readable = packed && !/text\/html/i.test(plain['accept'] ?? '') ? { 'accept-encoding': packed } : {};
  const forwarded = {
    ...plain,
    ...readable,
    'x-forwarded-uri': `${root}${rest}`,
    ...(request.headers.host ? { 'x-forwarded-host': request.headers.host } : {}),
    'x-forwarded-proto': 'https',
  };
  const inner = { ...request, path: rest || '/', headers: forwarded };
  const answer = await relay(inner).catch((error: unknown) => {
    if (!isApiError(error, 'ServiceUnavailable')) throw error;
    throw new ApiError('ServiceUnavailable', `error trying to reach service: ${error.message}`);
  });
  if ('upgrade' in answer) return answer;
  const hosts = target ? [target.host, `${target.host}:${target.port}`, `[${target.host}]:${target.port}`] : [];
  const location = answer.headers?.['location'];
  const led = location
    ? { ...answer, headers: { ...answer.headers, location: throughRoot(location, root, hosts) } }
    : answer;
  return withLinks(led, (html) => withLinksThrough(html, root, hosts));
}

/** Pages are held whole while their links are changed; what is larger than this, or packed, is passed on as it is. */
const pageBytesMax = 4 * 1024 * 1024;

async function withLinks(answer: ApiResponse, change: (html: string) => string): Promise<ApiResponse> {
  if (!('stream' in answer) || !/^text\/html\b/i.test(answer.mediaType) || answer.headers?.['content-encoding']) {
    return answer;
  }
  const { 'content-length': _before, ...headers } = answer.headers ?? {};
  const parts: Uint8Array[] = [];
  let size = 0;
  const iterator = answer.stream[Symbol.asyncIterator]();
  while (size <= pageBytesMax) {
    const next = await iterator.next();
    if (next.done) {
      const { status, mediaType } = answer;
      return {
        status,
        headers,
        mediaType,
        chunks: [encodeText(change(new TextDecoder().decode(joined(parts, size))))],
      };
    }
    parts.push(next.value);
    size += next.value.length;
  }
  return { ...answer, stream: continued(parts, iterator) };
}

async function* continued(
  parts: readonly Uint8Array[],
  iterator: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield* parts;
  for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value;
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
