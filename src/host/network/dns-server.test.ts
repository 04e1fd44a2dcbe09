import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { DnsForwarder, type Via } from '../../network/dns-forwarder.ts';
import { type DnsRecord, decodeMessage } from '../../network/dns-message.ts';
import { type DnsQuery, readQuery } from '../../network/dns-query.ts';
import { answerTo, queryOf } from '../../sim/dns-world.test-data.ts';
import { hostEnv } from '../env.ts';
import { type Answering, DnsServer } from './dns-server.ts';
import { MachineResolvers } from './machine-resolvers.ts';

const env = hostEnv({ seed: 'dns' });
const folder = mkdtempSync(join(tmpdir(), 'mini-k8s-dns-'));
const servers: DnsServer[] = [];
after(async () => {
  for (const server of servers) await server.close();
  rmSync(folder, { recursive: true });
});

async function serve(respond: Answering['respond'], onLoad = () => {}): Promise<number> {
  const load = async () => {
    onLoad();
    return { respond };
  };
  const server = new DnsServer(load, (error) => assert.fail(String(error)));
  servers.push(server);
  return (await server.listen({ host: '127.0.0.1', port: 0 })).port;
}

const address = (text: string): DnsRecord => ({ name: 'a.example', ttl: 20, type: 'A', address: text });

async function overUdp(port: number, ...queries: readonly Uint8Array[]): Promise<readonly Uint8Array[]> {
  const socket = createSocket('udp4');
  const answers: Uint8Array[] = [];
  try {
    for (const query of queries) socket.send(query, port, '127.0.0.1');
    for await (const [answer] of messagesOf(socket)) if (answers.push(answer) === queries.length) return answers;
  } finally {
    socket.close();
  }
  return answers;
}

async function* messagesOf(socket: ReturnType<typeof createSocket>): AsyncGenerator<[Uint8Array]> {
  for (;;) yield (await once(socket, 'message', { signal: AbortSignal.timeout(3_000) })) as unknown as [Uint8Array];
}

const framed = (bytes: Uint8Array): Uint8Array => Uint8Array.of(bytes.length >>> 8, bytes.length & 255, ...bytes);

test('DnsServer answers over UDP and TCP at one port, and loads what answers with the first query', async () => {
  let loads = 0;
  const vias: Via[] = [];
  const port = await serve(
    (query, via) => {
      vias.push(via);
      return answerTo(query, [address('192.0.2.1')]);
    },
    () => loads++,
  );
  assert.equal(loads, 0);
  const [answer] = await overUdp(port, queryOf({ name: 'a.example', id: 5 }));
  assert.equal(decodeMessage(answer as Uint8Array).id, 5);
  assert.equal(loads, 1);
  const socket = connect(port, '127.0.0.1');
  // Two queries at once, in pieces that end where no query does.
  const bytes = [...framed(queryOf({ name: 'a.example', id: 6 })), ...framed(queryOf({ name: 'a.example', id: 7 }))];
  socket.write(Uint8Array.from(bytes.slice(0, 1)));
  await once(socket, 'connect');
  socket.write(Uint8Array.from(bytes.slice(1, 40)));
  socket.write(Uint8Array.from(bytes.slice(40)));
  let got = Buffer.alloc(0);
  const ids: number[] = [];
  for await (const chunk of socket) {
    got = Buffer.concat([got, chunk as Buffer]);
    for (; got.length > 2 && got.length >= 2 + got.readUInt16BE(0); got = got.subarray(2 + got.readUInt16BE(0)))
      ids.push(decodeMessage(got.subarray(2, 2 + got.readUInt16BE(0))).id);
    if (ids.length === 2) break;
  }
  assert.deepEqual(ids, [6, 7]);
  assert.deepEqual(vias, ['udp', 'tcp', 'tcp']);
});

test('DnsServer is silent where nothing is to be said, and goes on', async () => {
  const port = await serve((query) => (query.length < 12 ? undefined : answerTo(query, [])));
  const socket = createSocket('udp4');
  socket.send(Uint8Array.of(1, 2, 3), port, '127.0.0.1');
  socket.send(queryOf({ name: 'a.example', id: 9 }), port, '127.0.0.1');
  for await (const [answer] of messagesOf(socket)) {
    assert.equal(decodeMessage(answer).id, 9);
    break;
  }
  socket.close();
});

test('MachineResolvers follows its file, asks over TCP for what is truncated, and never asks itself', async () => {
  const file = join(folder, 'resolv.conf');
  const port = await serve((query, via) =>
    via === 'udp' ? answerTo(query, [], { truncated: true }) : answerTo(query, [address('192.0.2.2')]),
  );
  let now = 0;
  const clock = { ...env.clock, monotonic: () => now };
  writeFileSync(
    file,
    '# made by hand\nsearch example.com\nnameserver 10.96.0.10\nnameserver 127.0.0.1\noptions ndots:2\n',
  );
  const resolvers = new MachineResolvers({ clock, own: () => ['10.96.0.10'], file, port });
  assert.deepEqual(resolvers.servers(), ['127.0.0.1']);
  assert.deepEqual(resolvers.file(), {
    servers: ['10.96.0.10', '127.0.0.1'],
    searches: ['example.com'],
    options: ['ndots:2'],
  });
  const forwarder = new DnsForwarder(env, resolvers);
  // As it comes from a socket: memory that others look at too.
  const bytes = Buffer.from(queryOf({ name: 'a.example', id: 0x4321 }));
  const ask = async (via: Via) => {
    const answer = await forwarder.ask(bytes, readQuery(bytes) as DnsQuery, via);
    assert.ok(answer);
    return decodeMessage(answer);
  };
  assert.deepEqual([(await ask('udp')).truncated, (await ask('udp')).id], [true, 0x4321]);
  assert.deepEqual((await ask('tcp')).answers, [address('192.0.2.2')]);
  assert.equal(bytes.readUInt16BE(0), 0x4321, 'what the client sent is left as it is');
  writeFileSync(file, 'nameserver 192.0.2.54\n');
  assert.deepEqual(resolvers.servers(), ['127.0.0.1'], 'it was looked at a moment ago');
  now = 2_000;
  assert.deepEqual(resolvers.servers(), ['192.0.2.54']);
  rmSync(file);
  now = 4_000;
  assert.deepEqual(resolvers.servers(), []);
});

test('MachineResolvers gives up on a server that does not answer', async () => {
  const port = await serve(() => undefined);
  const file = join(folder, 'silent.conf');
  writeFileSync(file, 'nameserver 127.0.0.1\n');
  const resolvers = new MachineResolvers({ clock: env.clock, own: () => [], file, port });
  const query = queryOf({ name: 'a.example' });
  const wish = { via: 'udp' as const, withinMs: 50, accepts: () => true };
  await assert.rejects(resolvers.exchange('127.0.0.1', query, wish), /127.0.0.1 did not answer within 50 ms/);
});
