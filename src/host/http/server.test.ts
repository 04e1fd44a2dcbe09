import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { Agent, type RequestOptions, request } from 'node:https';
import { connect as connectTcp, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { type ConnectionOptions, connect as connectTls, type SecureVersion } from 'node:tls';
import { gunzipSync } from 'node:zlib';
import { ApiError } from '../../api/error.ts';
import type { ApiRequest, ApiResponse, WatchEvent } from '../../api/wire.ts';
import type { Instant } from '../../base/env.ts';
import { hostEnv } from '../env.ts';
import { createAuthority, issue } from '../x509/certificate.ts';
import { type HttpServer, serveHttp } from './server.ts';

const now = Date.now() as Instant;
const authority = createAuthority('test-ca', now);
const stranger = createAuthority('test-ca', now);
const pair = issue(authority, { subject: { name: 'server' }, use: ['server'], names: ['localhost', '127.0.0.1'], now });
const asUser = { subject: { name: 'jane', groups: ['devs'] }, use: ['client'] as const, now };
const jane = issue(authority, asUser);
const mallory = issue(stranger, asUser);

const long = Buffer.from('0123456789abcdef'.repeat(20_000));
const lines: string[] = [];
const env = { ...hostEnv({ log: { write: (line) => lines.push(line) } }) };
const seen: ApiRequest[] = [];
let stopped = 0;
let push: (batch: readonly WatchEvent[]) => 'more' | 'full' = () => 'more';
let endWatch: (error?: unknown) => void = () => {};
/** Called when the next watch can be ended. */
let watched: () => void = () => {};

async function transport(asked: ApiRequest): Promise<ApiResponse> {
  seen.push(asked);
  switch (asked.path) {
    case '/object':
      return { status: 200, body: { object: { hello: 'wörld' } } };
    case '/chunks':
      return { status: 200, chunks: [Buffer.from('{"a":'), Buffer.from('1}\n')], mediaType: 'application/json' };
    case '/long':
      return { status: 200, chunks: [long, long], mediaType: 'application/json', headers: { 'Audit-Id': 'mine' } };
    case '/pieces':
      return { status: 200, pieces: pieces(), mediaType: 'application/json' };
    case '/watch':
      asked.stop.onStop(() => stopped++);
      return { status: 200, mediaType: 'application/json', watch: watching };
    case '/stream':
      return { status: 200, mediaType: 'text/plain', stream: words() };
    case '/relayed':
      // Whoever passes a request on does so only while somebody waits for the answer.
      await new Promise((resolve) => setImmediate(resolve));
      return { status: asked.stop.stopped ? 503 : 200, mediaType: 'text/plain', stream: words() };
    case '/body':
      return { status: 201, body: asked.body && 'bytes' in asked.body ? asked.body : { object: null } };
    case '/upgrade':
      if (!asked.duplex) throw new ApiError('BadRequest', 'Upgrade request required');
      return { status: 101, upgrade: 'SPDY/3.1', headers: { 'X-Stream-Protocol-Version': 'v4' }, serve: echo };
    case '/bug':
      throw new TypeError('oops');
    default:
      throw new ApiError('NotFound', 'no such path', { retryAfterSeconds: 3 });
  }
}

const watching = {
  onBatch: (take: typeof push) => {
    push = take;
  },
  onEnd: (done: typeof endWatch) => {
    endWatch = done;
    watched();
  },
};

/** The long text three times, in as many pieces as the rooms are large, and broken on the way where that is wanted. */
let breaks = false;
function pieces() {
  const whole = Buffer.concat([long, long, long]);
  let at = 0;
  return {
    fill: async (room: Uint8Array) => {
      if (breaks && at > 0) throw new Error('broken');
      const part = whole.subarray(at, at + room.length - 3);
      room.set(part);
      at += part.length;
      return part.length;
    },
    onEnd: () => {},
  };
}

async function* words() {
  yield Buffer.from('one ');
  yield Buffer.from('two');
}

async function echo(peer: NonNullable<ApiRequest['duplex']>) {
  for await (const bytes of peer.incoming) {
    await peer.write(bytes);
    if (bytes.at(-1) === 0x2e) return;
  }
}

let server: HttpServer;
const agents: Agent[] = [];
before(async () => {
  const insecure = { host: '127.0.0.1', port: 0, caller: { name: 'admin', groups: ['system:masters'], extra: {} } };
  const listen = { host: '127.0.0.1', port: 0 };
  server = await serveHttp(env, transport, { listen, pair, clientAuthority: authority.certificate, insecure });
});
after(async () => {
  for (const agent of agents) agent.destroy();
  await server.close(100);
});

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

function ask(path: string, options: RequestOptions & { send?: Buffer | string } = {}): Promise<Answer> {
  const agent = new Agent({ keepAlive: false });
  agents.push(agent);
  const all = { port: server.port, host: '127.0.0.1', path, ca: authority.certificate, agent, ...options };
  return new Promise((resolve, reject) => {
    const outgoing = request(all, (incoming) => {
      const parts: Buffer[] = [];
      incoming.on('data', (part) => parts.push(part));
      incoming.on('end', () =>
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: Buffer.concat(parts) }),
      );
      incoming.on('error', reject);
    });
    outgoing.on('error', reject);
    outgoing.end(options.send);
  });
}

