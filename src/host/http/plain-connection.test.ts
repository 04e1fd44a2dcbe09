import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { gunzipSync } from 'node:zlib';
import { ApiError } from '../../api/error.ts';
import type { ApiRequest, ApiResponse, Watching } from '../../api/wire.ts';
import type { Instant } from '../../base/env.ts';
import { hostEnv } from '../env.ts';
import { createAuthority, issue } from '../x509/certificate.ts';
import { type HttpServer, serveHttp } from './server.ts';

const now = Date.now() as Instant;
const authority = createAuthority('test-ca', now);
const pair = issue(authority, { subject: { name: 'server' }, use: ['server'], names: ['127.0.0.1'], now });
const long = Buffer.from('0123456789abcdef'.repeat(20_000));
const host = 'Host: x\r\n';

const seen: ApiRequest[] = [];
let take: Parameters<Watching['onBatch']>[0] = () => 'more';
let endWatch: (error?: unknown) => void = () => {};
let release = () => {};

async function transport(asked: ApiRequest): Promise<ApiResponse> {
  seen.push(asked);
  switch (asked.path) {
    case '/object':
      return { status: 200, body: { object: { hello: 'wörld' } } };
    case '/body':
      return { status: 201, body: asked.body && 'bytes' in asked.body ? asked.body : { object: null } };
    case '/long':
      return { status: 200, chunks: [long, long], mediaType: 'application/json' };
    case '/same':
      return { status: 304, headers: { etag: '"x"' }, chunks: [], mediaType: 'application/json' };
    case '/watch':
      return { status: 200, mediaType: 'application/json', watch: { onBatch: (to) => (take = to), onEnd: noteEnd } };
    case '/split':
      return { status: 200, headers: { 'x-told': 'a\r\nSet-Cookie: b' }, chunks: [], mediaType: 'text/plain' };
    case '/slow':
      await new Promise<void>((resolve) => (release = resolve));
      return { status: 200, body: { object: 'late' } };
    default:
      throw new ApiError('NotFound', 'no such path', { retryAfterSeconds: 3 });
  }
}
const noteEnd: Watching['onEnd'] = (done) => (endWatch = done);

const lines: string[] = [];
const env = hostEnv({ log: { write: (line) => lines.push(line) } });
let server: HttpServer;
const sockets: TLSSocket[] = [];
const start = () =>
  serveHttp(env, transport, {
    listen: { host: '127.0.0.1', port: 0 },
    pair,
    clientAuthority: authority.certificate,
  });
before(async () => {
  server = await start();
});
after(async () => {
  for (const socket of sockets) socket.destroy();
  await server.close(100);
});

async function open(port = server.port): Promise<TLSSocket> {
  const socket = connect({ port, host: '127.0.0.1', ca: authority.certificate });
  socket.setEncoding('latin1');
  sockets.push(socket);
  await once(socket, 'secureConnect');
  return socket;
}

/** What comes until it ends with `last`, or until the connection does. */
function until(socket: TLSSocket, last: string | RegExp): Promise<string> {
  let text = '';
  return new Promise((resolve) => {
    const done = () => {
      socket.off('data', more);
      resolve(text);
    };
    const more = (part: string) => {
      text += part;
      if (typeof last === 'string' ? text.endsWith(last) : last.test(text)) done();
    };
    socket.on('data', more);
    socket.once('close', done);
  });
}

async function ask(socket: TLSSocket, request: string, last: string | RegExp): Promise<string> {
  const answer = until(socket, last);
  socket.write(request, 'latin1');
  return answer;
}

