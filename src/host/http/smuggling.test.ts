import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import type { ApiRequest, ApiResponse } from '../../api/wire.ts';
import type { Instant } from '../../base/env.ts';
import { hostEnv } from '../env.ts';
import { createAuthority, issue } from '../x509/certificate.ts';
import { type HttpServer, serveHttp } from './server.ts';

const now = Date.now() as Instant;
const authority = createAuthority('test-ca', now);
const pair = issue(authority, { subject: { name: 'server' }, use: ['server'], names: ['127.0.0.1'], now });
const host = 'Host: x\r\n';
/** What must never be heard as a request of its own. */
const hidden = `DELETE /hidden HTTP/1.1\r\n${host}\r\n`;

const seen: ApiRequest[] = [];
/** What the log tells. */
const lines: Readonly<Record<string, unknown>>[] = [];
async function transport(asked: ApiRequest): Promise<ApiResponse> {
  seen.push(asked);
  if (asked.path === '/slow') await new Promise((resolve) => setTimeout(resolve, 50));
  return { status: 200, body: { object: { heard: `${asked.method} ${asked.path}` } } };
}

let server: HttpServer;
const sockets: TLSSocket[] = [];
before(async () => {
  const listen = { host: '127.0.0.1', port: 0 };
  const env = hostEnv({ log: { write: (line) => lines.push(JSON.parse(line)) } });
  server = await serveHttp(env, transport, { listen, pair, clientAuthority: authority.certificate });
});
after(async () => {
  for (const socket of sockets) socket.destroy();
  await server.close(100);
});

async function open(): Promise<TLSSocket> {
  const socket = connect({ port: server.port, host: '127.0.0.1', ca: authority.certificate });
  socket.setEncoding('latin1').on('error', () => {});
  sockets.push(socket);
  await once(socket, 'secureConnect');
  return socket;
}

/** All that is answered until the server ends the connection. */
async function said(socket: TLSSocket, text: string): Promise<string> {
  let answer = '';
  socket.on('data', (part: string) => (answer += part));
  socket.write(text, 'latin1');
  if (!socket.closed) await once(socket, 'close');
  return answer;
}

const statuses = (answer: string) => (answer.match(/HTTP\/1\.1 \d+/g) ?? []).map((line) => line.slice(-3));
const post = (headers: string, body: string) => `POST /open HTTP/1.1\r\n${host}${headers}\r\n${body}`;

/** Where its body ends could be read in two ways: what stands behind one of them is hidden from the other. */
const ambiguous: Readonly<Record<string, string>> = {
  'a length and chunks': post(`Content-Length: 5\r\nTransfer-Encoding: chunked\r\n`, `0\r\n\r\n${hidden}`),
  'chunks and a length': post(`Transfer-Encoding: chunked\r\nContent-Length: 5\r\n`, `0\r\n\r\n${hidden}`),
  'two lengths': post(`Content-Length: 0\r\nContent-Length: ${hidden.length}\r\n`, hidden),
  'the same length twice': post(`Content-Length: 0\r\nContent-Length: 0\r\n`, hidden),
  'two lengths in one header': post(`Content-Length: 0, ${hidden.length}\r\n`, hidden),
  'a length with a sign': post(`Content-Length: +0\r\n`, hidden),
  'a length below nothing': post(`Content-Length: -1\r\n`, hidden),
  'a length in another base': post(`Content-Length: 0x10\r\n`, hidden),
  'a length that is a fraction': post(`Content-Length: 0.0\r\n`, hidden),
  'an empty length': post(`Content-Length: \r\n`, hidden),
  'a length behind a space': post(`Content-Length : ${hidden.length}\r\n`, hidden),
  'a length on a folded line': post(`X: a\r\n Content-Length: ${hidden.length}\r\n`, hidden),
  'a folded length': post(`Content-Length:\r\n ${hidden.length}\r\n`, hidden),
  'a length behind a bare line feed': post(`X: a\nContent-Length: ${hidden.length}\r\n`, hidden),
  'a length behind a bare return': post(`X: a\rContent-Length: ${hidden.length}\r\n`, hidden),
  'chunks behind a tab': post(`Transfer-Encoding\t: chunked\r\n`, `0\r\n\r\n${hidden}`),
  'chunks that are no last coding': post(`Transfer-Encoding: chunked, identity\r\n`, `0\r\n\r\n${hidden}`),
  'a coding of another name': post(`Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n`, `0\r\n\r\n${hidden}`),
  'a chunk of no size': post(`Transfer-Encoding: chunked\r\n`, `x\r\n\r\n${hidden}`),
  'a chunk of a size with a sign': post(`Transfer-Encoding: chunked\r\n`, `-1\r\n\r\n${hidden}`),
  'a header without a name': post(`: a\r\n`, hidden),
  'a header without a colon': post(`Content-Length\r\n`, hidden),
  'a head that ends with bare line feeds': `GET /open HTTP/1.1\n${host}\n${hidden}`,
  'two names of the host': `GET /open HTTP/1.1\r\n${host}Host: y\r\n\r\n${hidden}`,
  'no name of the host': `GET /open HTTP/1.1\r\nX: a\r\n\r\n${hidden}`,
  'a version of its own': `GET /open HTTP/1.1 x\r\n${host}\r\n${hidden}`,
};

