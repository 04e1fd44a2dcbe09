import { ByteQueue } from './byte-queue.ts';
import { concatenated, HeaderBlocks, readUint32, type SpdyHeaders, uint32 } from './spdy-headers.ts';

/** SPDY/3.1, as much of it as travels between kubectl and a node. */
export type SpdyFrame =
  | { readonly type: 'open'; readonly stream: number; readonly headers: SpdyHeaders; readonly fin: boolean }
  | { readonly type: 'reply'; readonly stream: number; readonly headers: SpdyHeaders; readonly fin: boolean }
  | { readonly type: 'data'; readonly stream: number; readonly bytes: Uint8Array; readonly fin: boolean }
  | { readonly type: 'reset'; readonly stream: number; readonly status: number }
  | { readonly type: 'ping'; readonly id: number }
  | { readonly type: 'away'; readonly last: number };

export class SpdyError extends Error {
  override readonly name = 'SpdyError';
}

const control = { open: 1, reply: 2, reset: 3, settings: 4, ping: 6, away: 7, headers: 8, window: 9 } as const;
const version = 3;
const headBytes = 8;
const finFlag = 1;
/** A frame of control is held whole; data is passed on as it arrives. */
const controlBytesMax = 128 * 1024;
const dataBytesMax = 0xffffff;

export class SpdyDecoder {
  readonly #queue = new ByteQueue();
  readonly #blocks = new HeaderBlocks();
  /** The frame of data that is being passed on. */
  #data: { readonly stream: number; left: number; readonly fin: boolean } | undefined;

  push(bytes: Uint8Array): SpdyFrame[] {
    this.#queue.push(bytes);
    const frames: SpdyFrame[] = [];
    while (this.#next(frames));
    return frames;
  }

  #next(frames: SpdyFrame[]): boolean {
    if (this.#data) return this.#moreData(this.#data, frames);
    const queue = this.#queue;
    if (queue.length < headBytes) return false;
    const length = queue.at(5) * 65_536 + queue.at(6) * 256 + queue.at(7);
    const isControl = (queue.at(0) & 0x80) !== 0;
    if (!isControl) {
      const head = queue.take(headBytes);
      const fin = ((head[4] as number) & finFlag) !== 0;
      this.#data = { stream: readUint32(head, 0), left: length, fin };
      if (length > 0) return true;
      this.#data = undefined;
      frames.push({ type: 'data', stream: readUint32(head, 0), bytes: new Uint8Array(0), fin });
      return true;
    }
    if (length > controlBytesMax) throw new SpdyError(`a control frame is longer than ${controlBytesMax} bytes`);
    if (queue.length < headBytes + length) return false;
    const head = queue.take(headBytes);
    const frame = this.#control(head, queue.take(length));
    if (frame) frames.push(frame);
    return true;
  }

  #moreData(data: { readonly stream: number; left: number; readonly fin: boolean }, frames: SpdyFrame[]): boolean {
    const bytes = this.#queue.takeSome(data.left);
    if (bytes.length === 0) return false;
    data.left -= bytes.length;
    if (data.left === 0) this.#data = undefined;
    frames.push({ type: 'data', stream: data.stream, bytes, fin: data.fin && data.left === 0 });
    return true;
  }

  #control(head: Uint8Array, body: Uint8Array): SpdyFrame | undefined {
    const spoken = ((head[0] as number) & 0x7f) * 256 + (head[1] as number);
    if (spoken !== version) throw new SpdyError(`SPDY/${spoken} is not spoken here`);
    const type = (head[2] as number) * 256 + (head[3] as number);
    const fin = ((head[4] as number) & finFlag) !== 0;
    const number = (at: number) => {
      if (at + 4 > body.length) throw new SpdyError(`a frame of type ${type} is too short`);
      return readUint32(body, at) & 0x7fffffff;
    };
    switch (type) {
      case control.open:
        return { type: 'open', stream: number(0), headers: this.#headers(body, 10), fin };
      case control.reply:
        return { type: 'reply', stream: number(0), headers: this.#headers(body, 4), fin };
      case control.headers:
        // Nobody sends these here, but they have to be read: all blocks are one compressed stream.
        this.#headers(body, 4);
        return undefined;
      case control.reset:
        return { type: 'reset', stream: number(0), status: number(4) };
      case control.ping:
        return { type: 'ping', id: number(0) };
      case control.away:
        return { type: 'away', last: number(0) };
      default:
        return undefined;
    }
  }

  #headers(body: Uint8Array, at: number): SpdyHeaders {
    if (body.length < at) throw new SpdyError('a frame with headers is too short');
    try {
      return this.#blocks.read(body.subarray(at));
    } catch (cause) {
      throw new SpdyError(`headers cannot be read: ${cause instanceof Error ? cause.message : cause}`, { cause });
    }
  }
}

export class SpdyEncoder {
  readonly #blocks = new HeaderBlocks();

  encode(frame: SpdyFrame): Uint8Array {
    switch (frame.type) {
      case 'open':
        return controlFrame(control.open, frame.fin, [
          uint32(frame.stream),
          new Uint8Array(6),
          this.#blocks.write(frame.headers),
        ]);
      case 'reply':
        return controlFrame(control.reply, frame.fin, [uint32(frame.stream), this.#blocks.write(frame.headers)]);
      case 'reset':
        return controlFrame(control.reset, false, [uint32(frame.stream), uint32(frame.status)]);
      case 'ping':
        return controlFrame(control.ping, false, [uint32(frame.id)]);
      case 'away':
        return controlFrame(control.away, false, [uint32(frame.last), uint32(0)]);
      case 'data':
        return dataFrames(frame.stream, frame.bytes, frame.fin);
    }
  }
}

function controlFrame(type: number, fin: boolean, parts: readonly Uint8Array[]): Uint8Array {
  const body = concatenated(parts);
  const length = uint32(body.length);
  length[0] = fin ? finFlag : 0;
  return concatenated([Uint8Array.of(0x80, version, 0, type), length, body]);
}

function dataFrames(stream: number, bytes: Uint8Array, fin: boolean): Uint8Array {
  const parts: Uint8Array[] = [];
  let at = 0;
  do {
    const piece = bytes.subarray(at, at + dataBytesMax);
    at += piece.length;
    const length = uint32(piece.length);
    length[0] = fin && at === bytes.length ? finFlag : 0;
    parts.push(uint32(stream), length, piece);
  } while (at < bytes.length);
  return concatenated(parts);
}
