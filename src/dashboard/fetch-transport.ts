import { ApiError } from '../api/error.ts';
import { type ApiRequest, jsonType, queryValue, type Transport, type WatchEvent, type Watching } from '../api/wire.ts';
import { Stopped } from '../base/env.ts';
import { encodeText } from '../base/json.ts';

/** The API over fetch, beneath `base`: the origin of the page when that is empty. */
export function fetchTransport(base = ''): Transport {
  return async (request) => {
    if (request.stop.stopped) throw new Stopped();
    const cutter = new AbortController();
    const forget = request.stop.onStop(() => cutter.abort());
    let response: Response;
    try {
      response = await fetch(base + targetOf(request), { ...whatOf(request), signal: cutter.signal });
      const { status } = response;
      const mediaType = response.headers.get('content-type') ?? 'application/octet-stream';
      if (status < 300 && queryValue(request.query, 'watch') === 'true' && response.body)
        return { status, mediaType, watch: watchingOf(response.body, cutter, forget) };
      const bytes = new Uint8Array(await response.arrayBuffer());
      forget();
      return { status, body: { bytes, mediaType } };
    } catch (error) {
      forget();
      throw request.stop.stopped ? new Stopped() : cut(error);
    }
  };
}

const cut = (error: unknown) =>
  new ApiError('ServiceUnavailable', `the server cannot be reached: ${(error as Error).message}`);

function targetOf({ path, query }: ApiRequest): string {
  if (query.length === 0) return path;
  return `${path}?${new URLSearchParams(query.map(([name, value]) => [name, value]))}`;
}

function whatOf({ method, headers, body }: ApiRequest): RequestInit {
  const accepted = { accept: jsonType, ...headers };
  if (!body) return { method, headers: accepted };
  const { bytes, mediaType } =
    'bytes' in body ? body : { bytes: encodeText(JSON.stringify(body.object)), mediaType: jsonType };
  return { method, headers: { ...accepted, 'content-type': mediaType }, body: bytes as BufferSource };
}

/** What arrives together is one batch. Nothing is read before somebody takes it. */
function watchingOf(body: ReadableStream<Uint8Array>, cutter: AbortController, forget: () => void): Watching {
  let tell: ((error?: unknown) => void) | undefined;
  let ended: { readonly error: unknown } | undefined;
  const end = (error?: unknown) => {
    if (ended) return;
    ended = { error };
    forget();
    tell?.(error);
  };
  return {
    onBatch: (take) => {
      readLines(body, (batch) => take(batch)).then(
        (full) => {
          if (full) cutter.abort();
          end();
        },
        (error) => end(cutter.signal.aborted ? new Stopped() : cut(error)),
      );
    },
    onEnd: (done) => {
      tell = done;
      if (ended) done(ended.error);
    },
  };
}

/** Answers whether the taker had enough; false when the stream came to its end. */
async function readLines(
  body: ReadableStream<Uint8Array>,
  take: (batch: readonly WatchEvent[]) => 'more' | 'full',
): Promise<boolean> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return false;
    const lines = (rest + decoder.decode(value, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    const batch = lines.filter((line) => line !== '').map((line) => JSON.parse(line) as WatchEvent);
    if (batch.length > 0 && take(batch) === 'full') return true;
  }
}
