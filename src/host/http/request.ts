import type { IncomingMessage } from 'node:http';
import { constants, type Http2ServerRequest } from 'node:http2';
import type { Writable } from 'node:stream';
import { ApiError } from '../../api/error.ts';
import { type ApiRequest, jsonType, type Method } from '../../api/wire.ts';
import { type Stop, StopSource } from '../../base/stop.ts';
import type { Identity } from './caller.ts';
import { deadlines, limits } from './limits.ts';

export type Incoming = IncomingMessage | Http2ServerRequest;
/**
 * Where an answer is written: Node's own of HTTP/1.1 and of HTTP/2 (which looks alike except for `destroyed`: ask
 * isGone), or a Reply.
 */
export interface Outgoing extends Writable {
  readonly headersSent: boolean;
  /** Names and values in turns. */
  writeHead(status: number, head: string[]): unknown;
  flushHeaders(): void;
}

export interface Asking {
  readonly method: string;
  readonly url: string;
  readonly headers: ApiRequest['headers'];
}

const methods: ReadonlySet<string> = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS']);

/** What the API is asked, without its body. Throws an ApiError where it is not to be asked at all. */
export function requestOf(incoming: Incoming, identity: Identity, stop: Stop): ApiRequest {
  // Neither is served anywhere, and so they are refused alike, wherever the path leads.
  const method = incoming.method === 'TRACE' ? 'OPTIONS' : (incoming.method ?? '');
  if (!methods.has(method)) throw new ApiError('MethodNotAllowed', `the method ${method} is not known here`);
  return requestFrom({ method, url: incoming.url ?? '/', headers: headersOf(incoming) }, identity, stop);
}

/** The same of what was read already, with a method that is known. */
export function requestFrom({ method, url, headers }: Asking, identity: Identity, stop: Stop): ApiRequest {
  const caller = callerOf(identity, headers);
  const mark = url.indexOf('?');
  return {
    method: method as Method,
    path: pathOf(mark < 0 ? url : url.slice(0, mark)),
    query: mark < 0 ? [] : [...new URLSearchParams(url.slice(mark + 1))],
    headers,
    stop,
    ...(caller === undefined ? undefined : { caller }),
  };
}

/** Which of two hosts is meant, others may read otherwise. */
export function namesOneHost({ httpVersionMinor, rawHeaders }: IncomingMessage): boolean {
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) if (/^host$/i.test(rawHeaders[at] as string)) hosts++;
  return hosts === 1 || (hosts === 0 && httpVersionMinor === 0);
}

/** A request through a proxy names the whole address. */
function pathOf(path: string): string {
  if (path.startsWith('/')) return path;
  const absolute = /^https?:\/\/[^/]*(\/.*)?$/i.exec(path);
  return absolute ? (absolute[1] ?? '/') : '/';
}

function headersOf(incoming: Incoming): ApiRequest['headers'] {
  const headers = incoming.headers as Readonly<Record<string, string>>;
  if (incoming.httpVersionMajor < 2) return headers;
  const plain: Record<string, string> = {};
  for (const name in headers) if (!name.startsWith(':')) plain[name] = headers[name] as string;
  // The first is what the connection was routed by.
  plain.host = headers[':authority'] ?? headers.host ?? '';
  return plain;
}

/** Somebody who shows a certificate means it: one that is not believed is never served as if there were none. */
function callerOf(identity: Identity, headers: ApiRequest['headers']): ApiRequest['caller'] {
  const expired = identity.until < Date.now();
  if (!identity.refused && !expired) return identity.caller;
  if (bringsToken(headers)) return undefined;
  throw new ApiError('Unauthorized', 'Unauthorized');
}

function bringsToken(headers: ApiRequest['headers']): boolean {
  if (/^bearer\s/i.test(headers.authorization ?? '')) return true;
  return (headers['sec-websocket-protocol'] ?? '').includes('base64url.bearer.authorization.k8s.io.');
}

/** Tells when the client has gone or has its answer. Most requests never ask, and then it costs nothing. */
export class GoneStop implements Stop {
  readonly #outgoing: Outgoing;
  #source: StopSource | undefined;

  constructor(outgoing: Outgoing) {
    this.#outgoing = outgoing;
  }

  get stopped(): boolean {
    return this.#source ? this.#source.stopped : isGone(this.#outgoing) || this.#outgoing.writableEnded;
  }

  onStop(run: () => void): () => void {
    if (!this.#source) {
      const source = new StopSource();
      this.#source = source;
      if (isGone(this.#outgoing)) source.stop();
      else this.#outgoing.once('close', () => source.stop());
    }
    return this.#source.onStop(run);
  }
}

export function isGone(outgoing: Writable): boolean {
  if (!('stream' in outgoing)) return outgoing.destroyed;
  return (outgoing.stream as { readonly destroyed: boolean } | undefined)?.destroyed ?? true;
}

export function hasBody(incoming: Incoming): boolean {
  if (incoming.method === 'GET' || incoming.method === 'HEAD') return false;
  const { headers } = incoming;
  if (incoming.httpVersionMajor >= 2) return !(incoming as Http2ServerRequest).stream.readableEnded;
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}

/** Nothing when there is none. Rejects above the limit, at once where the length is announced. */
export function readBody(incoming: Incoming): Promise<ApiRequest['body']> {
  return new Promise((resolve, reject) => {
    if (Number(incoming.headers['content-length'] ?? 0) > limits.bodyBytesMax) return reject(tooLarge());
    const parts: Buffer[] = [];
    let size = 0;
    // HTTP/1.1 has its own eye on slow senders; a stream of HTTP/2 would be held for ever.
    if ('stream' in incoming) {
      const { stream } = incoming;
      const timer = setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), deadlines.requestMs);
      incoming.once('end', () => clearTimeout(timer));
      stream.once('close', () => clearTimeout(timer));
    }
    incoming.on('data', (part: Buffer) => {
      size += part.length;
      // What is too much is still read, and dropped: a client that is cut off while it writes never reads the answer.
      if (size > limits.bodyBytesMax) reject(tooLarge());
      else parts.push(part);
    });
    incoming.on('end', () => {
      // A stream of HTTP/2 that was broken off ends as if it had been whole.
      if ('stream' in incoming && incoming.stream.aborted) return cut();
      const bytes = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
      const mediaType = incoming.headers['content-type'] ?? jsonType;
      resolve(size === 0 ? undefined : { bytes, mediaType });
    });
    // A client that goes away is nobody's fault here; most requests never make this error.
    const cut = () => reject(new ApiError('BadRequest', cutShort));
    const gone = () => (incoming.complete ? undefined : cut());
    incoming.on('error', gone);
    incoming.on('close', gone);
  });
}

const cutShort = 'the request ended before its body did';

function tooLarge(): ApiError {
  return new ApiError('RequestEntityTooLarge', `Request entity too large: limit is ${limits.bodyBytesMax}`);
}