const userCertificate = { cert: jane.certificate, key: jane.key };
const session = (options: object = {}) =>
  connectHttp2(`https://127.0.0.1:${server.port}`, { ca: authority.certificate, ...userCertificate, ...options });
const event = (name: string): WatchEvent => ({ type: 'ADDED', object: { metadata: { name } } as never });
const json = (answer: Answer) => JSON.parse(answer.body.toString());

test('HTTP/1.1 answers an object with the headers that Kubernetes has, and a newline at its end', async () => {
  const answer = await ask('/object?command=a&command=b%20c', userCertificate);
  assert.equal(answer.body.toString(), '{"hello":"wörld"}\n');
  assert.equal(answer.headers['content-type'], 'application/json');
  assert.equal(answer.headers['cache-control'], 'no-cache, private');
  assert.equal(answer.headers['content-length'], '19');
  assert.match(String(answer.headers['audit-id']), /^[0-9a-f-]{36}$/);
  const asked = seen.at(-1) as ApiRequest;
  assert.deepEqual(asked.query, [
    ['command', 'a'],
    ['command', 'b c'],
  ]);
  assert.equal(asked.caller?.name, 'jane');
  assert.deepEqual(asked.caller?.groups, ['devs', 'system:authenticated']);
});

test('no certificate means no caller, and a certificate of a stranger is 401 unless there is a token', async () => {
  await ask('/object');
  assert.equal(seen.at(-1)?.caller, undefined);
  const strange = { cert: mallory.certificate, key: mallory.key };
  const count = seen.length;
  const refused = await ask('/object', strange);
  assert.deepEqual([refused.status, json(refused).reason, json(refused).code], [401, 'Unauthorized', 401]);
  assert.equal(seen.length, count);
  assert.equal((await ask('/object', { ...strange, headers: { authorization: 'Bearer x' } })).status, 200);
  assert.equal(seen.at(-1)?.caller, undefined);
});

test('HTTP/2 serves objects, cached chunks, bodies and errors on one connection', async () => {
  const client = session();
  const get = async (path: string, method = 'GET', send?: string) => {
    const stream = client.request({ ':path': path, ':method': method, 'content-type': 'application/json' });
    const [headers] = (await Promise.all([once(stream, 'response'), stream.end(send)]))[0];
    const parts: Buffer[] = [];
    for await (const part of stream) parts.push(part);
    return { headers, text: Buffer.concat(parts).toString() };
  };
  assert.equal((await get('/object')).text, '{"hello":"wörld"}\n');
  assert.equal(seen.at(-1)?.caller?.name, 'jane');
  assert.equal((await get('/chunks')).text, '{"a":1}\n');
  assert.equal((await get('/body', 'POST', '{"x":1}')).text, '{"x":1}');
  assert.equal((await get('/long')).text.length, 2 * long.length);
  assert.equal((await get('/relayed', 'HEAD')).headers[':status'], 200);
  assert.equal((await get('/object', 'HEAD')).headers['content-length'], '19');
  const missing = await get('/nothing');
  assert.deepEqual([missing.headers[':status'], missing.headers['retry-after']], [404, '3']);
  client.close();
});

