import type { ClientRequest, IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https';
import type { Socket } from 'node:net';
import { ApiError } from '../../api/error.ts';
import { type ApiRequest, type ApiResponse, jsonType, linesType, queryValue, type Transport } from '../../api/wire.ts';
import { Stopped } from '../../base/env.ts';
import type { Followed } from '../../base/followed.ts';
import { encodeText } from '../../base/json.ts';
import { duplexOf, isHangUp } from './duplex.ts';
import { deadlines } from './limits.ts';
import { watchingOf } from './watch-reader.ts';

/** Where a server is and how to speak for somebody there: what a kubeconfig says. */
export interface Access {
  /** https://host:port, with a path in front of the API's where a proxy has one. */
  readonly server: string;
  /** PEM. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly token?: string;
  /** The name that the server's certificate has to be for, where its address has another. */
  readonly serverName?: string;
  /** Believe whatever certificate the server shows. */
  readonly insecure?: boolean;
}

/** Resolved with whatever the server answers, errors too; rejects with ServiceUnavailable when nothing answers. */
export function httpTransport(access: Access): Transport {
  const base = new URL(access.server);
  if (base.protocol !== 'https:') throw new Error(`the server's address must begin with https://: ${access.server}`);
  const agent = new Agent({ keepAlive: true, keepAliveMsecs: deadlines.keepAliveProbeMs });
  const options: RequestOptions = {
    agent,
    host: base.hostname.replace(/^\[|\]$/g, ''),
    port: base.port || 443,
    rejectUnauthorized: !access.insecure,
    ...(access.serverName === undefined ? {} : { servername: access.serverName }),
    ...(access.ca === undefined ? {} : { ca: access.ca }),
    ...(access.cert === undefined ? {} : { cert: access.cert }),
    ...(access.key === undefined ? {} : { key: access.key }),
  };
  const prefix = base.pathname.replace(/\/$/, '');
  const once = (request: ApiRequest) => exchange(access, { ...options, path: prefix + targetOf(request) }, request);
  return async (request) => {
    try {
      return await once(request);
    } catch (error) {
      // The server may close a resting connection in the very moment we use it: a read is asked again.
      if (!(error instanceof StaleConnection)) throw error;
      if (request.method === 'GET' || request.method === 'HEAD') return await once(request);
      throw unavailable(access, error);
    }
  };
}

/** The same by an access that may be replaced, from the next request on. */
export function followedTransport(access: Followed<Access>): Transport {
  let transport = httpTransport(access.now);
  access.follow((next) => {
    transport = httpTransport(next);
  });
  return (request) => transport(request);
}

class StaleConnection extends Error {}

function exchange(access: Access, options: RequestOptions, request: ApiRequest): Promise<ApiResponse> {
  return new Promise((resolve, reject) => {
    if (request.stop.stopped) return reject(new Stopped());
    const body = bodyOf(request);
    const outgoing = httpsRequest({ ...options, method: request.method, headers: headersOf(access, request, body) });
    const forget = request.stop.onStop(() => outgoing.destroy(new Stopped()));
    const endless = isEndless(request);
    outgoing.setTimeout(deadlines.silenceMs, () => {
      outgoing.destroy(new Error(`nothing was heard for ${deadlines.silenceMs / 1000} s`));
    });
    outgoing.on('response', (incoming) => {
      // A quiet watch is no sign of trouble; the probes of TCP find a peer that is gone.
      if (endless) outgoing.setTimeout(0);
      incoming.once('close', forget);
      answerOf(request, incoming).then(resolve, (error) => reject(failure({ access, request, outgoing }, error)));
    });
    outgoing.on('upgrade', (incoming, socket: Socket, head) => {
      socket.setTimeout(0);
      socket.on('error', () => {});
      socket.once('close', forget);
      resolve(upgradeOf(incoming, socket, head));
    });
    outgoing.on('error', (error) => {
      forget();
      reject(failure({ access, request, outgoing }, error));
    });
    outgoing.end(body?.bytes);
  });
}

interface Asking {
  readonly access: Access;
  readonly request: ApiRequest;
  readonly outgoing: ClientRequest;
}

function failure({ access, request, outgoing }: Asking, error: unknown): unknown {
  // A request that was stopped ends in whatever error the cut connection makes.
  if (request.stop.stopped) return new Stopped();
  if (error instanceof Stopped || error instanceof ApiError) return error;
  return outgoing.reusedSocket && isHangUp(error) ? new StaleConnection(String(error)) : unavailable(access, error);
}

function unavailable(access: Access, error: unknown): ApiError {
  const { message } = error as Error;
  return new ApiError('ServiceUnavailable', `cannot reach the server at ${access.server}: ${message}`);
}

function targetOf(request: ApiRequest): string {
  if (request.query.length === 0) return request.path;
  return `${request.path}?${new URLSearchParams(request.query.map(([name, value]) => [name, value]))}`;
}

function bodyOf(request: ApiRequest): { readonly bytes: Uint8Array; readonly mediaType: string } | undefined {
  if (!request.body) return undefined;
  if ('bytes' in request.body) return request.body;
  return { bytes: encodeText(JSON.stringify(request.body.object)), mediaType: jsonType };
}

function headersOf(access: Access, request: ApiRequest, body: ReturnType<typeof bodyOf>): Record<string, string> {
  return {
    accept: jsonType,
    ...request.headers,
    ...(body ? { 'content-type': body.mediaType, 'content-length': String(body.bytes.length) } : {}),
    ...(access.token === undefined ? {} : { authorization: `Bearer ${access.token}` }),
  };
}

const isTrue = (value: string | undefined) => value === 'true' || value === '1';
const isWatch = (request: ApiRequest) => request.method === 'GET' && isTrue(queryValue(request.query, 'watch'));
const isLog = (request: ApiRequest) => request.method === 'GET' && /\/pods\/[^/]+\/log$/.test(request.path);
const isEndless = (request: ApiRequest) =>
  isWatch(request) || (isLog(request) && isTrue(queryValue(request.query, 'follow')));

async function answerOf(request: ApiRequest, incoming: IncomingMessage): Promise<ApiResponse> {
  const status = incoming.statusCode ?? 0;
  const headers = plainHeaders(incoming);
  const mediaType = incoming.headers['content-type'] ?? 'application/octet-stream';
  if (status < 300 && isWatch(request))
    return { status, headers, mediaType, watch: watchingOf(incoming, request.stop) };
  if (status < 300 && (isLog(request) || mediaType === linesType))
    return { status, headers, mediaType, stream: streamOf(incoming) };
  const parts: Uint8Array[] = [];
  for await (const part of incoming) parts.push(part as Uint8Array);
  const bytes = parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts);
  return { status, headers, body: { bytes, mediaType } };
}

