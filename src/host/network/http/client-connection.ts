import type { Socket } from 'node:net';
import { BodyReader } from './body-reader.ts';
import type { Asker } from './forward-head.ts';
import type { HeaderList } from './header-list.ts';
import { deadlines, limits } from './limits.ts';
import { BadMessage, type LastHeaders, type RequestHead, requestHead } from './message-head.ts';
import type { AskedRequest, Client, ClientEvents, Length } from './sides.ts';
import { statusText } from './status-text.ts';

const headEnd = Buffer.from('\r\n\r\n');
const none = Buffer.alloc(0);
/** No method is called so: it is how HTTP/2 begins. */
const preface = Buffer.from('PRI ');

export interface Door {
  readonly port: number;
  readonly secure: boolean;
  /** Whether new requests are still taken. */
  readonly isOpen: boolean;
  /** Milliseconds of a clock that only goes on; coarse. */
  now(): number;
  /** Who answers it; it begins when it is told to. */
  accept(client: Client): ClientEvents;
  gone(connection: ClientConnection): void;
  /** A client that knows without asking that HTTP/2 is spoken here. */
  session(socket: Socket): void;
}

/** One client that speaks HTTP/1: its requests one after another, and the bytes of their answers. */
export class ClientConnection implements Client {
  request!: AskedRequest;
  readonly #socket: Socket;
  readonly #door: Door;
  readonly #asker: Asker;
  #ahead: Buffer = none;
  /** How much of `#ahead` is known to hold no end of a head. */
  #searched = 0;
  #events: ClientEvents | undefined;
  #body: BodyReader | undefined;
  #head = '';
  #chunked = false;
  #left: Length = 0;
  #keepAlive = true;
  #minor = 1;
  #last: LastHeaders | undefined;
  #answered = false;
  #paused = false;
  #taken = false;
  #quietSince: number;
  #out: Buffer[] = [];