for (const version of [1, 2]) {
  test(`a watch over HTTP/${version} gets batches at once and its source hears when the client leaves`, async () => {
    const before = stopped;
    let read: (() => Promise<string>) | undefined;
    let leave = () => {};
    if (version === 1) {
      const agent = new Agent();
      agents.push(agent);
      const outgoing = request({
        port: server.port,
        host: '127.0.0.1',
        path: '/watch',
        ca: authority.certificate,
        agent,
      });
      const [incoming] = await Promise.all([once(outgoing, 'response').then(([first]) => first), outgoing.end()]);
      assert.equal(incoming.headers['transfer-encoding'], 'chunked');
      read = async () => String((await once(incoming, 'data'))[0]);
      outgoing.on('error', () => {});
      incoming.on('error', () => {});
      leave = () => void outgoing.destroy();
    } else {
      const client = session();
      const stream = client.request({ ':path': '/watch' });
      await once(stream, 'response');
      read = async () => String((await once(stream, 'data'))[0]);
      leave = () => client.destroy();
    }
    const first = read();
    assert.equal(push([event('a'), event('b')]), 'more');
    assert.deepEqual(
      (await first)
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).object.metadata.name),
      ['a', 'b'],
    );
    const second = read();
    push([{ ...event('c'), encoded: (type) => Buffer.from(`framed ${type}\n`) }]);
    assert.equal(await second, 'framed application/json\n');
    const gone = new Promise<void>((resolve) => (seen.at(-1) as ApiRequest).stop.onStop(resolve));
    leave();
    await gone;
    assert.equal(stopped, before + 1);
  });
}

test('a watch that fails ends with an ERROR event that says why', async () => {
  const begun = new Promise<void>((resolve) => (watched = resolve));
  const answer = ask('/watch');
  await begun;
  endWatch(new ApiError('Expired', 'too old'));
  const failed = json(await answer);
  assert.deepEqual([failed.type, failed.object.reason, failed.object.code], ['ERROR', 'Expired', 410]);
});

test('a watcher that does not read is told to be closed, never skipped', async () => {
  const outgoing = request({
    port: server.port,
    host: '127.0.0.1',
    path: '/watch',
    ca: authority.certificate,
    agent: false,
  });
  outgoing.on('error', () => {});
  outgoing.end();
  const [incoming] = await once(outgoing, 'response');
  incoming.pause();
  const bulk = { ...event('bulk'), encoded: () => Buffer.alloc(1024 * 1024, 'x') };
  let pushes = 0;
  while (push([bulk]) === 'more') {
    await new Promise(setImmediate);
    assert.ok(++pushes < 200, 'the backlog has no bound');
  }
  outgoing.destroy();
});

test('a long answer is compressed for whoever accepts it, and whole for whoever does not', async () => {
  const packed = await ask('/long', { headers: { 'accept-encoding': 'br, gzip;q=0.5' } });
  assert.equal(packed.headers['content-encoding'], 'gzip');
  assert.equal(packed.headers['audit-id'], 'mine');
  assert.equal(gunzipSync(packed.body).length, 2 * long.length);
  const plain = await ask('/long', { headers: { 'accept-encoding': 'gzip;q=0' } });
  assert.equal(plain.headers['content-encoding'], undefined);
  assert.equal(plain.body.length, 2 * long.length);
});

test('an answer in pieces arrives whole, compressed for whoever accepts it, and cut where it breaks', async () => {
  const whole = Buffer.concat([long, long, long]);
  const plain = await ask('/pieces');
  assert.equal(plain.body.equals(whole), true);
  const packed = await ask('/pieces', { headers: { 'accept-encoding': 'gzip' } });
  assert.equal(packed.headers['content-encoding'], 'gzip');
  assert.equal(gunzipSync(packed.body).equals(whole), true);
  assert.equal((await ask('/pieces', { method: 'HEAD' })).body.length, 0);
  breaks = true;
  await assert.rejects(ask('/pieces'));
  breaks = false;
});