test('a plain connection answers one request after another, as Node does', async () => {
  const socket = await open();
  const first = await ask(
    socket,
    `GET /object?a=1&a=%32 HTTP/1.1\r\n${host}X-One:  two \r\nconstructor: 1\r\n\r\n`,
    '}\n',
  );
  assert.match(first, /^HTTP\/1\.1 200 OK\r\nAudit-Id: [0-9a-f-]{36}\r\nCache-Control: no-cache, private\r\n/);
  assert.match(first, /\r\nContent-Type: application\/json\r\nContent-Length: 19\r\nDate: \w{3}, .* GMT\r\n/);
  assert.match(first, /\r\nConnection: keep-alive\r\nKeep-Alive: timeout=90\r\n\r\n\{"hello":/);
  const asked = seen.at(-1) as ApiRequest;
  assert.deepEqual({ ...asked.headers }, { host: 'x', 'x-one': 'two', constructor: '1' });
  assert.deepEqual(asked.query, [
    ['a', '1'],
    ['a', '2'],
  ]);
  const type = 'Content-Type: a/b\r\n';
  const second = await ask(socket, `POST /body HTTP/1.1\r\n${host}${type}Content-Length: 5\r\n\r\nhello`, 'hello');
  assert.match(second, /^HTTP\/1\.1 201 Created\r\n(.*\r\n)*Content-Type: a\/b\r\n/);
  assert.match(
    await ask(socket, `GET /nothing HTTP/1.1\r\n${host}\r\n`, '}\n'),
    /^HTTP\/1\.1 404 .*\r\nRetry-After: 3/,
  );
  assert.match(await ask(socket, `GET /same HTTP/1.1\r\n${host}\r\n`, '\r\n\r\n'), /^HTTP\/1\.1 304 Not Modified\r\n/);
});

test('requests that come together are answered in their order, and one in pieces is answered too', async () => {
  const socket = await open();
  const get = (path: string) => `GET ${path} HTTP/1.1\r\n${host}\r\n`;
  const many = await ask(
    socket,
    get('/object') + get('/long') + get('/nothing') + get('/object'),
    /(HTTP[\s\S]*){4}\}\n$/,
  );
  assert.deepEqual(
    many.match(/HTTP\/1\.1 \d+/g),
    ['200', '200', '404', '200'].map((code) => `HTTP/1.1 ${code}`),
  );
  assert.ok(many.includes(long.toString() + long.toString()));
  const whole = until(socket, '}\n');
  for (const piece of get('/object').match(/[\s\S]{1,9}/g) ?? []) {
    socket.write(piece);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  assert.match(await whole, /^HTTP\/1\.1 200 /);
});

test('what could be read in two ways is left to the parser, which refuses it', async () => {
  const body = `Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`;
  for (const odd of [
    `POST /body HTTP/1.1\r\n${host}${body}`,
    `POST /body HTTP/1.1\r\n${host}Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde`,
    `POST /body HTTP/1.1\r\n${host}Content-Length: 4x\r\n\r\nabcd`,
    `GET /object HTTP/1.1\r\n${host}A: b\nC: d\r\n\r\n`,
    `GET /object HTTP/1.1\r\n${host}A : b\r\n\r\n`,
    `GET /object HTTP/1.1\r\n${host}A: \u0000\r\n\r\n`,
    `GET /object HTTP/1.1\r\nA: b\r\n\r\n`,
  ]) {
    const count = seen.length;
    assert.match(
      await ask(await open(), odd, /^HTTP\/1\.1 \d+[\s\S]*\r\n\r\n/),
      /^HTTP\/1\.1 400 /,
      JSON.stringify(odd),
    );
    assert.equal(seen.length, count, 'nobody was asked');
  }
  const chunked = `POST /body HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n`;
  assert.match(await ask(await open(), chunked, 'abcd'), /^HTTP\/1\.1 201 /);
});

test('a watch on a plain connection is written in chunks, and the next request is answered behind it', async () => {
  const socket = await open();
  const head = await ask(socket, `GET /watch HTTP/1.1\r\n${host}\r\n`, '\r\n\r\n');
  assert.match(head, /\r\nTransfer-Encoding: chunked\r\n/);
  const { stop } = seen.at(-1) as ApiRequest;
  let stopped = false;
  stop.onStop(() => (stopped = true));
  const events = until(socket, '\r\n');
  take([{ type: 'ADDED', object: {} as never, encoded: () => Buffer.from('one\n') }]);
  assert.equal(await events, '4\r\none\n\r\n');
  const rest = until(socket, '}\n');
  socket.write(`GET /object HTTP/1.1\r\n${host}\r\n`);
  assert.equal(stopped, false);
  endWatch();
  assert.match(await rest, /^0\r\n\r\nHTTP\/1\.1 200 /);
  assert.equal(stopped, true);
});

test('a watcher on a plain connection that leaves is noticed', async () => {
  const socket = await open();
  await ask(socket, `GET /watch HTTP/1.1\r\n${host}\r\n`, '\r\n\r\n');
  const { stop } = seen.at(-1) as ApiRequest;
  const left = new Promise<void>((resolve) => stop.onStop(resolve));
  socket.destroy();
  await left;
  assert.equal(take([{ type: 'ADDED', object: {} as never }]), 'full');
});

test('a long answer is compressed on a plain connection for whoever accepts it', async () => {
  const socket = await open();
  const request = `GET /long HTTP/1.1\r\n${host}Accept-Encoding: gzip\r\nConnection: close\r\n\r\n`;
  const answer = await ask(socket, request, /never/);
  assert.match(answer, /\r\nContent-Encoding: gzip\r\n/);
  assert.match(answer, /\r\nConnection: close\r\n/);
  let body = answer.slice(answer.indexOf('\r\n\r\n') + 4);
  const parts: Buffer[] = [];
  for (let size = Number.parseInt(body, 16); size > 0; size = Number.parseInt(body, 16)) {
    const begin = body.indexOf('\r\n') + 2;
    parts.push(Buffer.from(body.slice(begin, begin + size), 'latin1'));
    body = body.slice(begin + size + 2);
  }
  assert.equal(gunzipSync(Buffer.concat(parts)).length, 2 * long.length);
});

test('a header of an answer never becomes two', async () => {
  const answer = await ask(await open(), `GET /split HTTP/1.1\r\n${host}\r\n`, '}\n');
  assert.match(answer, /^HTTP\/1\.1 500 /);
  assert.doesNotMatch(answer, /Set-Cookie/);
  assert.match(lines.at(-1) as string, /the header x-told has a character/);
});

test('closing ends idle plain connections, and others after their answer', async () => {
  const other = await start();
  const idle = await open(other.port);
  await ask(idle, `GET /object HTTP/1.1\r\n${host}\r\n`, '}\n');
  const busy = await open(other.port);
  const answer = ask(busy, `GET /slow HTTP/1.1\r\n${host}\r\n`, /never/);
  while (seen.at(-1)?.path !== '/slow') await new Promise(setImmediate);
  const closed = other.close(5_000);
  await once(idle, 'close');
  release();
  assert.match(await answer, /\r\nConnection: close\r\n\r\n"late"\n$/);
  await closed;
});
