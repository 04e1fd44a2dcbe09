import { connect, type Socket } from 'node:net';
import { BodyReader } from './body-reader.ts';
import { answeredHeaders } from './forward-head.ts';
import type { HeaderList } from './header-list.ts';
import { deadlines, limits } from './limits.ts';
import { BadMessage, type ResponseHead, responseHead } from './message-head.ts';
import type { ForwardedRequest, Try, TryEvents } from './sides.ts';

const headEnd = Buffer.from('\r\n\r\n');
const none = Buffer.alloc(0);
const shared = Buffer.allocUnsafeSlow(64 * 1024);

export interface ConnectionOwner {
  /** It can be used again. */
  idle(connection: BackendConnection): void;
  closed(connection: BackendConnection): void;
}

/** One connection to one backend that speaks HTTP/1: one request at a time. */
export class BackendConnection implements Try {
  readonly #socket: Socket;
  readonly #owner: ConnectionOwner;
  #events: TryEvents | undefined;
  #method = '';
  #upgrade = '';
  #connected = false;
  /** All of the request was handed over. */
  #asked = false;
  #ahead: Buffer = none;
  #head: ResponseHead | undefined;
  #last: (ResponseHead & { readonly answered: HeaderList; readonly text: string; readonly method: string }) | undefined;
  #body: BodyReader | undefined;
  #chunked = false;
  #pending = '';
  #paused = false;
  idleSince = 0;

