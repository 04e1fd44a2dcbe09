import type { ApiRequest } from '../../api/wire.ts';
import { limits } from './limits.ts';

/** A request that came whole and says nothing unusual. */
export interface WholeRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: ApiRequest['headers'];
  /** No bytes where there is no body. */
  readonly body: Uint8Array;
  /** Where the next request begins. */
  readonly end: number;
  /** The client wants no other answer on this connection. */
  readonly isLast: boolean;
}

type Headers = Record<string, string>;
interface Line {
  readonly method: string;
  readonly url: string;
  /** With its end. */
  readonly length: number;
}
interface Block {
  readonly bytes: Uint8Array;
  readonly headers: Readonly<Headers>;
  readonly bodyLength: number;
  readonly isLast: boolean;
}
interface Head {
  readonly line: Line;
  readonly block: Block;
  /** Of one that came twice in a row: who says the same twice says it often, and others never do. */
  readonly bytes: Uint8Array | undefined;
}

const methods: ReadonlySet<string> = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']);
const tail = ' HTTP/1.1';
const return_ = 13;
const newLine = 10;
const space = 32;
/** Longer than any method that is read here. */
const methodMax = 8;
/** Whoever brings one of these has a request that is more than its bytes. */
const unusual: ReadonlySet<string> = new Set([
  'transfer-encoding',
  'upgrade',
  'expect',
  'trailer',
  'te',
  'http2-settings',
  'proxy-connection',
]);

/**
 * Reads requests of HTTP/1.1 that arrive whole and are written plainly, which are nearly all. Everything else is left
 * to Node's parser: whatever is odd, or split, or could be read in two ways. What a client says in its headers it says
 * again with every request, so that the same bytes are not read twice.
 */
export class HeadReader {
  #known: Head | undefined;

  /** Undefined: not one of those. */
  read(bytes: Buffer): WholeRequest | undefined {
    const head = this.#head(bytes);
    if (!head) return undefined;
    const { line, block } = head;
    const bodyStart = line.length + block.bytes.length;
    const end = bodyStart + block.bodyLength;
    if (end > bytes.length) return undefined;
    const { method, url } = line;
    if (method === 'GET' && block.bodyLength > 0) return undefined;
    const { headers, isLast } = block;
    return { method, url, headers, body: bytes.subarray(bodyStart, end), end, isLast };
  }

  #head(bytes: Buffer): Head | undefined {
    const known = this.#known;
    if (known?.bytes && isAt(bytes, 0, known.bytes)) return known;
    const line = lineOf(bytes);
    const block = line && blockAt(bytes, line.length, known?.block);
    if (!block) return undefined;
    const isAgain = block === known?.block && line.url === known.line.url && line.method === known.line.method;
    this.#known = { line, block, bytes: isAgain ? ownBytes(bytes, 0, line.length + block.bytes.length) : undefined };
    return this.#known;
  }
}

function blockAt(bytes: Buffer, at: number, known: Block | undefined): Block | undefined {
  if (known && isAt(bytes, at, known.bytes)) return known;
  const end = bytes.indexOf('\r\n\r\n', at - 2, 'latin1');
  if (end < at || end - at > limits.headerBytesMax) return undefined;
  return blockOf(bytes.toString('latin1', at, end), ownBytes(bytes, at, end + 4));
}

function isAt(bytes: Buffer, at: number, known: Uint8Array): boolean {
  const end = at + known.length;
  return bytes.length >= end && bytes.compare(known, 0, known.length, at, end) === 0;
}

const ownBytes = (bytes: Buffer, start: number, end: number): Uint8Array =>
  Uint8Array.prototype.slice.call(bytes, start, end);

/** Text of its own, so that nobody who keeps a part of it keeps all that came with it. */
function lineOf(bytes: Buffer): Line | undefined {
  const end = bytes.indexOf(return_);
  if (end < 0 || end > limits.headerBytesMax || bytes[end + 1] !== newLine) return undefined;
  const gap = bytes.indexOf(space);
  if (gap < 0 || gap > methodMax) return undefined;
  const method = bytes.toString('latin1', 0, gap);
  const url = bytes.toString('latin1', gap + 1, end - tail.length);
  if (!methods.has(method) || !/^\/[!-~]*$/.test(url)) return undefined;
  return bytes.toString('latin1', end - tail.length, end) === tail ? { method, url, length: end + 2 } : undefined;
}

function blockOf(text: string, bytes: Uint8Array): Block | undefined {
  // A new line that is none, or a character that some would read otherwise.
  if (/[^\t -~\r\n]|\r(?!\n)|(?<!\r)\n/.test(text)) return undefined;
  // Without a shape of its own: clients send the same headers in any order, and code that met one order is compiled
  // anew when it meets the next.
  const headers: Headers = Object.create(null);
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(0, colon)).toLowerCase();
    if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name) || unusual.has(name) || headers[name] !== undefined) return undefined;
    headers[name] = line.slice(colon + 1).trim();
  }
  const { host, connection = 'keep-alive', 'content-length': length = '0' } = headers;
  const isLast = /^close$/i.test(connection);
  if (host === undefined || !(isLast || /^keep-alive$/i.test(connection))) return undefined;
  if (!/^\d{1,9}$/.test(length)) return undefined;
  // Frozen: what was made of them once holds for all requests that bring them.
  return { bytes, headers: Object.freeze(headers), bodyLength: Number(length), isLast };
}
