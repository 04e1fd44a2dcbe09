import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { type ApiResponse, type Duplex, jsonType } from '../../api/wire.ts';
import { encodeText } from '../../base/json.ts';
import { Pipe } from '../../base/pipe.ts';
import { never, StopSource } from '../../base/stop.ts';
import { connectTcp } from '../runtime/process/tcp.ts';
import { relay } from './relay.ts';

const servers: Server[] = [];
after(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

async function listening(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

const asked = (method: 'GET' | 'POST' | 'HEAD', path: string) => ({
  method,
  path,
  query: [['a', 'b c']] as const,
  headers: { 'x-mine': '1' },
  stop: never,
});

async function textOf(answer: ApiResponse): Promise<string> {
  assert.ok('stream' in answer);
  const parts: Uint8Array[] = [];
  for await (const part of answer.stream) parts.push(part);
  return Buffer.concat(parts).toString();
}

async function bodyOf(incoming: IncomingMessage): Promise<string> {
  let text = '';
  for await (const part of incoming) text += part;
  return text;
}

test('A relay passes requests and answers on as they are', async () => {
  const port = await listening(
    createServer(async (incoming, outgoing) => {
      const { method, url, headers } = incoming;
      const said = JSON.stringify([method, url, headers['x-mine'], await bodyOf(incoming)]);
      outgoing.writeHead(418, { 'Set-Cookie': ['one', 'two'], 'Content-Type': 'text/x' }).end(said);
    }),
  );
  const to = relay({ scheme: 'http', host: '127.0.0.1', port });
  const answer = await to({ ...asked('POST', '/x%2Fy'), body: { bytes: encodeText('body'), mediaType: jsonType } });
  assert.equal(answer.status, 418);
  assert.equal(answer.headers?.['set-cookie'], 'one\ntwo');
  assert.equal('mediaType' in answer && answer.mediaType, 'text/x');
  assert.deepEqual(JSON.parse(await textOf(answer)), ['POST', '/x%2Fy?a=b+c', '1', 'body']);
  assert.equal((await to(asked('HEAD', '/'))).status, 418);
});

test('A relay says where it could not go', async () => {
  const server = createServer();
  const port = await listening(server);
  server.close();
  const to = relay({ scheme: 'http', host: '127.0.0.1', port });
  await assert.rejects(to(asked('GET', '/')), {
    reason: 'ServiceUnavailable',
    message: /^dial tcp 127\.0\.0\.1:\d+: /,
  });
});

test('A relay lets go of an answer that nobody waits for any more', async () => {
  const closed = new Promise<void>((resolve) => {
    const server = createServer((_incoming, outgoing) => {
      outgoing.writeHead(200).write('first');
      outgoing.once('close', resolve);
    });
    void listening(server).then(async (port) => {
      const stop = new StopSource();
      const answer = await relay({ scheme: 'http', host: '127.0.0.1', port })({ ...asked('GET', '/'), stop });
      assert.ok('stream' in answer);
      const reading = textOf(answer);
      stop.stop();
      await assert.rejects(reading);
    });
  });
  await closed;
});

test('A relay goes another way where it is given one', async () => {
  const port = await listening(createServer((incoming, outgoing) => outgoing.end(`heard ${incoming.headers.host}`)));
  const dial = async (): Promise<Duplex> => connectTcp('127.0.0.1', port);
  const answer = await relay({ scheme: 'http', host: 'nowhere.invalid', port: 80, dial })(asked('GET', '/'));
  assert.equal(await textOf(answer), 'heard nowhere.invalid');
  const refuse = () => Promise.reject(new Error('no way'));
  const to = relay({ scheme: 'http', host: 'nowhere.invalid', port: 80, dial: refuse });
  await assert.rejects(to(asked('GET', '/')), /no way/);
});

test('A relay joins both ends of an upgrade', async () => {
  const server = createServer();
  server.on('upgrade', (_incoming, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: shout\r\nX-Way: 1\r\n\r\n');
    socket.on('data', (bytes: Buffer) => socket.write(bytes.toString().toUpperCase()));
    socket.on('end', () => socket.end());
  });
  const port = await listening(server);
  const headers = { connection: 'Upgrade', upgrade: 'shout' };
  const answer = await relay({ scheme: 'http', host: '127.0.0.1', port })({ ...asked('GET', '/'), headers });
  assert.ok('upgrade' in answer);
  assert.deepEqual([answer.upgrade, answer.headers?.['x-way']], ['shout', '1']);
  const [there, back] = [new Pipe(), new Pipe()];
  const near: Duplex = { incoming: there, write: (bytes) => back.write(bytes), end: () => back.end() };
  const serving = answer.serve(near);
  await there.write(encodeText('hello'));
  for await (const bytes of back) {
    assert.equal(Buffer.from(bytes).toString(), 'HELLO');
    there.end();
  }
  await serving;
});
