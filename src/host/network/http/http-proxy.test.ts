import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as ask } from 'node:http';
import {
  connect as connectHttp2,
  createServer as createHttp2,
  type Http2Server,
  type ServerHttp2Stream,
} from 'node:http2';
import { type AddressInfo, connect, createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import type { Instant } from '../../../base/env.ts';
import { hostEnv } from '../../env.ts';
import { createAuthority, issue } from '../../x509/certificate.ts';
import { backend, clean, cleanups, forward, pool, proxyOf, raw, tableOf } from './proxy.test-data.ts';

afterEach(clean);

const get = async (port: number, path = '/', init: RequestInit = {}) => {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, init);
  return { status: answer.status, text: await answer.text(), headers: answer.headers };
};

test('HttpProxy forwards a request with its body, keeps connections and takes turns', async () => {
  const [a, b] = [await backend('a'), await backend('b')];
  const { port } = await proxyOf(tableOf(forward(pool([a, b]))));
  const names: string[] = [];
  for (let round = 0; round < 6; round++) {
    const { text } = await get(port, '/x?y=1', { method: 'POST', body: `body ${round}`, headers: { 'x-a': 'b' } });
    const seen = JSON.parse(text);
    names.push(seen.name);
    assert.deepEqual([seen.method, seen.url, seen.body], ['POST', '/x?y=1', `body ${round}`]);
    assert.equal(seen.headers['x-a'], 'b');
    assert.equal(seen.headers['x-forwarded-for'], '127.0.0.1');
  }
  assert.deepEqual(names, ['a', 'b', 'a', 'b', 'a', 'b']);
  assert.deepEqual([a.connections(), b.connections()], [1, 1]);
});

test('HttpProxy answers requests one after another that came at once', async () => {
  const { port } = await proxyOf(tableOf(forward(pool([await backend('a')]))));
  const one = (path: string, more = '') => `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n${more}\r\nok`;
  const answers = await raw(port, one('/1') + one('/2') + one('/3', 'Connection: close\r\n'));
  assert.deepEqual(
    [...answers.matchAll(/"url":"(\/\d)","body":"(ok)"/g)].map(([, path, body]) => [path, body]),
    ['/1', '/2', '/3'].map((path) => [path, 'ok']),
  );
});