test('HEAD has the headers of GET and no body; an unknown method is 405', async () => {
  const head = await ask('/object', { method: 'HEAD' });
  assert.deepEqual([head.status, head.headers['content-length'], head.body.length], [200, '19', 0]);
  const odd = await ask('/object', { method: 'PROPFIND' });
  assert.deepEqual([odd.status, json(odd).reason], [405, 'MethodNotAllowed']);
});

test('a method that the parser does not know is answered as its path deserves, and what is no HTTP with 400', async () => {
  const send = async (text: string) => {
    const socket = connectTls({ port: server.port, host: '127.0.0.1', ca: authority.certificate, ...userCertificate });
    socket.write(text);
    let answer = '';
    for await (const part of socket) answer += part;
    return answer;
  };
  const answer = await send('FOO /object HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\n\r\n');
  assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/);
  const asked = seen.at(-1) as ApiRequest;
  assert.deepEqual([asked.method, asked.path, asked.headers.authorization], ['OPTIONS', '/object', 'Bearer t']);
  assert.match(await send('\x00\x01nonsense\r\n\r\n'), /^HTTP\/1\.1 400 /);
});

test('a body above the limit is 413, announced or not, and one below arrives whole', async () => {
  const big = Buffer.alloc(3 * 1024 * 1024 + 1, 'x');
  const headers = { 'content-type': 'application/yaml' };
  const announced = await ask('/body', {
    method: 'POST',
    headers: { ...headers, 'content-length': big.length },
    send: big,
  });
  assert.deepEqual([announced.status, json(announced).reason], [413, 'RequestEntityTooLarge']);
  const chunked = { ...headers, 'transfer-encoding': 'chunked' };
  assert.equal((await ask('/body', { method: 'POST', headers: chunked, send: big })).status, 413);
  const fits = await ask('/body', { method: 'POST', headers: chunked, send: big.subarray(1) });
  assert.deepEqual(
    [fits.status, fits.headers['content-type'], fits.body.length],
    [201, 'application/yaml', big.length - 1],
  );
});

test('who asks only once and sends too much comes to the end of it before the connection ends', async () => {
  const socket = connectTls({ port: server.port, host: '127.0.0.1', ca: authority.certificate, ...userCertificate });
  await once(socket, 'secureConnect');
  let text = '';
  socket.on('data', (part) => {
    text += part;
  });
  const size = 4 * 1024 * 1024;
  socket.write(`POST /body HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${size}\r\n\r\n`);
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(text, '');
  // Fails when the other side has closed.
  await new Promise<void>((resolve, reject) =>
    socket.write(Buffer.alloc(size, 'x'), (error) => (error ? reject(error) : resolve())),
  );
  await once(socket, 'end');
  assert.match(text, /^HTTP\/1\.1 413 .*Connection: close.*RequestEntityTooLarge/s);
});

