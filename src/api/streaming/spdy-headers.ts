import { encodeText } from '../../base/json.ts';
import { Inflater } from './inflate.ts';
import { joined } from './web-socket-frames.ts';

/** Names in lower case. */
export type SpdyHeaders = Readonly<Record<string, string>>;

/** What one block of headers may grow to. */
const headerBytesMax = 64 * 1024;
const headersMax = 256;

// The dictionary of SPDY/3: both ends must begin with the very same bytes. First these words, each behind its length
// in four bytes, then a text.
const words = [
  'options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow',
  'authorization cache-control connection content-base content-encoding content-language content-length',
  'content-location content-md5 content-range content-type date etag expect expires from host if-match',
  'if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma',
  'proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade',
  'user-agent vary via warning www-authenticate method get status',
]
  .join(' ')
  .split(' ');
const lateWords = ['200 OK', 'version', 'HTTP/1.1', 'url', 'public', 'set-cookie', 'keep-alive', 'origin'];
const tail = [
  '100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505',
  '203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden',
  '404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable',
  'Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT',
  'chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,',
  'publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.',
].join('');

let made: Uint8Array | undefined;
export function dictionary(): Uint8Array {
  made ??= concatenated([
    ...[...words, ...lateWords].flatMap((word) => [uint32(word.length), encodeText(word)]),
    encodeText(tail),
  ]);
  return made;
}

const zlibHead = Uint8Array.of(0x78, 0xbb);
const storedBytesMax = 0xffff;
/** What zlib writes at a sync flush: an empty block, so that all before it is on whole bytes. */
const syncFlush = Uint8Array.of(0, 0, 0, 0xff, 0xff);

/**
 * Reads and writes the blocks of headers of one connection. What is written is not made smaller, which zlib's format
 * allows: our headers are a few words, and so no compressor is needed.
 */
export class HeaderBlocks {
  #inflater: Inflater | undefined;
  #begun = false;

  read(block: Uint8Array): SpdyHeaders {
    let bytes = block;
    if (!this.#inflater) {
      bytes = block.subarray(headSize(block));
      this.#inflater = new Inflater(dictionary(), headerBytesMax);
    }
    return namesAndValues(this.#inflater.inflate(bytes));
  }

  write(headers: SpdyHeaders): Uint8Array {
    const pairs = Object.entries(headers).flatMap(([name, value]) => [sized(name.toLowerCase()), sized(value)]);
    const plain = concatenated([uint32(pairs.length / 2), ...pairs]);
    const parts: Uint8Array[] = [];
    if (!this.#begun) parts.push(zlibHead, uint32(adler32(dictionary())));
    this.#begun = true;
    for (let at = 0; at < plain.length; at += storedBytesMax) {
      const piece = plain.subarray(at, at + storedBytesMax);
      const { length } = piece;
      parts.push(Uint8Array.of(0, length & 0xff, length >> 8, ~length & 0xff, (~length >> 8) & 0xff), piece);
    }
    return concatenated([...parts, syncFlush]);
  }
}

/** The head of a zlib stream, which may name the dictionary. */
function headSize(block: Uint8Array): number {
  if (block.length < 2) throw new Error('the headers are cut off');
  const [method = 0, flags = 0] = block;
  if ((method & 0x0f) !== 8 || (method * 256 + flags) % 31 !== 0) throw new Error('the headers are not compressed');
  if ((flags & 0x20) === 0) return 2;
  if (block.length < 6) throw new Error('the headers are cut off');
  if (readUint32(block, 2) !== adler32(dictionary())) throw new Error('the headers need another dictionary');
  return 6;
}

function namesAndValues(bytes: Uint8Array): SpdyHeaders {
  let at = 0;
  const number = () => {
    if (at + 4 > bytes.length) throw new Error('the headers are cut off');
    at += 4;
    return readUint32(bytes, at - 4);
  };
  const text = () => {
    const length = number();
    if (at + length > bytes.length) throw new Error('the headers are cut off');
    at += length;
    return new TextDecoder().decode(bytes.subarray(at - length, at));
  };
  const count = number();
  if (count > headersMax) throw new Error(`there are more than ${headersMax} headers`);
  const headers = new Map<string, string>();
  for (let index = 0; index < count; index++) headers.set(text().toLowerCase(), text());
  return Object.fromEntries(headers);
}

export function adler32(bytes: Uint8Array): number {
  let low = 1;
  let high = 0;
  for (const byte of bytes) {
    low = (low + byte) % 65_521;
    high = (high + low) % 65_521;
  }
  return high * 65_536 + low;
}

export const uint32 = (value: number): Uint8Array =>
  Uint8Array.of((value >>> 24) & 0xff, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff);

export const readUint32 = (bytes: Uint8Array, at: number): number =>
  (bytes[at] as number) * 0x1000000 +
  (bytes[at + 1] as number) * 0x10000 +
  (bytes[at + 2] as number) * 0x100 +
  (bytes[at + 3] as number);

function sized(text: string): Uint8Array {
  const bytes = encodeText(text);
  return concatenated([uint32(bytes.length), bytes]);
}

export const concatenated = (parts: readonly Uint8Array[]): Uint8Array =>
  joined(
    parts,
    parts.reduce((size, part) => size + part.length, 0),
  );
