import { limits } from './limits.ts';
import { BadMessage, type Framing } from './message-head.ts';

const lineFeed = 10;

/** Takes one body out of the bytes of a connection, and says where it ended. */
export class BodyReader {
  done: boolean;
  readonly #sink: (payload: Buffer) => void;
  /** Bytes that are still to come of the body or of the chunk; -1 while a line of chunked coding is read. */
  #left: number;
  readonly #chunked: boolean;
  #expects: 'size' | 'end' | 'trailer' = 'size';
  #line = '';
  #trailerBytes = 0;

  constructor(framing: Framing, sink: (payload: Buffer) => void) {
    this.#sink = sink;
    this.#chunked = framing === 'chunked';
    this.#left = framing === 'close' ? Number.POSITIVE_INFINITY : framing === 'chunked' ? -1 : framing;
    this.done = framing === 0;
  }

  /** Answers where the body ended, or the length of the bytes where it has not. */
  read(bytes: Buffer, from: number): number {
    let at = from;
    while (!this.done && at < bytes.length) at = this.#left > 0 ? this.#payload(bytes, at) : this.#control(bytes, at);
    return at;
  }

  #payload(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#left);
    this.#left -= end - at;
    if (this.#left === 0) {
      if (this.#chunked) this.#expects = 'end';
      else this.done = true;
    }
    this.#sink(at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end));
    return end;
  }

  #control(bytes: Buffer, at: number): number {
    const feed = bytes.indexOf(lineFeed, at);
    const end = feed < 0 ? bytes.length : feed + 1;
    this.#line += bytes.toString('latin1', at, end);
    if (this.#line.length > limits.chunkLineCharsMax)
      throw new BadMessage(400, 'a line between two chunks is too long');
    if (feed < 0) return end;
    if (!this.#line.endsWith('\r\n')) throw new BadMessage(400, 'a line between two chunks has no proper end');
    const line = this.#line.slice(0, -2);
    this.#line = '';
    this.#take(line);
    return end;
  }

  #take(line: string): void {
    if (this.#expects === 'end') {
      if (line !== '') throw new BadMessage(400, 'a chunk is longer than it said');
      this.#expects = 'size';
    } else if (this.#expects === 'size') {
      const found = /^([0-9a-fA-F]{1,12})[ \t]*(?:;[^\r\n\0]*)?$/.exec(line);
      if (!found) throw new BadMessage(400, 'the size of a chunk is no number');
      this.#left = Number.parseInt(found[1] as string, 16);
      if (this.#left === 0) this.#expects = 'trailer';
    } else {
      // What stands behind a body in HTTP/1 is left out: hardly anybody reads it, and it may not change what was said.
      this.#trailerBytes += line.length;
      if (this.#trailerBytes > limits.trailerBytesMax) throw new BadMessage(431, 'there is too much behind the body');
      this.done = line === '';
    }
  }
}
