import assert from 'node:assert/strict';
import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { Duplex } from '../api/wire.ts';
import { askHealth } from './grpc-health.ts';

const asked: { readonly path: string | undefined; readonly type: string | undefined; readonly body: string }[] = [];

/** A gRPC server as far as a health check can tell: the status by the service's name. */
function serve(stream: ServerHttp2Stream, headers: Readonly<Record<string, unknown>>): void {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('end', () => {
    const body = Buffer.concat(chunks);
    const service = body.subarray(7).toString();
    asked.push({ path: String(headers[':path']), type: String(headers['content-type']), body: body.toString('hex') });
    const head = { ':status': 200, 'content-type': 'application/grpc' };
    if (service === 'none') return void stream.respond({ ...head, 'grpc-status': '12' }, { endStream: true });
    stream.respond(head, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    const status = service === 'ill' ? 2 : 1;
    stream.write(Buffer.from([0, 0, 0]));
    stream.end(Buffer.from([0, 2, 8, status]));
  });
}

describe('askHealth', () => {
  let server: Http2Server;
  let port = 0;
  before(async () => {
    server = createServer().on('stream', serve);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  });
  after(() => server.close());

  const connection = (): Duplex => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    return { incoming: socket, write: async (bytes) => void socket.write(bytes), end: () => void socket.destroy() };
  };

  test('askHealth speaks gRPC as a real server of HTTP/2 understands it', async () => {
    assert.deepEqual(await askHealth(connection(), '10.244.0.2:5000'), { ok: true, message: '' });
    assert.deepEqual(asked.at(-1), {
      path: '/grpc.health.v1.Health/Check',
      type: 'application/grpc',
      body: '0000000000',
    });
  });

  test('askHealth tells what a service says that is not well', async () => {
    const { ok, message } = await askHealth(connection(), 'pod', 'ill');
    assert.deepEqual([ok, message], [false, 'service unhealthy (responded with "NOT_SERVING")']);
    assert.equal(asked.at(-1)?.body, '00000000050a03696c6c');
  });

  test('askHealth takes a server without the service, or one that is no such server, for ill', async () => {
    assert.equal((await askHealth(connection(), 'pod', 'none')).ok, false);
    const incoming = (async function* () {
      yield new TextEncoder().encode('HTTP/1.1 400 Bad Request\r\n');
    })();
    const plain: Duplex = { incoming, write: async () => {}, end: () => {} };
    await assert.rejects(askHealth(plain, 'pod'), /not HTTP\/2: HTTP\/1.1 400/);
  });
});
