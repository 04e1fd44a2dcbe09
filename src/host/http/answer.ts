import type { Writable } from 'node:stream';
import { constants, createGzip } from 'node:zlib';
import { ApiError, statusOf } from '../../api/error.ts';
import type { ApiResponse } from '../../api/wire.ts';
import { Stopped } from '../../base/env.ts';
import { nextTurn } from '../long-work.ts';
import { limits } from './limits.ts';
import type { Outgoing } from './request.ts';
import { roomIn } from './room.ts';
import { writeWatch } from './watch.ts';
import { type Asked, headOf, isShort, type Whole, wholeOf } from './whole-answer.ts';
import { writePieces } from './written-pieces.ts';

/** Writes an answer out. Settles when the last byte is handed over or the client is gone. */
export function writeAnswer(outgoing: Outgoing, asked: Asked, answer: ApiResponse): Promise<void> | undefined {
  if (outgoing.destroyed) return undefined;
  const whole = wholeOf(asked, answer);
  if (whole) return writeWhole(outgoing, asked, answer, whole);
  if ('pieces' in answer) return writePieces(outgoing, asked, answer);
  if ('upgrade' in answer) throw new Error(`an upgrade to ${answer.upgrade} was answered to a request without one`);
  if (!('watch' in answer || 'stream' in answer)) return undefined;
  // Whoever passes an answer on knows its length.
  const length = answer.headers?.['content-length'];
  const more = length === undefined ? ['Vary', 'Accept-Encoding'] : ['Content-Length', length];
  outgoing.writeHead(answer.status, headOf(answer, answer.mediaType, more));
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

function writeWhole(outgoing: Outgoing, asked: Asked, answer: ApiResponse, whole: Whole): Promise<void> | undefined {
  const { chunks, mediaType, size, isCompressed } = whole;
  const more = isCompressed
    ? ['Content-Encoding', 'gzip', 'Vary', 'Accept-Encoding']
    : ['Content-Length', String(size)];
  outgoing.writeHead(answer.status, headOf(answer, mediaType, more));
  if (isCompressed) return writeCompressed(outgoing, chunks);
  if (asked.method === 'HEAD') return void outgoing.end();
  if (isShort(whole) || chunks.length === 1) return void outgoing.end(joined(chunks, size));
  return writeSlices(outgoing, chunks).then((isAll) => {
    if (isAll) outgoing.end();
  });
}

const joined = (chunks: readonly Uint8Array[], size: number): Uint8Array =>
  chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks, size);

/** A slice at a time, each when there is room for it, so that a long list delays nobody. False: the reader is gone. */
async function writeSlices(to: Writable, chunks: readonly Uint8Array[]): Promise<boolean> {
  let slice: Uint8Array[] = [];
  let size = 0;
  for (const chunk of chunks) {
    if (size > 0 && size + chunk.length > limits.sliceBytes) {
      await writeSlice(to, slice, size);
      if (to.destroyed) return false;
      slice = [];
      size = 0;
    }
    slice.push(chunk);
    size += chunk.length;
  }
  await writeSlice(to, slice, size);
  return !to.destroyed;
}

/** Then others have their turn: a connection of this machine may take megabytes at once. */
async function writeSlice(to: Writable, slice: readonly Uint8Array[], size: number): Promise<void> {
  if (!to.write(joined(slice, size))) await roomIn(to);
  await nextTurn();
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
      if (next.done || outgoing.destroyed) break;
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
