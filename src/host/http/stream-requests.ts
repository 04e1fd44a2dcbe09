import { constants, type IncomingHttpHeaders, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { ApiError } from '../../api/error.ts';
import { type ApiRequest, type ApiResponse, jsonType, type Transport } from '../../api/wire.ts';
import { answerOfError, writeAnswer } from './answer.ts';
import type { Identity } from './caller.ts';
import { deadlines, limits } from './limits.ts';
import {
  type Asking,
  cutShort,
  GoneStop,
  knownMethod,
  type Outgoing,
  type Report,
  requestFrom,
  tooLarge,
} from './request.ts';
import type { Rounds } from './rounds.ts';
import { headOf, isShort, type Whole, wholeOf } from './whole-answer.ts';

interface Deps {
  readonly transport: Transport;
  readonly report: Report;
  /** Watches and streams, which end when they are told to. */
  readonly endless: Set<() => void>;
  readonly isClosing: () => boolean;
  readonly rounds: Rounds;
}

/**
 * Requests of HTTP/2, answered on their streams: what Node lays over a stream to make it look like HTTP/1.1 would cost
 * half as much again.
 */
export class StreamRequests {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, identity: Identity): void {
    // A client that goes away is nobody's fault here; without a listener it would end the process.
    stream.on('error', ignored);
    const asked = askedOf(headers);
    this.#asked(stream, asked, identity).then(
      (answer) => this.#answer(stream, asked, answer),
      (error: unknown) => this.#fail(stream, asked, error),
    );
  }

  #asked(stream: ServerHttp2Stream, asked: Asking, identity: Identity): Promise<ApiResponse> {
    try {
      const known = { ...asked, method: knownMethod(asked.method) };
      const request = requestFrom(known, identity, new GoneStop(stream));
      if (hasNoBody(stream, asked)) return this.#ask(request);
      if (asked.headers.expect === '100-continue') stream.additionalHeaders({ ':status': 100 });
      return bodyOf(stream, asked).then((body) => this.#ask(body ? { ...request, body } : request));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #ask(request: ApiRequest): Promise<ApiResponse> {
    const { rounds, transport } = this.#deps;
    return new Promise<void>((resolve) => rounds.ask(resolve)).then(() => transport(request));
  }

  #answer(stream: ServerHttp2Stream, asked: Asking, answer: ApiResponse): void {
    if (stream.destroyed) return;
    try {
      const whole = wholeOf(asked, answer);
      if (whole && isShort(whole)) this.#deps.rounds.write(() => write(stream, asked, { answer, whole }));
      else this.#reply(stream, asked, answer);
    } catch (error) {
      this.#fail(stream, asked, error);
    }
  }

  #fail(stream: ServerHttp2Stream, asked: Asking, error: unknown): void {
    this.#deps.report(error, asked, stream.session?.socket.remoteAddress);
    if (stream.headersSent || stream.destroyed) return void stream.destroy();
    const answer = answerOfError(error);
    write(stream, asked, { answer, whole: wholeOf(asked, answer) as Whole });
  }

  #reply(stream: ServerHttp2Stream, asked: Asking, answer: ApiResponse): void {
    const { endless, isClosing } = this.#deps;
    if ('watch' in answer || 'stream' in answer) {
      if (isClosing()) throw new ApiError('ServiceUnavailable', 'the server is shutting down');
      const end = () => void stream.end();
      endless.add(end);
      stream.once('close', () => endless.delete(end));
    }
    const written = writeAnswer(outgoingOf(stream), asked, answer);
    written?.catch((error: unknown) => this.#fail(stream, asked, error));
  }
}

const ignored = (): void => {};

function askedOf(headers: IncomingHttpHeaders): Asking {
  // Without a shape of its own: clients send the same headers in any order.
  const plain: Record<string, string> = Object.create(null);
  for (const name in headers) if (!name.startsWith(':')) plain[name] = headers[name] as string;
  // The first is what the connection was routed by.
  plain.host = headers[':authority'] ?? headers.host ?? '';
  return { method: headers[':method'] ?? '', url: headers[':path'] ?? '/', headers: plain };
}

const hasNoBody = (stream: ServerHttp2Stream, { method }: Asking): boolean =>
  stream.endAfterHeaders || method === 'GET' || method === 'HEAD';

/** Nothing when there is none. Rejects above the limit, at once where the length is announced. */
function bodyOf(stream: ServerHttp2Stream, { headers }: Asking): Promise<ApiRequest['body']> {
  return new Promise((resolve, reject) => {
    if (Number(headers['content-length'] ?? 0) > limits.bodyBytesMax) return reject(tooLarge());
    const parts: Buffer[] = [];
    let size = 0;
    // A stream whose sender is slow would be held for ever.
    const timer = setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), deadlines.requestMs);
    stream.on('data', (part: Buffer) => {
      size += part.length;
      // What is too much is still read, and dropped: a client that is cut off while it writes never reads the answer.
      if (size > limits.bodyBytesMax) reject(tooLarge());
      else parts.push(part);
    });
    stream.once('end', () => {
      clearTimeout(timer);
      // A stream that was broken off ends as if it had been whole.
      if (stream.aborted) return reject(cutShort());
      const bytes = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
      resolve(size === 0 ? undefined : { bytes, mediaType: headers['content-type'] ?? jsonType });
    });
    stream.once('close', () => {
      clearTimeout(timer);
      reject(cutShort());
    });
  });
}

/** In one go: a head, and what it announces. */
function write(
  stream: ServerHttp2Stream,
  { method }: Asking,
  { answer, whole }: { readonly answer: ApiResponse; readonly whole: Whole },
): void {
  if (stream.destroyed) return;
  const { chunks, mediaType, size } = whole;
  const endStream = method === 'HEAD' || size === 0;
  stream.respond(headersOf(answer.status, headOf(answer, mediaType, ['Content-Length', String(size)])), { endStream });
  if (!endStream) stream.end(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks, size));
}

/** A stream lacks but two methods of what a long answer is written to. */
function outgoingOf(stream: ServerHttp2Stream): Outgoing {
  return Object.assign(stream, {
    writeHead: (status: number, head: readonly string[]) => stream.respond(headersOf(status, head)),
    // They are on their way already.
    flushHeaders: ignored,
  });
}

/** What only a connection of HTTP/1.1 has: answers of others that are passed on may bring it. */
const ofConnections: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);

function headersOf(status: number, head: readonly string[]): OutgoingHttpHeaders {
  const headers: Record<string, string | string[]> = {};
  for (let index = 0; index < head.length; index += 2) {
    const name = (head[index] as string).toLowerCase();
    const value = head[index + 1] as string;
    const before = headers[name];
    if (ofConnections.has(name)) continue;
    if (before === undefined) headers[name] = value;
    else headers[name] = Array.isArray(before) ? [...before, value] : [before, value];
  }
  return { ':status': status, ...headers };
}