for (const [what, request] of Object.entries(ambiguous)) {
  test(`nothing is heard behind a request with ${what}`, async () => {
    const before = seen.length;
    const answer = await said(await open(), request);
    assert.deepEqual(
      seen.slice(before).map(({ path }) => path),
      [],
    );
    assert.deepEqual(statuses(answer), ['400'], answer);
    assert.match(answer, /\r\nConnection: close\r\n/i);
    const { message, code, from } = lines.at(-1) ?? {};
    assert.deepEqual({ message, code, from }, { message: 'a request was refused', code: 400, from: '127.0.0.1' });
  });
}

test('a plain request before an ambiguous one is answered, and nothing behind that', async () => {
  const before = seen.length;
  const first = `GET /first HTTP/1.1\r\n${host}\r\n`;
  const answer = await said(await open(), first + (ambiguous['two lengths'] as string) + hidden);
  assert.deepEqual(
    seen.slice(before).map(({ path }) => path),
    ['/first'],
  );
  assert.deepEqual(statuses(answer), ['200', '400']);
});

test('a body is a body, whatever request it looks like', async () => {
  const before = seen.length;
  const last = `GET /last HTTP/1.1\r\n${host}Connection: close\r\n\r\n`;
  const answer = await said(await open(), post(`Content-Length: ${hidden.length}\r\n`, hidden) + last);
  assert.deepEqual(
    seen.slice(before).map(({ path }) => path),
    ['/open', '/last'],
  );
  assert.deepEqual(statuses(answer), ['200', '200']);
});

test('a body that a GET brings is not the next request', async () => {
  const before = seen.length;
  const get = `GET /open HTTP/1.1\r\n${host}Connection: close\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`;
  await said(await open(), get);
  assert.deepEqual(
    seen.slice(before).map(({ path }) => path),
    ['/open'],
  );
});

test('nothing is heard behind the last request of a connection, at once, meanwhile or later', async () => {
  const last = (path: string) => `GET ${path} HTTP/1.1\r\n${host}Connection: close\r\n\r\n`;
  const before = seen.length;
  await said(await open(), last('/at-once') + hidden);
  const meanwhile = await open();
  setTimeout(() => meanwhile.write(hidden), 10);
  await said(meanwhile, last('/slow'));
  // The server ends its half of the connection with the answer; this client keeps its own and goes on.
  const options = { port: server.port, host: '127.0.0.1', ca: authority.certificate, allowHalfOpen: true };
  const socket = connect(options);
  sockets.push(socket);
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  socket.write(last('/later'));
  await once(socket, 'data');
  for (let count = 0; count < 5; count++) {
    socket.write(hidden);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.deepEqual(
    seen.slice(before).map(({ path }) => path),
    ['/at-once', '/slow', '/later'],
  );
});

const frame = (type: number, flags: number, stream: number, body: Buffer): Buffer => {
  const head = Buffer.alloc(9);
  head.writeUIntBE(body.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, body]);
};
const literal = (text: string) => Buffer.concat([Buffer.from([text.length]), Buffer.from(text, 'latin1')]);
type Pairs = readonly (readonly [string, string])[];

/** What was heard of a request that no client library would send: one frame of headers as they are, then others. */
async function heardOfHttp2(pairs: Pairs, body: string | Buffer = ''): Promise<readonly ApiRequest[]> {
  const before = seen.length;
  const options = { port: server.port, host: '127.0.0.1', ca: authority.certificate, ALPNProtocols: ['h2'] };
  const socket = connect(options).on('error', () => {});
  sockets.push(socket);
  await once(socket, 'secureConnect');
  const fields = pairs.map(([name, value]) => Buffer.concat([Buffer.from([0]), literal(name), literal(value)]));
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  socket.write(frame(4, 0, 0, Buffer.alloc(0)));
  socket.write(frame(1, 4, 1, Buffer.concat(fields)));
  socket.write(typeof body === 'string' ? frame(0, 1, 1, Buffer.from(body)) : body);
  // Answered when what was before it has been dealt with.
  socket.write(frame(6, 0, 0, Buffer.from('finished')));
  let answer = '';
  await new Promise<void>((resolve) => {
    socket.once('close', resolve);
    socket.on('data', (part: Buffer) => {
      answer += part.toString('latin1');
      if (answer.includes('finished')) resolve();
    });
  });
  await new Promise((resolve) => setTimeout(resolve, 5));
  socket.destroy();
  return seen.slice(before);
}
const open2: Pairs = [
  [':method', 'POST'],
  [':scheme', 'https'],
  [':authority', 'x'],
  [':path', '/open'],
];
const withPath = (path: string): Pairs => [...open2.slice(0, 3), [':path', path]];

