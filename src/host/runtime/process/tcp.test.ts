import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { StopSource } from '../../../base/stop.ts';
import { connectTcp } from './tcp.ts';

test('a connection is cut when it is no longer wanted, though the other side never ends it', async () => {
  const server = createServer({ allowHalfOpen: true }, (socket) => socket.on('error', () => {}).resume());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const stop = new StopSource();
  const accepted = once(server, 'connection');
  const duplex = await connectTcp('127.0.0.1', (server.address() as AddressInfo).port, stop);
  const [socket] = await accepted;
  duplex.end();
  const cut = once(socket, 'close');
  stop.stop();
  socket.end();
  await cut;
  server.close();
});

test('a connection that nobody accepts is given up when it is no longer wanted', async () => {
  const stop = new StopSource();
  // An address for documents: whatever is sent there is lost, or refused at once.
  const tried = connectTcp('192.0.2.1', 9, stop);
  stop.stop();
  await assert.rejects(tried, /192\.0\.2\.1/);
});