test('HttpProxy refuses what it cannot read with a reason, and reads nothing behind it', async () => {
  const a = await backend('a');
  const { port } = await proxyOf(tableOf(forward(pool([a]))));
  const smuggled = 'GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n';
  const rows: readonly (readonly [string, RegExp])[] = [
    [
      `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
      /^HTTP\/1.1 400 .*both Content-Length/s,
    ],
    [`GET / HTTP/1.1\r\nHost: a b\r\n\r\n${smuggled}`, /^HTTP\/1.1 400 .*Host header/s],
    [`GET / HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(40_000)}`, /^HTTP\/1.1 431 /],
    ['CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n', /^HTTP\/1.1 405 /],
    ['GET /../x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', /^HTTP\/1.1 400 .*path/s],
    ['nonsense\r\n\r\n', /^HTTP\/1.1 400 /],
  ];
  for (const [request, expected] of rows) {
    const answer = await raw(port, request);
    assert.match(answer, expected);
    assert.equal(answer.match(/HTTP\/1\.1 /g)?.length, 1);
  }
  assert.equal(a.connections(), 0);
});

test('HttpProxy asks another backend when one is dead, and says what is wrong when all are', async () => {
  const [dead, alive] = [await backend('dead'), await backend('alive')];
  dead.end();
  const { proxy, port } = await proxyOf(tableOf(forward(pool([dead, alive]))));
  for (let round = 0; round < 4; round++) {
    const { status, text } = await get(port, '/', { method: 'POST', body: 'x' });
    assert.deepEqual([status, JSON.parse(text).name, JSON.parse(text).body], [200, 'alive', 'x']);
  }
  await proxy.replace(tableOf(forward(pool([dead]))));
  const none = await get(port);
  assert.equal(none.status, 502);
  assert.match(none.text, /^no backend of default\/web:80 answered: connect ECONNREFUSED/);
  await proxy.replace(tableOf(forward(pool([]))));
  assert.deepEqual(
    [(await get(port)).status, (await get(port)).text],
    [503, 'no backend of default/web:80 is ready\n'],
  );
});

test('HttpProxy repeats what may be repeated when a backend hangs up, and nothing else', async () => {
  let asked = 0;
  const rude = await backend('rude', (request) => {
    asked++;
    request.socket.destroy();
  });
  const polite = await backend('polite');
  const { proxy, port } = await proxyOf(tableOf(forward(pool([rude, polite]))));
  assert.equal(JSON.parse((await get(port)).text).name, 'polite');
  await proxy.replace(tableOf(forward(pool([rude]))));
  const before = asked;
  assert.equal((await get(port, '/', { method: 'POST', body: 'x' })).status, 502);
  assert.equal(asked, before + 1);
});

test('HttpProxy gives up a rule’s time with 504, and a try’s time for another try', async () => {
  const silent = await backend('silent', () => {});
  const quick = await backend('quick');
  const slow = forward(pool([silent, quick]));
  const { proxy, port } = await proxyOf(tableOf({ ...slow, requestMs: 60 } as never));
  const answers = [await get(port), await get(port)].map(({ status }) => status).sort();
  assert.deepEqual(answers, [200, 504]);
  await proxy.replace(tableOf({ ...slow, backendMs: 60 } as never));
  assert.deepEqual([(await get(port)).status, (await get(port)).status], [200, 200]);
});

test('HttpProxy loses no request while its backends change', async () => {
  const old = await backend('old');
  const { proxy, port } = await proxyOf(tableOf(forward(pool([old]))));
  const answers: Promise<{ status: number; text: string }>[] = [];
  let next = old;
  for (let round = 0; round < 60; round++) {
    answers.push(get(port, `/${round}`));
    if (round % 10 === 5) {
      const before = next;
      next = await backend(`new ${round}`);
      await proxy.replace(tableOf(forward(pool([next]))));
      await Promise.all(answers);
      before.end();
    }
  }
  assert.deepEqual(new Set((await Promise.all(answers)).map(({ status }) => status)), new Set([200]));
  assert.equal(JSON.parse((await get(port)).text).name, 'new 55');
});

test('HttpProxy passes pieces on as they come, and slows down who is faster than his reader', async () => {
  const total = 64 * 1024 * 1024;
  let written = 0;
  const piece = Buffer.alloc(64 * 1024, 'x');
  const big = await backend('big', (request, response) => {
    if (request.url === '/events') {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: 1\n\n');
      return void setTimeout(() => response.end('data: 2\n\n'), 50);
    }
    const more = () => {
      while (written < total) {
        written += piece.length;
        if (!response.write(piece)) return void response.once('drain', more);
      }
      response.end();
    };
    more();
  });
  const { port } = await proxyOf(tableOf(forward(pool([big]))));
  const events = await fetch(`http://127.0.0.1:${port}/events`);
  const reader = (events.body as ReadableStream<Uint8Array>).getReader();
  assert.equal(new TextDecoder().decode((await reader.read()).value), 'data: 1\n\n');
  assert.equal(new TextDecoder().decode((await reader.read()).value), 'data: 2\n\n');
  const asking = ask({ port, host: '127.0.0.1', path: '/big' }).end();
  const [answer] = await once(asking, 'response');
  answer.pause();
  await new Promise((resolve) => setTimeout(resolve, 150));
  assert.ok(written < total / 2, `${written} bytes were taken from the backend while nobody read`);
  let length = 0;
  for await (const bytes of answer) length += bytes.length;
  assert.equal(length, total);
});

test('HttpProxy takes the end of a connection for the end of an answer without a length, as old backends mean it', async () => {
  const server = createServer((socket) => {
    socket.once('data', () => {
      socket.write('HTTP/1.0 200 OK\r\nX-Old: yes\r\n\r\nfirst ');
      setTimeout(() => socket.end('last'), 20);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => server.close());
  const to = { ip: '127.0.0.1', port: (server.address() as AddressInfo).port };
  const { port } = await proxyOf(tableOf(forward(pool([to]))));
  assert.equal((await get(port)).text, 'first last');
  const old = await raw(port, 'GET / HTTP/1.0\r\n\r\n');
  assert.match(old, /^HTTP\/1\.1 200 OK\r\nX-Old: yes\r\nConnection: close\r\n\r\nfirst last$/);
});

test('HttpProxy sees what changed between two requests of one client', async () => {
  const { port } = await proxyOf(tableOf(forward(pool([await backend('a')]))));
  const one = (headers: string) => `GET / HTTP/1.1\r\nHost: x\r\n${headers}\r\n`;
  const answers = await raw(port, one('X-A: 1\r\n') + one('X-A: 1\r\n') + one('X-A: 2\r\nConnection: close\r\n'));
  assert.deepEqual(
    [...answers.matchAll(/"x-a":"(\d)"/g)].map(([, value]) => value),
    ['1', '1', '2'],
  );
});

test('HttpProxy tells a client that an answer broke off', async () => {
  const broken = await backend('broken', (_request, response) => {
    response.writeHead(200, { 'content-length': '10' });
    response.write('half');
    setTimeout(() => response.socket?.destroy(), 20);
  });
  const { port } = await proxyOf(tableOf(forward(pool([broken]))));
  await assert.rejects(get(port));
});

test('HttpProxy refuses a body that is longer than anybody may send', async () => {
  const a = await backend('a');
  const { port } = await proxyOf(tableOf(forward(pool([a]))));
  const answer = await raw(port, 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999\r\n\r\nx');
  assert.match(answer, /^HTTP\/1\.1 413 [\s\S]*longer than 4294967296 bytes\n$/);
  assert.equal(a.connections(), 0);
});

test('HttpProxy waits for nobody without end', async () => {
  const env = hostEnv({ log: { level: 'error' } });
  let ahead = 0;
  const clock = { ...env.clock, monotonic: () => env.clock.monotonic() + ahead };
  const silent = await backend('silent', () => {});
  const { port } = await proxyOf(tableOf(forward(pool([silent]))), { env: { ...env, clock } });
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  await once(session, 'connect');
  const ends = Promise.all([
    raw(port, 'GET / HTTP/1.1\r\nHost: '),
    raw(port),
    raw(port, 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'),
    once(session, 'close'),
  ]);
  while (silent.connections() === 0) await new Promise((resolve) => setImmediate(resolve));
  // The proxy looks now and then: what is still under way when it first looks has a minute from there.
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  ahead = 100_000;
  const [slow, idle, waiting] = await ends;
  assert.match(slow, /^HTTP\/1\.1 408 /);
  assert.equal(idle, '');
  assert.match(waiting, /^HTTP\/1\.1 504 [\s\S]*default\/web:80 did not answer within 60000 ms\n$/);
});

test('HttpProxy joins both ends of a connection that leaves HTTP', async () => {
  const server = createServer((socket) => {
    socket.once('data', (head) => {
      assert.match(String(head), /^GET \/ws HTTP\/1.1\r\n[\s\S]*Connection: Upgrade\r\nUpgrade: websocket\r\n/);
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-A: b\r\n\r\nhi');
      socket.on('data', (bytes) => socket.write(`echo ${bytes}`));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => server.close());
  const to = { ip: '127.0.0.1', port: (server.address() as AddressInfo).port };
  const { port } = await proxyOf(tableOf(forward(pool([to]))));
  const socket = connect(port, '127.0.0.1');
  socket.write('GET /ws HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n');
  let seen = '';
  socket.on('data', (bytes) => (seen += bytes));
  while (!seen.endsWith('hi')) await once(socket, 'data');
  assert.match(
    seen,
    /^HTTP\/1.1 101 Switching Protocols\r\nX-A: b\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhi$/,
  );
  socket.write('there');
  while (!seen.endsWith('echo there')) await once(socket, 'data');
  socket.destroy();
});

async function http2Backend(): Promise<{ ip: string; port: number }> {
  const server: Http2Server = createHttp2();
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    let body = '';
    stream.on('data', (bytes) => (body += bytes));
    stream.on('end', () => stream.end(`${headers[':path']} ${headers.te} ${body}`));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => server.close());
  return { ip: '127.0.0.1', port: (server.address() as AddressInfo).port };
}

test('HttpProxy carries HTTP/2 without TLS to backends that speak it, with what stands behind the body', async () => {
  const { port } = await proxyOf(tableOf(forward(pool([await http2Backend()], { protocol: 'h2c' }))));
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  cleanups.push(() => session.close());
  const stream = session.request({ ':method': 'POST', ':path': '/svc/Call', te: 'trailers' });
  stream.end('message');
  const [[headers], [trailers], body] = await Promise.all([
    once(stream, 'response'),
    once(stream, 'trailers'),
    text(stream),
  ]);
  assert.deepEqual([headers[':status'], headers['content-type']], [200, 'application/grpc']);
  assert.equal(trailers['grpc-status'], '0');
  assert.equal(body, '/svc/Call trailers message');
  session.close();
  await once(session, 'close');
});

test('HttpProxy translates between HTTP/2 and HTTP/1 in both directions', async () => {
  const { proxy, port } = await proxyOf(tableOf(forward(pool([await backend('a')]))));
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  const stream = session.request({ ':method': 'PUT', ':path': '/x', cookie: 'a=1', 'x-a': 'b' });
  stream.end('body');
  const seen = JSON.parse(await text(stream));
  assert.deepEqual(
    [seen.method, seen.url, seen.body, seen.headers['x-a'], seen.headers.cookie],
    ['PUT', '/x', 'body', 'b', 'a=1'],
  );
  session.close();
  await once(session, 'close');
  await proxy.replace(tableOf(forward(pool([await http2Backend()], { protocol: 'h2c' }))));
  assert.equal((await get(port, '/y', { method: 'POST', body: 'up' })).text, '/y trailers up');
});

test('HttpProxy shows the certificate of the name that is asked for, and one of its own for others', async () => {
  const now = Date.now() as Instant;
  const authority = createAuthority('test', now);
  const pair = issue(authority, { subject: { name: 'a.com' }, use: ['server'], names: ['a.com', '*.b.com'], now });
  const table = tableOf(forward(pool([await backend('a')])), true);
  const certificates = [{ hosts: ['a.com', '*.b.com'], ...pair }];
  const { port } = await proxyOf({ listeners: table.listeners.map((listener) => ({ ...listener, certificates })) });
  const shown = async (servername: string, protocols = ['http/1.1']) => {
    const options = { port, host: '127.0.0.1', ...(servername ? { servername } : {}), ALPNProtocols: protocols };
    const socket = connectTls({ ...options, rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    const found = [socket.getPeerCertificate().subject.CN, socket.alpnProtocol];
    socket.write(`GET / HTTP/1.1\r\nHost: ${servername || 'x'}\r\nConnection: close\r\n\r\n`);
    if (socket.alpnProtocol === 'h2') socket.destroy();
    else assert.match(await text(socket), /"x-forwarded-proto":"https"/);
    return found;
  };
  assert.deepEqual(await shown('a.com'), ['a.com', 'http/1.1']);
  assert.deepEqual(await shown('x.b.com'), ['a.com', 'http/1.1']);
  assert.deepEqual(await shown('y.x.b.com'), ['mini-k8s ingress', 'http/1.1']);
  assert.deepEqual(await shown(''), ['mini-k8s ingress', 'http/1.1']);
  assert.deepEqual(await shown('a.com', ['h2', 'http/1.1']), ['a.com', 'h2']);
});

test('HttpProxy ends a port that left the table when its last request is answered', async () => {
  let release: (() => void) | undefined;
  const slow = await backend('slow', (_request, response) => {
    release = () => response.end('done');
  });
  const { proxy, port } = await proxyOf(tableOf(forward(pool([slow]))));
  const running = get(port);
  while (!release) await new Promise((resolve) => setImmediate(resolve));
  await proxy.replace({ listeners: [] });
  await assert.rejects(get(port));
  release();
  const { text: body, headers } = await running;
  assert.deepEqual([body, headers.get('connection')], ['done', 'close']);
});

test('HttpProxy copies requests to mirrors, whose answers nobody sees', async () => {
  const seen: string[] = [];
  const mirror = await backend('mirror', (request, response) => {
    request.on('data', (bytes) => seen.push(String(bytes)));
    request.on('end', () => response.writeHead(500).end());
  });
  const copy = { pool: pool([mirror], { name: 'default/copy:80' }), numerator: 1, denominator: 1 };
  const action = { ...forward(pool([await backend('a')])), mirrors: [copy] };
  const { port } = await proxyOf(tableOf(action as never));
  const answer = await get(port, '/', { method: 'POST', body: 'both' });
  assert.deepEqual([answer.status, JSON.parse(answer.text).name], [200, 'a']);
  while (seen.length === 0) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(seen, ['both']);
});

test('HttpProxy writes a line for each request where it is asked to', async () => {
  const lines: string[] = [];
  const to = await backend('a');
  const { port } = await proxyOf(tableOf(forward(pool([to]))), { accessLog: (line) => lines.push(line) });
  await get(port, '/x?y');
  const { time, durationMs, bytes, host, ...rest } = JSON.parse(lines[0] as string);
  assert.ok(Date.parse(time) > 0 && durationMs >= 0 && bytes > 0 && host === `127.0.0.1:${port}`);
  const route = { route: 'test', backend: `127.0.0.1:${to.port}` };
  assert.deepEqual(rest, { client: '127.0.0.1', method: 'GET', target: '/x?y', status: 200, ...route });
});
