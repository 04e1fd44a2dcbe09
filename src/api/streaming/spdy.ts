import { Channel } from '../../base/channel.ts';
import { Pipe } from '../../base/pipe.ts';
import type { Duplex } from '../wire.ts';
import { SpdyDecoder, SpdyEncoder, SpdyError, type SpdyFrame } from './spdy-frames.ts';
import type { SpdyHeaders } from './spdy-headers.ts';

/** One stream of a connection: two directions that end on their own. */
export class SpdyStream {
  readonly id: number;
  readonly headers: SpdyHeaders;
  readonly incoming = new Pipe();
  readonly #send: (frame: SpdyFrame) => Promise<void>;
  readonly #gone: () => void;
  #ended = false;

  constructor(
    { id, headers }: { readonly id: number; readonly headers: SpdyHeaders },
    send: (frame: SpdyFrame) => Promise<void>,
    gone: () => void,
  ) {
    this.id = id;
    this.headers = headers;
    this.#send = send;
    this.#gone = gone;
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#ended || bytes.length === 0) return;
    await this.#send({ type: 'data', stream: this.id, bytes, fin: false });
  }

  /** Nothing more is said; what the other side says is still heard. */
  async end(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await this.#send({ type: 'data', stream: this.id, bytes: new Uint8Array(0), fin: true });
  }

  /** Both directions at once. */
  async reset(): Promise<void> {
    this.forget();
    await this.#send({ type: 'reset', stream: this.id, status: cancelled });
  }

  /** The other side has gone from it. */
  forget(): void {
    this.#ended = true;
    this.incoming.end();
    this.#gone();
  }
}

const cancelled = 5;
const refusedStream = 3;
const streamsMax = 1_000;

/** Streams over one connection. A server takes what the other side opens; a client opens. */
export class SpdyConnection {
  /** What the other side has opened. Ends with the connection. */
  readonly opened = new Channel<SpdyStream>();
  readonly #duplex: Duplex;
  readonly #encoder = new SpdyEncoder();
  readonly #streams = new Map<number, SpdyStream>();
  #next = 1;
  #lastSeen = 0;
  #closed = false;

  constructor(duplex: Duplex) {
    this.#duplex = duplex;
  }

  /** Reads until the connection ends. A peer that breaks the rules is let go of. */
  async run(): Promise<void> {
    const decoder = new SpdyDecoder();
    try {
      for await (const bytes of this.#duplex.incoming) {
        for (const frame of decoder.push(bytes)) await this.#take(frame);
        if (this.#closed) break;
      }
    } catch (error) {
      if (!(error instanceof SpdyError)) throw error;
    } finally {
      this.#closed = true;
      for (const stream of [...this.#streams.values()]) stream.forget();
      this.opened.close();
    }
  }

  async open(headers: SpdyHeaders): Promise<SpdyStream> {
    const stream = this.#stream(this.#next, headers);
    this.#next += 2;
    await this.#send({ type: 'open', stream: stream.id, headers, fin: false });
    return stream;
  }

  /** Says good-bye; whoever has the connection ends it. */
  async close(): Promise<void> {
    if (this.#closed) return;
    await this.#send({ type: 'away', last: this.#lastSeen });
    this.#closed = true;
  }

  async #take(frame: SpdyFrame): Promise<void> {
    if (frame.type === 'open') return this.#openedBy(frame);
    if (frame.type === 'ping') return this.#send(frame);
    if (frame.type === 'reply' || frame.type === 'away') return;
    const stream = this.#streams.get(frame.stream);
    if (!stream) return;
    if (frame.type === 'reset') return stream.forget();
    await stream.incoming.write(frame.bytes);
    if (frame.fin) stream.incoming.end();
  }

  async #openedBy({ stream: id, headers, fin }: SpdyFrame & { readonly type: 'open' }): Promise<void> {
    if (id <= this.#lastSeen || this.#streams.size >= streamsMax) {
      return this.#send({ type: 'reset', stream: id, status: refusedStream });
    }
    this.#lastSeen = id;
    const stream = this.#stream(id, headers);
    if (fin) stream.incoming.end();
    await this.#send({ type: 'reply', stream: id, headers: {}, fin: false });
    this.opened.push(stream);
  }

  #stream(id: number, headers: SpdyHeaders): SpdyStream {
    const stream = new SpdyStream(
      { id, headers },
      (frame) => this.#send(frame),
      () => this.#streams.delete(id),
    );
    this.#streams.set(id, stream);
    return stream;
  }

  async #send(frame: SpdyFrame): Promise<void> {
    if (this.#closed) return;
    await this.#duplex.write(this.#encoder.encode(frame));
  }
}