test('a plain request of HTTP/2 is heard, with the host that its connection was routed by', async () => {
  const heard = await heardOfHttp2([...open2, ['host', 'y'], ['x-a', 'b']], 'hello');
  assert.deepEqual(
    heard.map(({ path, headers }) => [path, { ...headers }]),
    [['/open', { host: 'x', 'x-a': 'b' }]],
  );
});

test('a header of HTTP/2 never becomes two', async () => {
  for (const [name, value] of [
    ['x-a', 'a\r\nimpersonate-user: admin'],
    ['x-a', 'a\nimpersonate-user: admin'],
    ['x-a\r\nimpersonate-user', 'admin'],
    ['x-a: b\r\nimpersonate-user', 'admin'],
    ['x-a', 'a\u0000b'],
    ['Impersonate-User', 'admin'],
  ] as const) {
    for (const { headers } of await heardOfHttp2([...open2, [name, value]])) {
      assert.equal(headers['impersonate-user'], undefined);
      assert.doesNotMatch(JSON.stringify(headers), /admin|\\u0000/);
    }
  }
});

test('what frames a message of HTTP/1.1 makes a request of HTTP/2 a broken one', async () => {
  for (const [name, value] of [
    ['transfer-encoding', 'chunked'],
    ['connection', 'keep-alive, impersonate-user'],
    ['upgrade', 'websocket'],
    ['keep-alive', '1'],
    ['proxy-connection', 'close'],
    ['te', 'trailers, deflate'],
    [':status', '200'],
    [':path', '/hidden'],
  ] as const) {
    assert.deepEqual(await heardOfHttp2([...open2, [name, value]], `0\r\n\r\n${hidden}`), [], name);
  }
  assert.deepEqual(await heardOfHttp2([['x-a', 'b'], ...open2]), [], 'pseudo headers come first');
  assert.deepEqual(await heardOfHttp2(open2.slice(0, 3)), [], 'a path is needed');
});

test('a length of HTTP/2 that is not the length of the body is refused', async () => {
  for (const length of ['1', '0', '999', '-1', '5, 1']) {
    assert.deepEqual(await heardOfHttp2([...open2, ['content-length', length]], 'hello'), [], length);
  }
});

test('a body of HTTP/2 that is broken off is no shorter body', async () => {
  for (const code of [0, 8]) {
    const reset = frame(3, 0, 1, Buffer.from([0, 0, 0, code]));
    assert.deepEqual(await heardOfHttp2(open2, Buffer.concat([frame(0, 0, 1, Buffer.from('hello')), reset])), []);
  }
});

test('a path of HTTP/2 with a request in it is none, and stays one path', async () => {
  for (const path of [`/open HTTP/1.1\r\n${host}\r\n${hidden}`, '/open\r\n/hidden', '/open /hidden', 'hidden', '*']) {
    for (const heard of await heardOfHttp2(withPath(path))) assert.notEqual(heard.path, '/hidden');
  }
});

test('who somebody is cannot be said in headers that only a proxy in front may send', async () => {
  const socket = await open();
  const headers = 'X-Remote-User: admin\r\nX-Remote-Group: system:masters\r\nX-Forwarded-Client-Cert: x\r\n';
  await said(socket, `GET /who HTTP/1.1\r\n${host}${headers}Connection: close\r\n\r\n`);
  assert.equal(seen.at(-1)?.path, '/who');
  assert.equal(seen.at(-1)?.caller, undefined);
});

/** A body whose length nobody said: Node's own client sends such with DELETE. */
const unsaid = '{"kind":"DeleteOptions","propagationPolicy":"Orphan"}';
const unusual = `DELETE /slow HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`;
const behindAnother: Readonly<Record<string, readonly string[]>> = {
  'a body that nobody announced': [`DELETE /slow HTTP/1.1\r\n${host}\r\n${unsaid}`],
  'the same later': [`DELETE /slow HTTP/1.1\r\n${host}\r\n`, unsaid],
  'the same behind an unusual request': [unusual + unsaid],
  'the same later, behind an unusual request': [unusual, unsaid],
  'a method that nobody knows': [`${unusual}FOO /open HTTP/1.1\r\n${host}\r\n`],
  'the same method later': [unusual, `FOO /open HTTP/1.1\r\n${host}\r\n`],
  'a body, and another': [unusual + unsaid, unsaid, unsaid],
};

for (const [what, parts] of Object.entries(behindAnother)) {
  test(`a request is answered, and the connection ends, where ${what} stands behind it`, async () => {
    const socket = await open();
    let answer = '';
    socket.on('data', (part: string) => (answer += part));
    for (const part of parts) {
      socket.write(part, 'latin1');
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    if (!socket.closed) await once(socket, 'close');
    assert.equal(statuses(answer)[0], '200', answer);
    assert.doesNotMatch(answer, /heard":"(?!DELETE \/slow")/);
    assert.deepEqual(statuses(await said(await open(), `GET /open HTTP/1.1\r\n${host}Connection: close\r\n\r\n`)), [
      '200',
    ]);
  });
}
