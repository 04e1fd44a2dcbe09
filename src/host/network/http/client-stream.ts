import { constants, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { Door } from './client-connection.ts';
import type { HeaderList } from './header-list.ts';
import { deadlines, limits } from './limits.ts';
import type { AskedRequest, Client, ClientEvents, Length } from './sides.ts';
import { headersOfFields } from './stream-headers.ts';

// What stands in these goes into the lines of HTTP/1 as it is: a blank there would begin another message.
const methodForm = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const targetForm = /^\/[\x21-\x7e\x80-\xff]*$/;
const hostForm = /^(?:[A-Za-z0-9\-._]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;

/** Answers all requests of one client that speaks HTTP/2; answers what to ask now and then. */
export function serveSession(session: ServerHttp2Session, door: Door, address: string): { tick(now: number): void } {
  let streams = 0;
  let quietSince = door.now();
  session.on('error', () => {});
  session.on('stream', (stream, _fields, flags, raw) => {
    stream.on('error', () => {});
    streams++;
    stream.once('close', () => {
      streams--;
      quietSince = door.now();
    });
    const request = requestOf(raw as unknown as readonly string[], flags, door, address);
    if (stream.destroyed) return;
    if (typeof request === 'number') return stream.respond({ ':status': request }, { endStream: true });
    new ClientStream(stream, request, door);
  });
  return {
    tick: (now) => {
      if (streams === 0 && (now - quietSince > deadlines.clientIdleMs || !door.isOpen)) session.close();
    },
  };
}

function requestOf(raw: readonly string[], flags: number, door: Door, address: string): AskedRequest | number {
  const pseudo = new Map<string, string>();
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] as string;
    if (name.startsWith(':')) pseudo.set(name, raw[index + 1] as string);
  }
  const headers = headersOfFields(raw);
  const method = pseudo.get(':method') ?? '';
  const target = pseudo.get(':path') ?? '';
  const host = pseudo.get(':authority') || headers.get('host') || '';
  if (target.length > limits.targetCharsMax) return 414;
  if (!methodForm.test(method) || !targetForm.test(target) || !hostForm.test(host)) return 400;
  if (method === 'CONNECT') return 405;
  const told = headers.get('content-length');
  if (told !== undefined && !/^\d{1,15}$/.test(told)) return 400;
  const ended = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
  const length: Length = ended ? 0 : told === undefined ? 'unknown' : Number(told);
  const asker = { address, secure: door.secure, port: door.port };
  return { method, target, host, headers, connection: '', length, upgrade: '', asker };
}

/** One request of HTTP/2, and its answer. */
class ClientStream implements Client {
  readonly request: AskedRequest;
  readonly #stream: ServerHttp2Stream;
  #events: ClientEvents | undefined;
  #trailers: HeaderList | undefined;

  constructor(stream: ServerHttp2Stream, request: AskedRequest, door: Door) {
    this.#stream = stream;
    this.request = request;
    const events = door.accept(this);
    this.#events = events;
    stream.on('data', (payload: Buffer) => this.#events?.requestBody(payload));
    stream.on('end', () => this.#events?.requestEnd());
    stream.on('drain', () => this.#events?.clientDrained());
    stream.once('close', () => {
      const left = this.#events;
      this.#events = undefined;
      left?.clientGone();
    });
    stream.once('wantTrailers', () => this.#endWith(this.#trailers));
    events.begin();
  }

  head(status: number, headers: HeaderList, length: Length): void {
    if (this.#stream.headersSent || this.#stream.destroyed) return;
    const fields = fieldsOf(headers);
    const bodiless = this.request.method === 'HEAD' || status === 204 || status === 304;
    if (typeof length === 'number' && status !== 204) fields['content-length'] = String(length);
    try {
      this.#stream.respond({ ':status': status, ...fields }, { endStream: bodiless, waitForTrailers: !bodiless });
    } catch {
      // A header that HTTP/2 does not allow, such as two lengths.
      this.destroy();
    }
  }

  write(payload: Buffer): void {
    if (this.#stream.writable) this.#stream.write(Buffer.from(payload));
  }

  end(trailers?: HeaderList): void {
    this.#trailers = trailers;
    this.#events = undefined;
    if (this.#stream.writable) this.#stream.end();
    // A body that nobody waits for is not worth its bytes.
    if (!this.#stream.readableEnded) this.#stream.resume();
  }

  #endWith(trailers: HeaderList | undefined): void {
    try {
      this.#stream.sendTrailers(fieldsOf(trailers));
    } catch {
      // Something that may not stand behind a body.
      this.destroy();
    }
  }

  settle(): boolean {
    return !this.#stream.writableNeedDrain;
  }

  destroy(): void {
    this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }

  flow(on: boolean): void {
    if (on) this.#stream.resume();
    else this.#stream.pause();
  }

  takeOver(): undefined {
    return undefined;
  }
}

function fieldsOf(headers: HeaderList | undefined): Record<string, string | string[]> {
  const fields: Record<string, string | string[]> = {};
  for (const [index, name] of (headers?.names ?? []).entries()) {
    const value = headers?.value(index) as string;
    const before = fields[name];
    fields[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value];
  }
  return fields;
}
