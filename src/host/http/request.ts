import type { IncomingMessage } from 'node:http';
import type { Writable } from 'node:stream';
import { ApiError } from '../../api/error.ts';
import { type ApiRequest, jsonType, type Method } from '../../api/wire.ts';
import { type Stop, StopSource } from '../../base/stop.ts';
import type { Identity } from './caller.ts';
import { deadlines, limits } from './limits.ts';

/** Where a long answer is written: Node's own of HTTP/1.1, a Reply, or a stream of HTTP/2. */
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

/** Tells of a refusal or a failure, and from which address it was asked. */
export type Report = (error: unknown, asked: Asking, from: string | undefined) => void;

const methods: ReadonlySet<string> = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS']);

/** What the API is asked, without its body. Throws an ApiError where it is not to be asked at all. */
export function requestOf(incoming: IncomingMessage, identity: Identity, stop: Stop): ApiRequest {
  const headers = incoming.headers as ApiRequest['headers'];
  return requestFrom({ method: knownMethod(incoming.method ?? ''), url: incoming.url ?? '/', headers }, identity, stop);
}

export function knownMethod(asked: string): Method {
  // Neither is served anywhere, and so they are refused alike, wherever the path leads.
  const method = asked === 'TRACE' ? 'OPTIONS' : asked;
  if (!methods.has(method)) throw new ApiError('MethodNotAllowed', `the method ${method} is not known here`);
  return method as Method;
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
    ...(identity.from === undefined ? undefined : { from: identity.from }),
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
  readonly #outgoing: Writable & { readonly headersSent?: boolean };
  #source: StopSource | undefined;

  constructor(outgoing: Writable & { readonly headersSent?: boolean }) {
    this.#outgoing = outgoing;
  }

  get stopped(): boolean {
    if (this.#source) return this.#source.stopped;
    const { destroyed, writableEnded, headersSent = true } = this.#outgoing;
    // Node ends a stream of HTTP/2 that is asked for its head before anybody has answered.
    return destroyed || (writableEnded && headersSent);
  }

  onStop(run: () => void): () => void {
    if (!this.#source) {
      const source = new StopSource();
      this.#source = source;
      if (this.#outgoing.destroyed) source.stop();
      else this.#outgoing.once('close', () => source.stop());
    }
    return this.#source.onStop(run);
  }
}

export function hasBody({ method, headers }: IncomingMessage): boolean {
  if (method === 'GET' || method === 'HEAD') return false;
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}

/**
 * Nothing when there is none. What is above the limit is still read, and dropped, before it is refused: whoever is cut
 * off while he writes never reads the answer.
 */
export function readBody(incoming: IncomingMessage): Promise<ApiRequest['body']> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let size = 0;
    let linger: NodeJS.Timeout | undefined;
    // Who announces much and sends little is not waited for until the deadline of all requests.
    const drop = () => {
      parts.length = 0;
      linger ??= setTimeout(() => reject(tooLarge()), deadlines.lingerMs);
    };
    if (Number(incoming.headers['content-length'] ?? 0) > limits.bodyBytesMax) drop();
    incoming.on('data', (part: Buffer) => {
      size += part.length;
      if (size > limits.bodyBytesMax) drop();
      if (!linger) parts.push(part);
    });
    incoming.on('end', () => {
      if (linger) return reject(tooLarge());
      const bytes = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
      const mediaType = incoming.headers['content-type'] ?? jsonType;
      resolve(size === 0 ? undefined : { bytes, mediaType });
    });
    // A client that goes away is nobody's fault here; most requests never make this error.
    const gone = () => {
      clearTimeout(linger);
      if (!incoming.complete) reject(cutShort());
    };
    incoming.on('error', gone);
    incoming.on('close', gone);
  });
}

export const cutShort = () => new ApiError('BadRequest', 'the request ended before its body did');

export function tooLarge(): ApiError {
  return new ApiError('RequestEntityTooLarge', `Request entity too large: limit is ${limits.bodyBytesMax}`);
}