  /** A connection that may leave HTTP is handed on as a stream, which one that reads by itself is not. */
  constructor(place: { readonly host: string; readonly port: number }, owner: ConnectionOwner, leavesHttp: boolean) {
    const { host, port } = place;
    this.#owner = owner;
    // One buffer for all, lent to whoever hears of it: a read then costs no memory of its own.
    const onread = {
      buffer: shared,
      callback: (length: number) => this.#data(shared.subarray(0, length)),
    };
    const socket = connect({ host, port, noDelay: true, ...(leavesHttp ? {} : { onread }) });
    this.#socket = socket;
    const late = setTimeout(() => {
      socket.destroy(new Error(`no connection within ${deadlines.connectMs / 1000} s`));
    }, deadlines.connectMs);
    socket.once('connect', () => {
      this.#connected = true;
      clearTimeout(late);
    });
    if (leavesHttp) socket.on('data', (bytes: Buffer) => this.#data(bytes));
    socket.on('drain', () => this.#events?.backendDrained());
    socket.on('end', () => this.#ended());
    socket.on('error', (error) => this.#broken(error));
    socket.once('close', () => {
      clearTimeout(late);
      this.#broken(new Error('the backend closed the connection'));
      owner.closed(this);
    });
  }

  get usable(): boolean {
    return !this.#socket.destroyed && this.#socket.writable && this.#ahead.length === 0;
  }

  ask(request: ForwardedRequest, events: TryEvents): void {
    this.#events = events;
    this.#method = request.method;
    this.#upgrade = request.upgrade;
    this.#head = undefined;
    this.#asked = false;
    this.#chunked = request.length === 'unknown';
    let text = `${request.method} ${request.target} HTTP/1.1\r\n`;
    text += request.headers.text;
    if (request.upgrade !== '') text += `Connection: Upgrade\r\nUpgrade: ${request.upgrade}\r\n`;
    if (this.#chunked) text += 'Transfer-Encoding: chunked\r\n';
    // Some servers want to hear of an empty body where one is usual.
    else if (request.length !== 0 || /^P(?:OST|UT|ATCH)$/.test(request.method))
      text += `Content-Length: ${request.length}\r\n`;
    this.#pending = `${text}\r\n`;
  }

  write(payload: Buffer): boolean {
    const socket = this.#socket;
    if (!this.#chunked && this.#pending === '') return socket.write(payload);
    socket.cork();
    this.#flush();
    if (this.#chunked) socket.write(`${payload.length.toString(16)}\r\n`, 'latin1');
    let room = socket.write(payload);
    if (this.#chunked) room = socket.write('\r\n', 'latin1');
    socket.uncork();
    return room;
  }

  end(): void {
    this.#asked = true;
    if (this.#chunked) this.#pending += '0\r\n\r\n';
    this.#flush();
  }

  flow(on: boolean): void {
    if (this.#paused === !on) return;
    this.#paused = !on;
    if (on) this.#socket.resume();
    else this.#socket.pause();
  }

  /** An answer that nobody reads would be taken for that of the next request. */
  cancel(): void {
    this.#events = undefined;
    this.#socket.destroy();
  }

  close(): void {
    this.#socket.destroy();
  }

  #flush(): void {
    if (this.#pending === '') return;
    const text = this.#pending;
    this.#pending = '';
    this.#socket.write(text, 'latin1');
  }

  /** Answers that more may come, as whoever reads wants to hear. */
  #data(bytes: Buffer): boolean {
    // Nobody has asked: such a connection cannot be trusted with a request.
    if (!this.#events) this.close();
    else {
      try {
        this.#take(bytes);
        this.#events?.answerSettled();
      } catch (error) {
        if (!(error instanceof BadMessage)) throw error;
        this.#broken(error);
      }
    }
    return !this.#paused;
  }

  #take(bytes: Buffer): void {
    if (this.#head) return this.#bodyBytes(bytes, 0);
    let ahead = this.#ahead.length === 0 ? bytes : Buffer.concat([this.#ahead, bytes]);
    for (;;) {
      const end = ahead.indexOf(headEnd);
      if (end < 0 || end > limits.headBytesMax) {
        if (ahead.length > limits.headBytesMax) throw new BadMessage(502, 'the head of the answer is too long');
        this.#ahead = Buffer.from(ahead);
        return;
      }
      const head = this.#parsed(ahead.toString('latin1', 0, end));
      this.#ahead = none;
      if (head.status === 101) return this.#upgraded(head, ahead.subarray(end + 4));
      if (head.status >= 200) return this.#begin(head, ahead, end + 4);
      // It says that more will come: we have said so ourselves, or need not.
      ahead = ahead.subarray(end + 4);
    }
  }

  /** A backend's next answer often has the very same head as its last. */
  #parsed(text: string): ResponseHead & { readonly answered: HeaderList } {
    const last = this.#last;
    if (last?.text === text && last.method === this.#method) return last;
    const head = responseHead(text, this.#method);
    const made = { ...head, answered: answeredHeaders(head.headers), text, method: this.#method };
    this.#last = made;
    return made;
  }

  #begin(head: ResponseHead & { readonly answered: HeaderList }, bytes: Buffer, from: number): void {
    this.#head = head;
    const { framing, status } = head;
    const length = typeof framing === 'number' ? this.#told(head, framing) : 'unknown';
    this.#events?.answerHead(status, head.answered, length);
    if (typeof framing === 'number' && bytes.length - from === framing) {
      // All of it is here: the common case of a small answer.
      if (framing > 0) this.#events?.answerBody(from === 0 ? bytes : bytes.subarray(from));
      return this.#finish(false);
    }
    this.#body = new BodyReader(framing, (payload) => this.#events?.answerBody(payload));
    this.#bodyBytes(bytes, from);
  }

  /** An answer to HEAD tells the length of what it does not bring. */
  #told({ headers }: ResponseHead, framing: number): number | 'unknown' {
    if (this.#method !== 'HEAD') return framing;
    const told = headers.get('content-length');
    return told === undefined ? 'unknown' : Number(told);
  }

  #bodyBytes(bytes: Buffer, from: number): void {
    const body = this.#body as BodyReader;
    const at = body.read(bytes, from);
    if (body.done) this.#finish(at < bytes.length);
  }

  #finish(tooMuch: boolean): void {
    const events = this.#events;
    const asked = this.#asked && this.#socket.writableLength === 0;
    const reusable = this.#head?.keepAlive === true && !tooMuch && asked;
    this.#events = undefined;
    this.#head = undefined;
    this.flow(true);
    events?.answerEnd();
    if (reusable) this.#owner.idle(this);
    else this.close();
  }

  #upgraded({ answered }: { readonly answered: HeaderList }, rest: Buffer): void {
    const events = this.#events;
    if (this.#upgrade === '') throw new BadMessage(502, 'the backend leaves HTTP without being asked to');
    this.#events = undefined;
    const socket = this.#socket;
    for (const event of ['data', 'drain', 'end']) socket.removeAllListeners(event);
    events?.upgraded(answered, socket, rest);
  }

  #ended(): void {
    if (this.#head?.framing === 'close' && this.#events) {
      this.#finish(true);
      return;
    }
    this.#broken(new Error('the backend closed the connection'));
  }

  #broken(error: Error): void {
    const events = this.#events;
    this.#events = undefined;
    this.#socket.destroy();
    events?.failed(error, !this.#connected);
  }
}
