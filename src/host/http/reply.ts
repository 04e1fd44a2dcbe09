import type { Socket } from 'node:net';
import { Writable } from 'node:stream';
import { headText } from './head-text.ts';

type Done = (error?: Error | null) => void;

/** What a room needs besides its piece, so that the frame of a chunk stands around it and nothing is copied. */
export const frameRoom = { before: 10, after: 2 } as const;

/**
 * A long answer on a connection of HTTP/1.1: everything that is not written at once. What is written while the
 * connection is busy goes out together.
 */
export class Reply extends Writable {
  headersSent = false;
  readonly #socket: Socket;
  readonly #isLast: boolean;
  #head = '';
  #isChunked = false;

  constructor(socket: Socket, isLast: boolean) {
    super({ highWaterMark: socket.writableHighWaterMark });
    this.#socket = socket;
    this.#isLast = isLast;
    const gone = () => void this.destroy();
    socket.once('close', gone);
    this.once('close', () => socket.off('close', gone));
  }

  writeHead(status: number, head: readonly string[]): void {
    const hasNoBody = status === 204 || status === 304;
    this.#isChunked = !hasNoBody && !head.includes('Content-Length');
    const whole = this.#isChunked ? [...head, 'Transfer-Encoding', 'chunked'] : head;
    this.#head = headText(status, whole, this.#isLast);
  }

  flushHeaders(): void {
    if (this.headersSent) return;
    this.headersSent = true;
    this.#socket.write(this.#head, 'latin1');
  }

  /** A write of bytes that many are sent alike: framed once for all, and past what only somebody slow needs. */
  pass(bytes: Uint8Array): void {
    const socket = this.#socket;
    const isClear = this.writableLength === 0 && !socket.writableNeedDrain && !this.writableEnded;
    if (!isClear || !this.headersSent || !this.#isChunked) this.write(bytes);
    else socket.write(framed(bytes));
  }

  /** A piece that lies in a room of its own, when nothing else is on its way. The room is free again when it is done. */
  passRoom(room: Buffer, size: number, done: () => void): void {
    const end = frameRoom.before + size;
    if (!this.#isChunked) return void this.write(room.subarray(frameRoom.before, end), done);
    this.flushHeaders();
    room.write(`${size.toString(16).padStart(frameRoom.before - 2, '0')}\r\n`, 'latin1');
    room.write('\r\n', end, 'latin1');
    this.#socket.write(room.subarray(0, end + frameRoom.after), done);
  }

  override _write(chunk: Uint8Array, _encoding: string, done: Done): void {
    this.#send([chunk], done);
  }

  override _writev(writes: readonly { readonly chunk: Uint8Array }[], done: Done): void {
    this.#send(
      writes.map(({ chunk }) => chunk),
      done,
    );
  }

  override _final(done: Done): void {
    this.flushHeaders();
    if (this.#isChunked) this.#socket.write('0\r\n\r\n', 'latin1');
    done();
  }

  /** Half an answer is worse than none: the connection goes with it. */
  override _destroy(_error: Error | null, done: Done): void {
    if (!this.writableFinished) this.#socket.destroy();
    done();
  }

  /** As one chunk. A connection that broke says so itself. */
  #send(parts: readonly Uint8Array[], done: Done): void {
    const socket = this.#socket;
    const size = parts.reduce((sum, { length }) => sum + length, 0);
    const told = () => done();
    if (size === 0) return told();
    socket.cork();
    this.flushHeaders();
    if (this.#isChunked) socket.write(`${size.toString(16)}\r\n`, 'latin1');
    const last = this.#isChunked ? undefined : parts.at(-1);
    for (const part of parts) socket.write(part, part === last ? told : undefined);
    if (this.#isChunked) socket.write('\r\n', 'latin1', told);
    socket.uncork();
  }
}

let lastBytes: Uint8Array | undefined;
let lastFrame: Uint8Array = new Uint8Array();

/** A chunk as HTTP/1.1 writes it. */
function framed(bytes: Uint8Array): Uint8Array {
  if (bytes === lastBytes) return lastFrame;
  const size = `${bytes.length.toString(16)}\r\n`;
  const frame = Buffer.allocUnsafe(size.length + bytes.length + 2);
  frame.write(size, 'latin1');
  frame.set(bytes, size.length);
  frame.write('\r\n', size.length + bytes.length, 'latin1');
  lastBytes = bytes;
  lastFrame = frame;
  return frame;
}