test('a long body that comes while long answers are still on their way is read to its end', async () => {
  const socket = connectTls({ port: server.port, host: '127.0.0.1', ca: authority.certificate, ...userCertificate });
  await once(socket, 'secureConnect');
  const body = Buffer.alloc(400_000, 'x');
  const answers = 4;
  socket.write('GET /long HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(answers));
  socket.write(`POST /body HTTP/1.1\r\nHost: localhost\r\nContent-Type: a/b\r\nContent-Length: ${body.length}\r\n\r\n`);
  socket.write(body);
  let text = '';
  for await (const part of socket) {
    text += part;
    if (text.endsWith(body.toString('latin1', 0, 1000)) && text.length > answers * 2 * long.length + body.length) break;
  }
  assert.equal(text.match(/HTTP\/1.1 200/g)?.length, answers);
  assert.equal(text.match(/HTTP\/1.1 201/g)?.length, 1);
});

test('a bug is a 500 that the log explains', async () => {
  const answer = await ask('/bug');
  assert.deepEqual([answer.status, json(answer).message], [500, 'Internal error occurred: oops']);
  assert.equal(JSON.parse(lines.at(-1) as string).error.message, 'oops');
});

test('a stream is passed on as it comes', async () => {
  assert.equal((await ask('/stream')).body.toString(), 'one two');
});

function raw(): Promise<Socket> {
  const socket = connectTls({
    port: server.port,
    host: '127.0.0.1',
    ca: authority.certificate,
    ALPNProtocols: ['http/1.1'],
  });
  return once(socket, 'secureConnect').then(() => socket);
}

test('an upgrade hands over the connection, with what was sent right behind the request', async () => {
  const socket = await raw();
  socket.write('POST /upgrade HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\nearly ');
  let text = '';
  socket.on('data', (bytes) => {
    text += bytes;
    if (text.endsWith('early ')) socket.write('late.');
  });
  await once(socket, 'close');
  assert.match(text, /^HTTP\/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY\/3.1\r\nX-Stream/);
  assert.ok(text.endsWith('\r\n\r\nearly late.'));
});

test('an upgrade that is refused is answered as HTTP', async () => {
  const socket = await raw();
  socket.write('GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  let text = '';
  socket.on('data', (bytes) => (text += bytes));
  await once(socket, 'close');
  assert.match(text, /^HTTP\/1.1 404 Not Found\r\n/);
  assert.match(text, /"reason":"NotFound"/);
});

test('the plain listener serves its caller to local names only', async () => {
  const get = async (headers: string) => {
    const socket = connectTcp({ port: server.insecurePort as number, host: '127.0.0.1' });
    socket.write(`GET /object HTTP/1.1\r\nConnection: close\r\n${headers}\r\n\r\n`);
    let text = '';
    socket.on('data', (bytes) => (text += bytes));
    await once(socket, 'close');
    return text.slice(9, 12);
  };
  assert.equal(await get('Host: localhost:8080'), '200');
  assert.equal(seen.at(-1)?.caller?.name, 'admin');
  assert.equal(await get('Host: evil.example'), '403');
  assert.equal(await get('Host: localhost\r\nOrigin: https://evil.example'), '403');
});

test('the plain listener is refused anywhere but on loopback', async () => {
  const insecure = { host: '0.0.0.0', port: 0, caller: { name: 'admin', groups: [], extra: {} } };
  const listen = { host: '127.0.0.1', port: 0 };
  const options = { listen, pair, clientAuthority: authority.certificate, insecure };
  await assert.rejects(serveHttp(env, transport, options), /loopback/);
});

test('closing ends watches in good order and lets a running request finish', async () => {
  let release = () => {};
  const slow = new Promise<void>((resolve) => (release = resolve));
  const arrived = new Set<string>();
  let bothArrived = () => {};
  const both = new Promise<void>((resolve) => (bothArrived = resolve));
  const listen = { host: '127.0.0.1', port: 0 };
  const serve = async (asked: ApiRequest): Promise<ApiResponse> => {
    if (arrived.add(asked.path).size === 2) bothArrived();
    if (asked.path === '/slow') await slow;
    return transport({ ...asked, path: asked.path === '/slow' ? '/object' : asked.path });
  };
  const other = await serveHttp(env, serve, { listen, pair, clientAuthority: authority.certificate });
  const watch = ask('/watch', { port: other.port });
  const running = ask('/slow', { port: other.port });
  await both;
  const closed = other.close(5000);
  assert.equal((await watch).status, 200);
  release();
  assert.equal((await running).status, 200);
  await closed;
  await assert.rejects(ask('/object', { port: other.port }), /ECONNREFUSED/);
});

test('Old versions of TLS and suites that protect nothing are refused, and the two that are sane are spoken', async () => {
  const spoken = (options: ConnectionOptions) =>
    new Promise<string | null>((resolve) => {
      const socket = connectTls({ port: server.port, host: '127.0.0.1', ca: authority.certificate, ...options });
      socket.on('error', () => resolve(null));
      socket.on('secureConnect', () => {
        resolve(socket.getProtocol());
        socket.destroy();
      });
    });
  const only = (version: SecureVersion, ciphers = 'ALL:@SECLEVEL=0') =>
    spoken({ minVersion: version, maxVersion: version, ciphers });
  assert.deepEqual([await only('TLSv1'), await only('TLSv1.1')], [null, null]);
  for (const ciphers of ['eNULL:@SECLEVEL=0', 'aNULL:@SECLEVEL=0']) assert.equal(await only('TLSv1.2', ciphers), null);
  assert.deepEqual([await only('TLSv1.2'), await only('TLSv1.3')], ['TLSv1.2', 'TLSv1.3']);
});
