import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SpdyConnection } from '../../api/streaming/spdy.ts';
import type { ApiRequest, ApiResponse } from '../../api/wire.ts';
import { encodeText } from '../../base/json.ts';
import { podConnection } from './pod-connection.ts';

const place = { namespace: 'a', name: 'web', node: { name: 'n', host: '', port: 0 } };

/** A node that answers what it hears, or that the port is closed. */
const node =
  (asked: ApiRequest[]) =>
  async (request: ApiRequest): Promise<ApiResponse> => {
    asked.push(request);
    return {
      status: 101,
      upgrade: 'SPDY/3.1',
      serve: async (peer) => {
        const connection = new SpdyConnection(peer);
        const running = connection.run();
        for await (const stream of connection.opened) {
          if (stream.headers['streamtype'] === 'error') {
            if (stream.headers['port'] === '81') await stream.write(encodeText('connection refused'));
            await stream.end();
            continue;
          }
          if (stream.headers['port'] === '81') await stream.reset();
          else {
            for await (const bytes of stream.incoming) await stream.write(bytes.slice().reverse());
            await stream.end();
          }
        }
        await running;
      },
    };
  };

async function said(incoming: AsyncIterable<Uint8Array>): Promise<string> {
  let text = '';
  for await (const bytes of incoming) text += new TextDecoder().decode(bytes);
  return text;
}

test('A pod is spoken to by way of its node', async () => {
  const asked: ApiRequest[] = [];
  const duplex = await podConnection(node(asked), place, 80);
  await duplex.write(encodeText('abc'));
  duplex.end();
  assert.equal(await said(duplex.incoming), 'cba');
  assert.equal(asked[0]?.path, '/portForward/a/web');
  assert.equal(asked[0]?.stop.stopped, true);
});

test('A port that is closed is told as an error', async () => {
  const duplex = await podConnection(node([]), place, 81);
  await assert.rejects(said(duplex.incoming), /connection refused/);
});

test('A node that does not forward is told as such', async () => {
  const refuses = async (): Promise<ApiResponse> => ({ status: 403, chunks: [], mediaType: 'text/plain' });
  await assert.rejects(podConnection(refuses, place, 80), { reason: 'ServiceUnavailable' });
});
