import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { after, test } from 'node:test';
import type { Backend, Route } from '../../network/dataplane.ts';
import { hostEnv } from '../env.ts';
import { freePort } from '../free-port.test-data.ts';
import { addServiceAddresses, removeServiceAddresses } from './service-addresses.ts';
import { UserspaceDataplane, type UserspaceOptions } from './userspace.ts';

const errors: string[] = [];
const log = {
  debug() {},
  info() {},
  error: (message: string, fields?: object) => void errors.push(message + JSON.stringify(fields)),
};
const env = { ...hostEnv({ seed: 'userspace' }), log };
const cleanups: (() => void)[] = [];
after(() => {
  for (const clean of cleanups) clean();
});

function dataplane(options: Partial<UserspaceOptions> = {}): UserspaceDataplane {
  const made = new UserspaceDataplane({ env, serviceAddresses: false, ...options });
  cleanups.push(() => made.close());
  return made;
}

/** Reads all of a request, then answers with its own name and what it read. */
async function backend(name: string): Promise<Backend & { close(): void }> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let text = '';
    socket.on('error', () => {});
    socket.on('data', (bytes) => (text += bytes));
    socket.on('end', () => socket.end(`${name}:${text}`));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => server.close());
  return { ip: '127.0.0.1', port: (server.address() as AddressInfo).port, close: () => server.close() };
}

const route = (backends: readonly Backend[], more: Partial<Route> = {}): Route => ({
  namespace: 'default',
  name: 'web',
  portName: '',
  scope: 'cluster',
  vip: '10.96.0.10',
  port: 80,
  protocol: 'TCP',
  backends: backends.map(({ ip, port }) => ({ ip, port })),
  ...more,
});

const atNode = (port: number) => ({ scope: 'node', vip: '0.0.0.0', port }) as const;

function localOf(plane: UserspaceDataplane): number {
  return Number(plane.printed()[0]?.local?.split(':')[1]);
}

async function ask(port: number, text = '', host = '127.0.0.1'): Promise<string> {
  const socket = connect({ port, host, allowHalfOpen: true });
  socket.end(text);
  return read(socket);
}

async function read(socket: Socket): Promise<string> {
  let answer = '';
  for await (const bytes of socket) answer += bytes;
  return answer;
}

test('UserspaceDataplane takes turns over backends and passes the end of each direction on alone', async () => {
  const plane = dataplane();
  await plane.replace([route([await backend('a'), await backend('b')])]);
  const port = localOf(plane);
  assert.deepEqual([await ask(port, 'x'), await ask(port, 'y'), await ask(port, 'z')], ['a:x', 'b:y', 'a:z']);
});

test('UserspaceDataplane prints the same port for the same service after a restart', async () => {
  const first = dataplane();
  await first.replace([route([], { name: `printed-${process.pid}` })]);
  const port = localOf(first);
  first.close();
  const second = dataplane();
  await second.replace([route([], { name: `printed-${process.pid}` })]);
  assert.equal(localOf(second), port);
});

test('UserspaceDataplane tries the next backend when one refuses, and resets when all do', async () => {
  const plane = dataplane();
  const dead = { ip: '127.0.0.1', port: await freePort() };
  await plane.replace([route([dead, await backend('a')])]);
  const port = localOf(plane);
  assert.deepEqual(await Promise.all([ask(port), ask(port), ask(port)]), ['a:', 'a:', 'a:']);
  await plane.replace([route([dead])]);
  await assert.rejects(ask(port), { code: 'ECONNRESET' });
});

test('UserspaceDataplane keeps a connection whose backend left the table, and no request fails in a roll-out', async () => {
  const plane = dataplane();
  const old = await backend('old');
  await plane.replace([route([old])]);
  const port = localOf(plane);
  const slow = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  await once(slow, 'connect');
  const answers: Promise<string>[] = [];
  for (let round = 0; round < 20; round++) {
    answers.push(ask(port));
    if (round === 5) await plane.replace([route([old, await backend('new')])]);
    if (round === 10) old.close();
    if (round === 15) await plane.replace([route([await backend('new')])]);
    await answers[round];
  }
  assert.ok((await Promise.all(answers)).every((answer) => answer === 'old:' || answer === 'new:'));
  slow.end('late');
  assert.equal(await read(slow), 'old:late');
});

