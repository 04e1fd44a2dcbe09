import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ApiError, isApiError } from '../../api/error.ts';
import type { ApiRequest, ApiResponse, Duplex, Transport, WatchEvent } from '../../api/wire.ts';
import { Channel } from '../../base/channel.ts';
import { type Instant, Stopped } from '../../base/env.ts';
import { decodeText, encodeText } from '../../base/json.ts';
import { never, StopSource } from '../../base/stop.ts';
import { jsonOf } from '../../client/client.ts';
import { hostEnv } from '../env.ts';
import { readKubeconfig, writeKubeconfig } from '../kubeconfig-file.ts';
import { openPki } from '../x509/pki.ts';
import { httpTransport } from './client.ts';
import { type HttpServer, serveHttp } from './server.ts';

const seen: ApiRequest[] = [];
let push: (batch: readonly WatchEvent[]) => 'more' | 'full' = () => 'more';
let endWatch: (error?: unknown) => void = () => {};

async function api(request: ApiRequest): Promise<ApiResponse> {
  seen.push(request);
  if (request.path === '/upgrade') return { status: 101, upgrade: 'echo', serve: echo };
  if (request.path === '/api/v1/namespaces/a/pods/p/log')
    return { status: 200, mediaType: 'text/plain', stream: logs() };
  if (request.path !== '/api/v1/pods') throw new ApiError('NotFound', 'no such path');
  if (!request.query.some(([name]) => name === 'watch'))
    return { status: 200, body: request.body ?? { object: { a: 'ö' } } };
  const watch = {
    onBatch: (take: typeof push) => void (push = take),
    onEnd: (done: typeof endWatch) => void (endWatch = done),
  };
  return { status: 200, mediaType: 'application/json', watch };
}

async function echo(peer: Duplex) {
  for await (const bytes of peer.incoming) await peer.write(bytes);
}

async function* logs() {
  yield encodeText('line 1\n');
  yield encodeText('line 2\n');
}

const directory = mkdtempSync(join(tmpdir(), 'http-'));
const path = join(directory, 'deep', 'kubeconfig');
let server: HttpServer;
let transport: Transport;
before(async () => {
  const pki = openPki({ directory: join(directory, 'pki'), now: Date.now() as Instant, serverNames: [] });
  const listen = { host: '127.0.0.1', port: 0 };
  server = await serveHttp(hostEnv(), api, { listen, pair: pki.server, clientAuthority: pki.authority });
  const pair = pki.client('admin', { name: 'admin', groups: ['system:masters'] });
  const at = `https://127.0.0.1:${server.port}`;
  writeKubeconfig({ path, cluster: 'mini', user: 'admin', server: at, authority: pki.authority, pair });
  transport = httpTransport(readKubeconfig(path));
});
after(async () => {
  await server.close(50);
  rmSync(directory, { recursive: true });
});

const ask = (request: Partial<ApiRequest>): Promise<ApiResponse> =>
  transport({ method: 'GET', path: '/api/v1/pods', query: [], headers: {}, stop: never, ...request });
const event = (name: string): WatchEvent => ({ type: 'ADDED', object: { metadata: { name } } as never });

test('a kubeconfig is private and speaks for its user', async () => {
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(
    await jsonOf(
      await ask({
        query: [
          ['a', 'b c'],
          ['a', 'ö'],
        ],
      }),
    ),
    { a: 'ö' },
  );
  assert.deepEqual(seen.at(-1)?.query, [
    ['a', 'b c'],
    ['a', 'ö'],
  ]);
  assert.deepEqual(seen.at(-1)?.caller?.groups, ['system:masters', 'system:authenticated']);
});

test('a body travels as JSON, and a failure is answered rather than thrown', async () => {
  assert.deepEqual(await jsonOf(await ask({ method: 'POST', body: { object: { x: 1 } } })), { x: 1 });
  const missing = await ask({ path: '/nothing' });
  assert.equal(missing.status, 404);
  assert.equal(((await jsonOf(missing)) as { reason: string }).reason, 'NotFound');
});

test('a watch arrives in batches, and its source hears when the reader stops', async () => {
  const stop = new StopSource();
  const answer = await ask({ query: [['watch', 'true']], stop });
  assert.ok('watch' in answer);
  const names = new Channel<string>();
  const batches: number[] = [];
  const ended = new Promise<unknown>((resolve) => answer.watch.onEnd(resolve));
  answer.watch.onBatch((batch) => {
    batches.push(batch.length);
    for (const { object } of batch) names.push(object.metadata.name);
    return 'more';
  });
  const iterator = names[Symbol.asyncIterator]();
  push([event('a'), event('bü')]);
  assert.deepEqual([(await iterator.next()).value, (await iterator.next()).value], ['a', 'bü']);
  assert.deepEqual(batches, [2]);
  const gone = new Promise<void>((resolve) => seen.at(-1)?.stop.onStop(resolve));
  stop.stop();
  await gone;
  assert.ok((await ended) instanceof Stopped);
});

test('a watch that the server ends is ended without an error', async () => {
  const answer = await ask({ query: [['watch', '1']] });
  assert.ok('watch' in answer);
  answer.watch.onBatch(() => 'more');
  const ended = new Promise<unknown>((resolve) => answer.watch.onEnd(resolve));
  endWatch();
  assert.equal(await ended, undefined);
});

test('logs are streamed', async () => {
  const answer = await ask({ path: '/api/v1/namespaces/a/pods/p/log' });
  assert.ok('stream' in answer);
  let text = '';
  for await (const bytes of answer.stream) text += decodeText(bytes);
  assert.equal(text, 'line 1\nline 2\n');
});

test('an upgrade joins both ends until both have said all', async () => {
  const answer = await ask({ method: 'POST', path: '/upgrade', headers: { connection: 'Upgrade', upgrade: 'echo' } });
  assert.ok('upgrade' in answer);
  let heard = '';
  const incoming = new Channel<Uint8Array>();
  const near: Duplex = {
    incoming,
    write: async (bytes) => {
      heard += decodeText(bytes);
      incoming.close();
    },
    end: () => {},
  };
  incoming.push(encodeText('hello'));
  await answer.serve(near);
  assert.equal(heard, 'hello');
});

test('a server that is not there is ServiceUnavailable, with its address', async () => {
  const nowhere = httpTransport({ server: 'https://127.0.0.1:1' });
  const asking = nowhere({ method: 'GET', path: '/', query: [], headers: {}, stop: never });
  await assert.rejects(
    asking,
    (error) => isApiError(error, 'ServiceUnavailable') && /127\.0\.0\.1:1/.test(error.message),
  );
});