async function* streamOf(incoming: IncomingMessage): AsyncGenerator<Uint8Array> {
  for await (const part of incoming) yield part as Uint8Array;
}

function plainHeaders(incoming: IncomingMessage): Record<string, string> {
  const plain: Record<string, string> = {};
  for (const [name, value] of Object.entries(incoming.headers)) {
    // Those belong to the one connection, not to the answer.
    if (/^(connection|keep-alive|transfer-encoding|content-length|date)$/.test(name)) continue;
    plain[name] = Array.isArray(value) ? value.join('\n') : (value ?? '');
  }
  return plain;
}

/** `serve` joins the caller's end with the server's, until both have said all. */
function upgradeOf(incoming: IncomingMessage, socket: Socket, head: Uint8Array): ApiResponse {
  const far = duplexOf(socket, head);
  return {
    status: 101,
    headers: plainHeaders(incoming),
    upgrade: incoming.headers.upgrade ?? '',
    serve: async (near) => {
      try {
        await Promise.all([pump(near, far), pump(far, near)]);
      } finally {
        socket.destroy();
      }
    },
  };
}

async function pump(from: NonNullable<ApiRequest['duplex']>, to: NonNullable<ApiRequest['duplex']>): Promise<void> {
  for await (const bytes of from.incoming) await to.write(bytes);
  to.end();
}
