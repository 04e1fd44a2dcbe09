import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BodyReader } from './body-reader.ts';
import { BadMessage, requestHead, responseHead } from './message-head.ts';

const refused = (text: string): number | string => {
  try {
    return JSON.stringify(requestHead(text).framing);
  } catch (error) {
    if (error instanceof BadMessage) return error.status;
    throw error;
  }
};

test('requestHead refuses whatever two readers could read in two ways', () => {
  const rows: readonly (readonly [string, number | string])[] = [
    ['GET / HTTP/1.1\r\nHost: a', '0'],
    ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3', '3'],
    ['POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked', '"chunked"'],
    ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked', 400],
    ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3', 400],
    ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3', 400],
    ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3', 400],
    ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3', 400],
    ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length:', 400],
    ['POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked', 501],
    ['POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked', 501],
    ['POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity', 400],
    ['POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked', 400],
    ['POST / HTTP/1.1\r\nHost: a\r\n Transfer-Encoding: chunked', 400],
    ['POST / HTTP/1.1\r\nHost: a\r\nX: y\r\n\tz', 400],
    ['POST / HTTP/1.1\r\nHost: a\r\nX: y\nContent-Length: 3', 400],
    ['POST / HTTP/1.1\r\nHost: a\r\nX: y\rContent-Length: 3', 400],
    ['POST / HTTP/1.1\r\nHost: a\r\nX: y\0', 400],
    ['POST / HTTP/1.0\r\nTransfer-Encoding: chunked', 400],
    ['GET / HTTP/1.1', 400],
    ['GET / HTTP/1.1\r\nHost: a\r\nHost: b', 400],
    ['GET  / HTTP/1.1\r\nHost: a', 400],
    ['GET / x HTTP/1.1\r\nHost: a', 400],
    ['GET / HTTP/2.0\r\nHost: a', 400],
    ['GET / HTTP/1.1\r\nHost: a\r\n: b', 400],
    ['GET / HTTP/1.1\r\nHost: a\r\nno colon', 400],
    [`GET /${'a'.repeat(9_000)} HTTP/1.1\r\nHost: a`, 414],
    [`GET / HTTP/1.1\r\nHost: a${'\r\nX: y'.repeat(200)}`, 431],
  ];
  for (const [text, expected] of rows) assert.equal(refused(text), expected, JSON.stringify(text.slice(0, 100)));
});

test('responseHead knows which answers have no body, and which end with their connection', () => {
  const framing = (text: string, method = 'GET') => {
    const head = responseHead(`HTTP/1.1 ${text}`, method);
    return [head.framing, head.keepAlive];
  };
  assert.deepEqual(framing('200 OK\r\nContent-Length: 5'), [5, true]);
  assert.deepEqual(framing('200 OK\r\nContent-Length: 5', 'HEAD'), [0, true]);
  assert.deepEqual(framing('204 No Content'), [0, true]);
  assert.deepEqual(framing('304 Not Modified\r\nContent-Length: 5'), [0, true]);
  assert.deepEqual(framing('200 OK'), ['close', false]);
  assert.deepEqual(framing('200\r\nTransfer-Encoding: chunked\r\nConnection: close'), ['chunked', false]);
  assert.throws(() => framing('20 OK'), BadMessage);
});

/** The payload, whether it ended, and what was left of the bytes; each piece arrives alone. */
function read(framing: number | 'chunked', ...pieces: readonly string[]): readonly unknown[] {
  let payload = '';
  let left = '';
  const reader = new BodyReader(framing, (bytes) => (payload += bytes));
  for (const piece of pieces) left = piece.slice(reader.read(Buffer.from(piece), 0));
  return [payload, reader.done, left];
}

test('BodyReader finds the end of a body wherever its bytes are cut', () => {
  assert.deepEqual(read(5, 'he', 'lloGET'), ['hello', true, 'GET']);
  assert.deepEqual(read(0, 'GET'), ['', true, 'GET']);
  const whole = '5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nTrailer: x\r\n\r\nGET';
  assert.deepEqual(read('chunked', whole), ['hello world', true, 'GET']);
  assert.deepEqual(read('chunked', ...whole.slice(0, -3)), ['hello world', true, '']);
  assert.deepEqual(read('chunked', '5\r\nhel'), ['hel', false, '']);
});

test('BodyReader refuses chunks that another reader could end elsewhere', () => {
  const bad = ['5\nhello\r\n', 'g\r\n', '-1\r\n', '5\r\nhelloX\r\n', '5 5\r\n', `${'0'.repeat(13)}5\r\n`, '\r\n5\r\n'];
  for (const text of bad) assert.throws(() => read('chunked', text), BadMessage, JSON.stringify(text));
  assert.throws(() => read('chunked', `5;${'a'.repeat(2_000)}`), BadMessage);
  assert.throws(() => read('chunked', `0\r\n${`X: ${'a'.repeat(1_000)}\r\n`.repeat(9)}`), BadMessage);
});