  constructor(socket: Socket, door: Door) {
    this.#socket = socket;
    this.#door = door;
    const address = plainAddress(socket.remoteAddress ?? '');
    this.#asker = { address, secure: door.secure, port: door.port };
    this.#quietSince = door.now();
    socket.setNoDelay(true);
    socket.on('data', (bytes: Buffer) => this.#data(bytes));
    socket.on('drain', () => this.#events?.clientDrained());
    socket.on('end', () => this.#hungUp());
    socket.on('error', () => {});
    socket.once('close', () => {
      this.#hungUp();
      door.gone(this);
    });
  }

  /** Looked at now and then: one that asks for nothing, or never comes to the end of it, is let go. */
  tick(now: number): void {
    if (this.#taken || this.#events) return;
    const quiet = now - this.#quietSince;
    if (this.#ahead.length > 0 && quiet > deadlines.headMs) {
      this.#refuse(new BadMessage(408, `the head of the request did not come within ${deadlines.headMs / 1000} s`));
    } else if (this.#ahead.length === 0 && (quiet > deadlines.clientIdleMs || !this.#door.isOpen)) this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  head(status: number, headers: HeaderList, length: Length): void {
    this.#answered = true;
    const bodiless = this.request.method === 'HEAD' || status < 200 || status === 204 || status === 304;
    // HTTP/1.0 knows no chunks: the end of the connection is the end of the body.
    this.#chunked = !bodiless && length === 'unknown' && this.#minor === 1;
    if (!bodiless && length === 'unknown' && !this.#chunked) this.#keepAlive = false;
    if (this.#body && !this.#body.done) this.#keepAlive = false;
    if (!this.#door.isOpen) this.#keepAlive = false;
    this.#left = bodiless ? 0 : length;
    let text = `HTTP/1.1 ${status} ${statusText(status)}\r\n`;
    text += headers.text;
    if (this.#chunked) text += 'Transfer-Encoding: chunked\r\n';
    else if (length !== 'unknown' && status >= 200 && status !== 204 && !(status === 304 && length === 0)) {
      text += `Content-Length: ${length}\r\n`;
    }
    if (status === 101) text += `Connection: Upgrade\r\nUpgrade: ${this.request.upgrade}\r\n`;
    else if (!this.#keepAlive) text += 'Connection: close\r\n';
    else if (this.#minor === 0) text += 'Connection: keep-alive\r\n';
    this.#head = `${text}\r\n`;
  }

  write(payload: Buffer): void {
    if (payload.length === 0) return;
    if (this.#chunked) {
      this.#out.push(Buffer.from(`${payload.length.toString(16)}\r\n`, 'latin1'), payload, lineEnd);
      return;
    }
    if (this.#left !== 'unknown') this.#left -= payload.length;
    this.#out.push(payload);
  }

  end(): void {
    if (this.#chunked) this.#out.push(lastChunk);
    const short = !this.#chunked && this.#left !== 'unknown' && this.#left > 0 && this.request.method !== 'HEAD';
    this.settle();
    if (short) return this.destroy();
    this.#events = undefined;
    this.#quietSince = this.#door.now();
    if (!this.#keepAlive) return this.#leave();
    this.#body = undefined;
    if (this.#ahead.length > 0) queueMicrotask(() => this.#requests());
    else this.#flow(true);
  }

  settle(): boolean {
    if (this.#head === '' && this.#out.length === 0) return !this.#socket.writableNeedDrain;
    const out = this.#out;
    const head = this.#head;
    this.#head = '';
    let size = head.length;
    for (const part of out) size += part.length;
    if (out.length === 0) this.#socket.write(head, 'latin1');
    else this.#socket.write(joined(head, out, size));
    if (out.length > 0) this.#out = [];
    return !this.#socket.writableNeedDrain;
  }

  flow(on: boolean): void {
    this.#flow(on);
  }

  takeOver(): { readonly socket: Socket; readonly head: Buffer } {
    this.settle();
    this.#taken = true;
    this.#events = undefined;
    const head = this.#ahead;
    this.#ahead = none;
    for (const event of ['data', 'drain', 'end']) this.#socket.removeAllListeners(event);
    return { socket: this.#socket, head };
  }

  #flow(on: boolean): void {
    if (this.#paused === !on) return;
    this.#paused = !on;
    if (on) this.#socket.resume();
    else this.#socket.pause();
  }

  #data(bytes: Buffer): void {
    if (this.#ahead.length === 0 && !this.#events) this.#quietSince = this.#door.now();
    if (this.#body && !this.#body.done && this.#events) return this.#bodyBytes(bytes);
    this.#ahead = this.#ahead.length === 0 ? bytes : Buffer.concat([this.#ahead, bytes]);
    if (!this.#events) return this.#requests();
    if (this.#ahead.length > limits.aheadBytesMax) this.#flow(false);
  }

  #bodyBytes(bytes: Buffer): void {
    const body = this.#body as BodyReader;
    const events = this.#events as ClientEvents;
    try {
      const at = body.read(bytes, 0);
      if (at < bytes.length) this.#ahead = bytes.subarray(at);
    } catch (error) {
      return this.#broken(error);
    }
    if (body.done) events.requestEnd();
  }

  /** Takes the next request out of what has arrived. */
  #requests(): void {
    if (this.#events || this.#taken || this.#socket.destroyed) return;
    const ahead = this.#ahead;
    this.#flow(true);
    if (ahead.length === 0) return;
    // A line end or two before a request is what old clients leave behind.
    if (ahead[0] === 13 || ahead[0] === 10) {
      this.#ahead = ahead.subarray(1);
      return this.#requests();
    }
    if (ahead[0] === 80 && ahead.subarray(0, 4).equals(preface)) return this.#handOver(ahead);
    const end = ahead.indexOf(headEnd, Math.max(0, this.#searched - 3));
    if (end < 0 || end > limits.headBytesMax) {
      this.#searched = ahead.length;
      if (ahead.length <= limits.headBytesMax) return;
      return this.#refuse(new BadMessage(431, `the head is longer than ${limits.headBytesMax} bytes`));
    }
    this.#searched = 0;
    try {
      const head = requestHead(ahead.toString('latin1', 0, end), this.#last);
      this.#last = head.last;
      this.#begin(head, ahead.length === end + 4 ? none : ahead.subarray(end + 4));
    } catch (error) {
      this.#broken(error);
    }
  }

  #handOver(bytes: Buffer): void {
    const { socket } = this.takeOver();
    socket.pause();
    socket.unshift(bytes);
    this.#door.session(socket);
    this.#door.gone(this);
  }

  #begin(head: RequestHead, rest: Buffer): void {
    const { method, headers, connection } = head;
    const { target, host } = placeOf(head);
    this.#minor = head.minor;
    this.#keepAlive = head.minor === 1 ? !connection.includes('close') : connection.includes('keep-alive');
    this.#answered = false;
    const upgrade = connection.includes('upgrade') ? (headers.get('upgrade') ?? '') : '';
    this.request = {
      method,
      target,
      host,
      headers,
      connection,
      length: head.framing === 'chunked' ? 'unknown' : head.framing,
      // An offer of HTTP/2 in plain text may be, and is, ignored.
      upgrade: /^(?:h2c|tls\/)/i.test(upgrade) ? '' : upgrade,
      asker: this.#asker,
    };
    this.#ahead = rest;
    const events = this.#door.accept(this);
    this.#events = events;
    this.#body =
      head.framing === 0 ? undefined : new BodyReader(head.framing, (bytes) => this.#events?.requestBody(bytes));
    if (headers.names.includes('expect')) this.#socket.write('HTTP/1.1 100 Continue\r\n\r\n');
    events.begin();
    // It may have been answered already: then the body is nobody's.
    if (this.#events !== events) return;
    if (!this.#body) return events.requestEnd();
    this.#ahead = none;
    const at = this.#body.read(rest, 0);
    if (at < rest.length) this.#ahead = rest.subarray(at);
    if (this.#body.done) events.requestEnd();
  }

  /** What came is no HTTP: its sender is told, if no answer has begun, and there is no next request. */
  #broken(error: unknown): void {
    if (!(error instanceof BadMessage)) throw error;
    this.#events?.clientGone();
    if (this.#answered && this.#events) return this.destroy();
    this.#refuse(error);
  }

  #refuse({ status, message }: BadMessage): void {
    this.#events = undefined;
    this.#ahead = none;
    const text = `${message}\n`;
    const head = `HTTP/1.1 ${status} ${statusText(status)}\r\nContent-Type: text/plain; charset=utf-8\r\n`;
    this.#socket.write(`${head}Content-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`);
    this.#leave();
  }

  /** Ends our direction first; what the client still sends is heard for a moment, or it would lose the answer. */
  #leave(): void {
    this.#taken = true;
    this.#socket.removeAllListeners('data');
    this.#flow(true);
    this.#socket.resume();
    this.#socket.end();
    setTimeout(() => this.#socket.destroy(), deadlines.lingerMs).unref();
  }

  #hungUp(): void {
    const events = this.#events;
    this.#events = undefined;
    events?.clientGone();
    if (!this.#taken) this.#socket.destroy();
  }
}

const lineEnd = Buffer.from('\r\n');
const lastChunk = Buffer.from('0\r\n\r\n');

/** One copy, because the pieces are lent; and one write, because a write costs more than a copy. */
function joined(head: string, parts: readonly Buffer[], size: number): Buffer {
  const whole = Buffer.allocUnsafe(size);
  let at = whole.write(head, 0, 'latin1');
  for (const part of parts) at += part.copy(whole, at);
  return whole;
}

/** An IPv4 address that a socket of both families shows as one of IPv6. */
export const plainAddress = (address: string): string => (address.startsWith('::ffff:') ? address.slice(7) : address);

/** What is asked for, and of whom: a target may hold both. */
function placeOf({ method, target, headers }: RequestHead): { readonly target: string; readonly host: string } {
  const host = headers.get('host') ?? '';
  if (method === 'CONNECT') throw new BadMessage(405, 'this proxy opens no tunnels');
  if (target.startsWith('/') || target === '*') return { target, host: checkedHost(host) };
  const found = /^https?:\/\/([^/?#]*)([/?][^#]*)?$/i.exec(target);
  if (!found) throw new BadMessage(400, 'the request names no path');
  const rest = found[2] ?? '/';
  return { target: rest.startsWith('?') ? `/${rest}` : rest, host: checkedHost(found[1] as string) };
}

function checkedHost(host: string): string {
  if (host !== '' && !/^(?:[A-Za-z0-9\-._]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/.test(host)) {
    throw new BadMessage(400, 'the Host header is no name and no address');
  }
  return host;
}
