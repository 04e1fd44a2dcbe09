import { type ApiRequest, type ApiResponse, jsonType, type Pieces, queryValue } from '../api/wire.ts';
import type { Clock } from '../base/env.ts';
import { encodeText } from '../base/json.ts';
import { oncePerHeaders } from './once-per-headers.ts';
import { Pace } from './pace.ts';
import type { ResourceRoute } from './route.ts';

/** What is longer is indented while it is written out: others have their turn in between. */
const wholeBytesMax = 64 * 1024;
const pieceBytes = 16 * 1024;
/** Deeper than this nothing goes further to the right: a megabyte of small values far down would become gigabytes. */
const depthMax = 64;

const code = (char: string): number => char.charCodeAt(0);
const [quote, backslash, comma, colon] = [code('"'), code('\\'), code(','), code(':')];
const [openObject, closeObject, openList, closeList] = [code('{'), code('}'), code('['), code(']')];
const [space, newline] = [code(' '), code('\n')];
/** At most so many bytes are made of one: a comma, a new line and what stands before the next value. */
const bytesMadeMax = 2 + 2 * depthMax;

/** Whether somebody reads the answer as it is: they say so, or use a browser or a tool of the command line. */
export function isReadByPeople({ query, headers }: Pick<ApiRequest, 'query' | 'headers'>): boolean {
  const said = queryValue(query, 'pretty');
  if (said) return ['1', 't', 'true'].includes(said.toLowerCase());
  return usesTool(headers);
}

const usesTool = oncePerHeaders((headers) => /^(?:curl|Wget|Mozilla\/5\.0)/.test(headers['user-agent'] ?? ''));

/** The version always is, as upstream writes it; what pods and nodes answer themselves is handed on as it is. */
export function isSpread(request: ApiRequest, route: ResourceRoute | undefined): boolean {
  const { path } = request;
  if (path === '/version') return true;
  return isReadByPeople(request) && route?.verb !== 'connect' && /^\/apis?(?:\/|$)/.test(path);
}

/** JSON that is a value, not a row of events, on lines of its own for each member. */
export function indented(answer: ApiResponse, clock: Clock): ApiResponse {
  if ('pieces' in answer && answer.mediaType === jsonType) {
    return { ...answer, pieces: new IndentedPieces(answer.pieces, clock) };
  }
  const chunks = chunksOf(answer);
  if (!chunks) return answer;
  const { status, headers = {} } = answer;
  const rest = { status, headers, mediaType: jsonType };
  if (chunks.reduce((sum, { length }) => sum + length, 0) > wholeBytesMax) {
    return { ...rest, pieces: new IndentedPieces(new ChunkPieces(chunks), clock) };
  }
  const indenter = new Indenter();
  return { ...rest, chunks: chunks.map((chunk) => indenter.next(chunk)) };
}

function chunksOf(answer: ApiResponse): readonly Uint8Array[] | undefined {
  if ('chunks' in answer) return answer.mediaType === jsonType ? answer.chunks : undefined;
  if (!('body' in answer)) return undefined;
  const { body } = answer;
  if ('object' in body) return [encodeText(JSON.stringify(body.object))];
  return body.mediaType === jsonType && body.bytes.length > 0 ? [body.bytes] : undefined;
}

/** Spreads a text of JSON over lines, as it comes. It is bytes all the way: only texts hold anything but ASCII. */
export class Indenter {
  #depth = 0;
  #isText = false;
  #isEscaped = false;
  /** An object or a list was opened, and there is nothing in it so far. */
  #isEmpty = false;
  #out = new Uint8Array(pieceBytes);
  #size = 0;

  next(bytes: Uint8Array): Uint8Array {
    this.#size = 0;
    for (const byte of bytes) {
      if (this.#out.length - this.#size < bytesMadeMax) this.#grow();
      if (this.#isText) this.#text(byte);
      else this.#mark(byte);
    }
    return this.#out.slice(0, this.#size);
  }

  #text(byte: number): void {
    this.#put(byte);
    if (this.#isEscaped) this.#isEscaped = false;
    else if (byte === backslash) this.#isEscaped = true;
    else if (byte === quote) this.#isText = false;
  }

  #mark(byte: number): void {
    if (byte <= space) return;
    if (byte === closeObject || byte === closeList) {
      this.#depth--;
      if (!this.#isEmpty) this.#line();
      this.#isEmpty = false;
      this.#put(byte);
      return;
    }
    if (this.#isEmpty) this.#line();
    this.#isEmpty = byte === openObject || byte === openList;
    this.#put(byte);
    if (this.#isEmpty) this.#depth++;
    else if (byte === comma) this.#line();
    else if (byte === colon) this.#put(space);
    else this.#isText = byte === quote;
  }

  #line(): void {
    this.#put(newline);
    for (let left = Math.min(this.#depth, depthMax) * 2; left > 0; left--) this.#put(space);
  }

  #put(byte: number): void {
    this.#out[this.#size++] = byte;
  }

  #grow(): void {
    const larger = new Uint8Array(this.#out.length * 2);
    larger.set(this.#out);
    this.#out = larger;
  }
}

/** What is made of other pieces, a little at a time. */
class IndentedPieces implements Pieces {
  readonly #of: Pieces;
  readonly #indenter = new Indenter();
  readonly #read = new Uint8Array(pieceBytes);
  readonly #pace: Pace;
  #made: Uint8Array = new Uint8Array();

  constructor(of: Pieces, clock: Clock) {
    this.#of = of;
    this.#pace = new Pace(clock);
  }

  async fill(room: Uint8Array): Promise<number> {
    while (this.#made.length === 0) {
      const count = await this.#of.fill(this.#read);
      if (count === 0) return 0;
      await this.#pace.rest();
      this.#made = this.#pace.step(() => this.#indenter.next(this.#read.subarray(0, count)));
    }
    const part = this.#made.subarray(0, room.length);
    room.set(part);
    this.#made = this.#made.subarray(part.length);
    return part.length;
  }

  onEnd(told: (bytes: number) => void): void {
    this.#of.onEnd(told);
  }
}

/** What is there already. */
class ChunkPieces implements Pieces {
  readonly #chunks: readonly Uint8Array[];
  #index = 0;
  #at = 0;

  constructor(chunks: readonly Uint8Array[]) {
    this.#chunks = chunks;
  }

  fill(room: Uint8Array): Promise<number> {
    let size = 0;
    while (size < room.length && this.#index < this.#chunks.length) {
      const part = (this.#chunks[this.#index] as Uint8Array).subarray(this.#at, this.#at + room.length - size);
      room.set(part, size);
      size += part.length;
      this.#at += part.length;
      if (part.length > 0) continue;
      this.#index++;
      this.#at = 0;
    }
    return Promise.resolve(size);
  }

  /** Nobody counts what is there already. */
  onEnd(): void {}
}