test('UserspaceDataplane keeps a client with its backend when the route asks for it', async () => {
  const plane = dataplane();
  const [a, b] = [await backend('a'), await backend('b')];
  await plane.replace([route([a, b], { affinity: 60_000 })]);
  const port = localOf(plane);
  assert.deepEqual([await ask(port), await ask(port), await ask(port)], ['a:', 'a:', 'a:']);
  await plane.replace([route([b], { affinity: 60_000 })]);
  assert.equal(await ask(port), 'b:');
});

test('UserspaceDataplane answers at node ports, and closes what left the table', async () => {
  const plane = dataplane();
  const nodePort = await freePort();
  await plane.replace([route([await backend('a')], atNode(nodePort))]);
  assert.equal(await ask(nodePort), 'a:');
  await plane.replace([]);
  await assert.rejects(ask(nodePort), { code: 'ECONNREFUSED' });
});

test('UserspaceDataplane names the service whose port is taken, and has it as soon as it is free', async () => {
  const nodePort = await freePort();
  const squatter = createServer().listen(nodePort, '127.0.0.1');
  await once(squatter, 'listening');
  const plane = dataplane();
  errors.length = 0;
  await plane.replace([route([await backend('a')], atNode(nodePort))]);
  assert.equal(errors.length, 1);
  assert.match(errors[0] as string, /default\/web.*EADDRINUSE/);
  squatter.close();
  const deadline = env.clock.monotonic() + 5_000;
  let answer: string | undefined;
  while (answer === undefined && env.clock.monotonic() < deadline) {
    answer = await ask(nodePort).catch(() => undefined);
    if (answer === undefined) await new Promise((resolve) => env.clock.after(20, () => resolve(undefined)));
  }
  assert.equal(answer, 'a:');
});

test('UserspaceDataplane asks where a pod really is', async () => {
  const a = await backend('a');
  const plane = dataplane({
    resolve: (ip, port) => (ip === '10.244.0.7' && port === 8080 ? { host: a.ip, port: a.port } : { host: ip, port }),
  });
  await plane.replace([route([{ ip: '10.244.0.7', port: 8080 }])]);
  assert.equal(await ask(localOf(plane)), 'a:');
});

test('UserspaceDataplane carries datagrams and their answers', async () => {
  const server = createSocket('udp4');
  server.on('message', (bytes, from) => server.send(`pong ${bytes}`, from.port, from.address));
  server.bind(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => server.close());
  const plane = dataplane();
  await plane.replace([route([{ ip: '127.0.0.1', port: server.address().port }], { protocol: 'UDP' })]);
  const client = createSocket('udp4');
  cleanups.push(() => client.close());
  client.send('ping', localOf(plane), '127.0.0.1');
  const [answer] = await once(client, 'message');
  assert.equal(String(answer), 'pong ping');
});

test("UserspaceDataplane answers at the cluster address itself where the range is this machine's", async (t) => {
  // A range for documentation: nobody's real addresses.
  const range = '198.51.100.64/28';
  if (!(await addServiceAddresses(range, 'one'))) return t.skip('needs root on Linux, and the tool ip');
  try {
    assert.equal(await addServiceAddresses(range, 'one'), true);
    // Another cluster with the same range comes and goes, and leaves the first one's addresses alone.
    assert.equal(await addServiceAddresses(range, 'other'), true);
    assert.equal(await removeServiceAddresses(range, 'other'), true);
    assert.equal(await removeServiceAddresses(range, 'other'), false);
    const plane = dataplane({ serviceAddresses: true });
    await plane.replace([route([await backend('a')], { vip: '198.51.100.70', port: 80 })]);
    assert.equal(await ask(80, 'x', '198.51.100.70'), 'a:x');
    plane.close();
  } finally {
    assert.equal(await removeServiceAddresses(range, 'one'), true);
  }
});
