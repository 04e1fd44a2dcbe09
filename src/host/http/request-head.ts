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
interface Block {
  readonly bytes: Uint8Array;
  readonly headers: Readonly<Headers>;
  readonly bodyLength: number;
  readonly isLast: boolean;
}

const methods: ReadonlySet<string> = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']);
const tail = ' HTTP/1.1';
const return_ = 13;
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
  #known: Block | undefined;

  /** Undefined: not one of those. */
  read(bytes: Buffer): WholeRequest | undefined {
    const lineEnd = bytes.indexOf(return_);
    if (lineEnd < 0 || lineEnd > limits.headerBytesMax) return undefined;
    const line = lineOf(bytes, lineEnd);
    const block = line && this.#blockAt(bytes, lineEnd + 2);
    if (!block) return undefined;
    const bodyStart = lineEnd + 2 + block.bytes.length;
    const end = bodyStart + block.bodyLength;
    if (end > bytes.length) return undefined;
    if (line.method === 'GET' && block.bodyLength > 0) return undefined;
    const { headers, isLast } = block;
    return { ...line, headers, body: bytes.subarray(bodyStart, end), end, isLast };
  }

  #blockAt(bytes: Buffer, at: number): Block | undefined {
    const known = this.#known;
    if (known && bytes.length >= at + known.bytes.length) {
      if (bytes.compare(known.bytes, 0, known.bytes.length, at, at + known.bytes.length) === 0) return known;
    }
    const end = bytes.indexOf('\r\n\r\n', at - 2, 'latin1');
    if (end < at || end - at > limits.headerBytesMax) return undefined;
    const block = blockOf(bytes.toString('latin1', at, end), Uint8Array.prototype.slice.call(bytes, at, end + 4));
    if (block) this.#known = block;
    return block;
  }
}

/** Text of its own, so that nobody who keeps a part of it keeps all that came with it. */
function lineOf(bytes: Buffer, end: number): { readonly method: string; readonly url: string } | undefined {
  if (bytes[end + 1] !== 10) return undefined;
  const gap = bytes.indexOf(space);
  if (gap < 0 || gap > methodMax) return undefined;
  const method = bytes.toString('latin1', 0, gap);
  const url = bytes.toString('latin1', gap + 1, end - tail.length);
  if (!methods.has(method) || !/^\/[!-~]*$/.test(url)) return undefined;
  return bytes.toString('latin1', end - tail.length, end) === tail ? { method, url } : undefined;
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
