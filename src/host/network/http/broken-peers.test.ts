import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { afterEach, test } from 'node:test';
import { seeded } from '../../../base/random.ts';
import { backend, clean, cleanups, forward, pool, proxyOf, tableOf } from './proxy.test-data.ts';

afterEach(clean);

// Peers that say what nobody should. Whatever it is, it costs them their connection and nobody else anything.
const random = seeded('broken peers');
const rounds = 200;

const requests = [
  'POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n',
  'PUT /b?c HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello',
  'GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nbytes',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x04\x01\x05\0\0\0\x01\x82\x86\x84\x41\x01x',
];
const answers = [
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: x-a\r\nX-A: b\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
  'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n',
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nbytes',
];

/** A text with a few bytes changed, doubled or left out, and its end perhaps missing. */
function broken(text: string): Buffer {
  const bytes = [...Buffer.from(text, 'latin1')];
  for (let changes = random.below(4); changes > 0; changes--) {
    const at = random.below(bytes.length);
    const kind = random.below(4);
    if (kind === 0) bytes[at] = random.below(256);
    else if (kind === 1) bytes.splice(at, random.below(8));
    else if (kind === 2) bytes.splice(at, 0, ...bytes.slice(at, at + random.below(30)));
    else bytes.length = at + 1;
  }
  return Buffer.from(bytes);
}

/** Says its bytes in two pieces and waits until the other end has had enough, or a moment. */
async function say(port: number, bytes: Buffer): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  socket.resume();
  await once(socket, 'connect');
  const cut = random.below(bytes.length + 1);
  socket.write(bytes.subarray(0, cut));
  await new Promise((resolve) => setImmediate(resolve));
  socket.end(bytes.subarray(cut));
  await Promise.race([once(socket, 'close'), new Promise((resolve) => setTimeout(resolve, 30))]);
  socket.destroy();
}

const isWell = async (port: number) => (await fetch(`http://127.0.0.1:${port}/well`)).status === 200;

test('HttpProxy outlives whatever clients say', async () => {
  const { port } = await proxyOf(tableOf(forward(pool([await backend('a')]))));
  const said = Array.from({ length: rounds }, (_, round) => broken(requests[round % requests.length] as string));
  for (let at = 0; at < said.length; at += 20) await Promise.all(said.slice(at, at + 20).map((one) => say(port, one)));
  assert.ok(await isWell(port));
});

test('HttpProxy outlives whatever backends answer', async () => {
  let round = 0;
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', () => {
      if (socket.writable) socket.end(broken(answers[round++ % answers.length] as string));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => server.close());
  const to = { ip: '127.0.0.1', port: (server.address() as AddressInfo).port };
  const { proxy, port } = await proxyOf(tableOf(forward(pool([to]))));
  for (let at = 0; at < rounds; at += 20) {
    const asked = Array.from({ length: 20 }, (_, index) => say(port, Buffer.from(requests[index % 3] as string)));
    await Promise.all(asked);
  }
  for (const protocol of ['h2c', 'http1'] as const) {
    await proxy.replace(tableOf(forward(pool([to], { protocol }))));
    await Promise.all(Array.from({ length: 20 }, () => say(port, Buffer.from(requests[0] as string))));
  }
  await proxy.replace(tableOf(forward(pool([await backend('good')]))));
  assert.ok(await isWell(port));
});
