import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HeadReader } from './request-head.ts';

const rest = 'Host: x\r\nAuthorization: Bearer a\r\n';
const post = (path: string, body: string, more = rest) =>
  Buffer.from(`POST ${path} HTTP/1.1\r\n${more}Content-Length: ${body.length}\r\n\r\n${body}`);
const get = (path: string) => Buffer.from(`GET ${path} HTTP/1.1\r\n${rest}\r\n`);

function read(reader: HeadReader, bytes: Buffer) {
  const whole = reader.read(bytes);
  if (!whole) return undefined;
  return { method: whole.method, url: whole.url, body: Buffer.from(whole.body).toString(), end: whole.end };
}

test('a head that is said again is read as the first time, whatever follows it', () => {
  const reader = new HeadReader();
  for (const body of ['one', 'two', 'six', 'ten']) {
    const bytes = post('/a', body);
    assert.deepEqual(read(reader, bytes), { method: 'POST', url: '/a', body, end: bytes.length });
  }
});

test('another path, method, header or length of the body between is another head', () => {
  const reader = new HeadReader();
  const all = [
    post('/a', 'one'),
    post('/b', 'one'),
    post('/a', 'long one'),
    get('/a'),
    post('/a', 'one', `X: y\r\n${rest}`),
  ];
  const alone = all.map((bytes) => read(new HeadReader(), bytes));
  for (let round = 0; round < 20; round++) {
    for (const [index, bytes] of all.entries()) {
      for (let again = 0; again <= round % 3; again++) assert.deepEqual(read(reader, bytes), alone[index]);
    }
  }
});

test('headers that are said again are the same, and frozen, so that what was made of them holds', () => {
  const reader = new HeadReader();
  const headers = [post('/a', 'one'), post('/a', 'two'), get('/b'), get('/c')].map(
    (bytes) => reader.read(bytes)?.headers,
  );
  assert.equal(headers[0], headers[1]);
  assert.equal(headers[2], headers[3]);
  assert.ok(headers.every((one) => Object.isFrozen(one)));
});

test('a body that has not come whole is not read, also behind a head that is known', () => {
  const reader = new HeadReader();
  const bytes = post('/a', 'one');
  for (let times = 0; times < 3; times++) reader.read(bytes);
  assert.equal(reader.read(bytes.subarray(0, bytes.length - 1)), undefined);
  assert.deepEqual(read(reader, bytes)?.body, 'one');
});
