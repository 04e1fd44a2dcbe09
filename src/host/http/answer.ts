import { randomUUID } from 'node:crypto';
import type { Writable } from 'node:stream';
import { constants, createGzip } from 'node:zlib';
import { ApiError, statusOf } from '../../api/error.ts';
import { type ApiRequest, type ApiResponse, jsonType } from '../../api/wire.ts';
import { Stopped } from '../../base/env.ts';
import { encodeText } from '../../base/json.ts';
import { limits } from './limits.ts';
import { isGone, type Outgoing } from './request.ts';
import { roomIn } from './room.ts';
import { writeWatch } from './watch.ts';

export interface Asked {
  readonly method: string;
  readonly headers: ApiRequest['headers'];
}

/** Writes an answer out. Settles when the last byte is handed over or the client is gone. */
export function writeAnswer(outgoing: Outgoing, asked: Asked, answer: ApiResponse): Promise<void> | undefined {
  if (isGone(outgoing)) return undefined;
  if ('chunks' in answer) return writeBytes(outgoing, asked, answer, answer.chunks, answer.mediaType);
  if ('body' in answer) {
    const { body } = answer;
    if ('bytes' in body) return writeBytes(outgoing, asked, answer, [body.bytes], body.mediaType);
    return writeBytes(outgoing, asked, answer, [encodeText(`${JSON.stringify(body.object)}\n`)], jsonType);
  }
  if ('upgrade' in answer) throw new Error(`an upgrade to ${answer.upgrade} was answered to a request without one`);
  // Whoever passes an answer on knows its length.
  const length = answer.headers?.['content-length'];
  const more = length === undefined ? ['Vary', 'Accept-Encoding'] : ['Content-Length', length];
  writeHead(outgoing, answer, answer.mediaType, more);
  if (asked.method === 'HEAD') return void outgoing.end();
  if ('watch' in answer) return writeWatch(outgoing, answer.watch, answer.mediaType);
  outgoing.flushHeaders();
  return writeStream(outgoing, answer.stream);
}

/** An error as the API says it: metav1.Status. A bug becomes a 500 and is left for the caller to log. */
export function answerOfError(error: unknown): ApiResponse {
  const expected =
    error instanceof ApiError
      ? error
      : error instanceof Stopped
        ? new ApiError('ServiceUnavailable', 'the server is shutting down')
        : new ApiError('InternalError', `Internal error occurred: ${(error as Error)?.message ?? error}`);
  const seconds = expected.details?.retryAfterSeconds;
  return {
    status: expected.code,
    headers: seconds === undefined ? {} : { 'Retry-After': String(seconds) },
    body: { object: statusOf(expected) },
  };
}

/** The names that the answer brings itself win over those that every answer has. */
function writeHead(outgoing: Outgoing, answer: ApiResponse, mediaType: string, more: readonly string[]): void {
  let audit = true;
  let cache = true;
  const head: string[] = [];
  for (const name in answer.headers) {
    const lower = name.toLowerCase();
    if (lower === 'audit-id') audit = false;
    else if (lower === 'cache-control') cache = false;
    else if (lower === 'content-type' || lower === 'content-length') continue;
    for (const value of (answer.headers[name] as string).split('\n')) head.push(name, value);
  }
  if (audit) head.push('Audit-Id', randomUUID());
  if (cache) head.push('Cache-Control', 'no-cache, private');
  if (mediaType) head.push('Content-Type', mediaType);
  if (answer.status !== 204) head.push(...more);
  outgoing.writeHead(answer.status, head as never);
}

function writeBytes(
  outgoing: Outgoing,
  asked: Asked,
  answer: ApiResponse,
  ...[chunks, mediaType]: readonly [readonly Uint8Array[], string]
): Promise<void> | undefined {
  let size = 0;
  for (const chunk of chunks) size += chunk.length;
  if (size > limits.compressBytesMin && asked.method === 'GET' && acceptsGzip(asked)) {
    writeHead(outgoing, answer, mediaType, ['Content-Encoding', 'gzip', 'Vary', 'Accept-Encoding']);
    return writeCompressed(outgoing, chunks);
  }
  writeHead(outgoing, answer, mediaType, ['Content-Length', String(size)]);
  if (asked.method === 'HEAD') return void outgoing.end();
  if (size <= limits.sliceBytes || chunks.length === 1) return void outgoing.end(joined(chunks, size));
  return writeSlices(outgoing, chunks).then((whole) => {
    if (whole) outgoing.end();
  });
}

/** Unless `identity` alone is wanted, as `gzip;q=0` says. */
function acceptsGzip(asked: Asked): boolean {
  if (asked.headers.range !== undefined) return false;
  return /(^|[\s,])gzip\s*(;\s*q=(?!0(\.0*)?\s*(,|$))[^,]*)?\s*(,|$)/i.test(asked.headers['accept-encoding'] ?? '');
}

const joined = (chunks: readonly Uint8Array[], size: number): Uint8Array =>
  chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks, size);

/** A slice at a time, each when there is room for it, so that a long list delays nobody. False: the reader is gone. */
async function writeSlices(to: Writable, chunks: readonly Uint8Array[]): Promise<boolean> {
  let slice: Uint8Array[] = [];
  let size = 0;
  for (const [index, chunk] of chunks.entries()) {
    slice.push(chunk);
    size += chunk.length;
    if (size < limits.sliceBytes && index < chunks.length - 1) continue;
    if (isGone(to)) return false;
    if (!to.write(joined(slice, size))) await roomIn(to);
    slice = [];
    size = 0;
  }
  return !isGone(to);
}

/** On zlib's own thread, at its fastest level, as the original does. */
async function writeCompressed(outgoing: Outgoing, chunks: readonly Uint8Array[]): Promise<void> {
  const gzip = createGzip({ level: constants.Z_BEST_SPEED, chunkSize: limits.sliceBytes });
  outgoing.once('close', () => gzip.destroy());
  gzip.pipe(outgoing);
  if (await writeSlices(gzip, chunks)) gzip.end();
}

async function writeStream(outgoing: Outgoing, stream: AsyncIterable<Uint8Array>): Promise<void> {
  const iterator = stream[Symbol.asyncIterator]();
  // A source that is quiet for long must still be let go when its reader leaves.
  const gone = new Promise<IteratorResult<Uint8Array>>((resolve) => {
    outgoing.once('close', () => resolve({ done: true, value: undefined }));
  });
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), gone]);
      if (next.done || isGone(outgoing)) break;
      if (!outgoing.write(next.value)) await roomIn(outgoing);
    }
    outgoing.end();
  } catch (error) {
    // Its head is out already: a cut connection is the only way left to say that the answer is not whole.
    outgoing.destroy();
    if (!(error instanceof Stopped)) throw error;
  } finally {
    void iterator.return?.()?.catch(() => {});
  }
}
