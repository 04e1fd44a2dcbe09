import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import type { HeaderList } from './header-list.ts';
import { deadlines, limits } from './limits.ts';
import type { ForwardedRequest, Try, TryEvents } from './sides.ts';
import { headersOfFields } from './stream-headers.ts';

/** One connection to one backend that speaks HTTP/2 in plain text: many requests at a time. */
export class BackendSession {
  readonly #session: ClientHttp2Session;
  #streams = 0;
  #leaving = false;
  #connected = false;

  constructor(host: string, port: number, closed: () => void) {
    const at = host.includes(':') ? `[${host}]` : host;
    const session = connect(`http://${at}:${port}`);
    this.#session = session;
    const late = setTimeout(() => {
      session.destroy(new Error(`no connection within ${deadlines.connectMs / 1000} s`));
    }, deadlines.connectMs);
    session.once('connect', () => {
      this.#connected = true;
      clearTimeout(late);
    });
    // Each stream hears of it; without a listener it would end the process.
    session.on('error', () => {});
    session.on('goaway', () => {
      this.#leaving = true;
    });
    session.once('close', () => {
      clearTimeout(late);
      closed();
    });
    session.unref();
  }

  get usable(): boolean {
    const { closed, destroyed } = this.#session;
    return !this.#leaving && !closed && !destroyed && this.#streams < limits.streamsPerSessionMax;
  }

  /** No further request; those that run may end. */
  leave(): void {
    this.#leaving = true;
    if (!this.#session.destroyed) this.#session.close();
  }

  ask(request: ForwardedRequest, events: TryEvents): Try {
    const fields: Record<string, string | string[]> = {
      ':method': request.method,
      ':path': request.target,
      ':scheme': 'http',
      ':authority': request.host,
      // Without it a server of gRPC does not say how it ended.
      te: 'trailers',
    };
    const { names } = request.headers;
    for (let index = 0; index < names.length; index++) {
      const name = names[index] as string;
      if (name === 'host') continue;
      const value = request.headers.value(index);
      const before = fields[name];
      fields[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value];
    }
    if (typeof request.length === 'number' && request.length > 0) fields['content-length'] = String(request.length);
    let stream: ClientHttp2Stream;
    try {
      stream = this.#session.request(fields, { endStream: request.length === 0 });
    } catch (error) {
      // A session that ended just now, or a header that HTTP/2 does not allow.
      queueMicrotask(() => events.failed(error as Error, true));
      return { write: () => true, end: () => {}, flow: () => {}, cancel: () => {} };
    }
    this.#streams++;
    stream.once('close', () => this.#streams--);
    return new BackendStream(stream, events, () => this.#connected);
  }
}

class BackendStream implements Try {
  readonly #stream: ClientHttp2Stream;
  readonly #isConnected: () => boolean;
  #events: TryEvents | undefined;
  #trailers: HeaderList | undefined;

  constructor(stream: ClientHttp2Stream, events: TryEvents, isConnected: () => boolean) {
    this.#stream = stream;
    this.#events = events;
    this.#isConnected = isConnected;
    stream.on('response', (fields, _flags, raw) => {
      const headers = headersOfFields(raw as unknown as readonly string[]);
      const told = headers.get('content-length');
      headers.remove('content-length');
      this.#events?.answerHead(Number(fields[':status']), headers, told === undefined ? 'unknown' : Number(told));
    });
    stream.on('data', (payload: Buffer) => {
      this.#events?.answerBody(payload);
      this.#events?.answerSettled();
    });
    stream.on('trailers', (_fields, _flags, raw) => {
      this.#trailers = headersOfFields(raw as unknown as readonly string[]);
    });
    stream.on('end', () => this.#ended());
    stream.on('drain', () => this.#events?.backendDrained());
    stream.on('error', (error) => this.#failed(error));
    stream.once('close', () => this.#failed(new Error('the backend closed the stream')));
  }

  write(payload: Buffer): boolean {
    return this.#stream.writable ? this.#stream.write(payload) : true;
  }

  end(): void {
    if (this.#stream.writable) this.#stream.end();
  }

  flow(on: boolean): void {
    if (on) this.#stream.resume();
    else this.#stream.pause();
  }

  cancel(): void {
    this.#events = undefined;
    this.#stream.close(constants.NGHTTP2_CANCEL);
  }

  #ended(): void {
    if (this.#stream.rstCode !== constants.NGHTTP2_NO_ERROR) return;
    const events = this.#events;
    this.#events = undefined;
    events?.answerEnd(this.#trailers);
  }

  #failed(error: Error): void {
    const events = this.#events;
    this.#events = undefined;
    events?.failed(error, !this.#isConnected() || this.#stream.rstCode === constants.NGHTTP2_REFUSED_STREAM);
  }
}
