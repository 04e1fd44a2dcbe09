import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { createServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import type { Instant } from '../src/base/env.ts';
import { createAuthority, issue } from '../src/host/x509/certificate.ts';
import { TestCluster, until } from './cluster.ts';

const maps = '/api/v1/namespaces/default/configmaps';
const slowHeadersMs = 40_000;
const watchesCount = 2_000;
const streamsPerSession = 200;

const folder = mkdtempSync(join(tmpdir(), 'mini-k8s-limits-'));
const cluster = new TestCluster();
after(async () => {
  await cluster.clear();
  rmSync(folder, { recursive: true, force: true });
});

interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly json: { readonly reason?: string; readonly message?: string };
}

type Body = string | Buffer | readonly Buffer[] | object;

function partsOf(body: Body): readonly (string | Buffer)[] {
  if (Array.isArray(body)) return body;
  return [typeof body === 'string' || body instanceof Buffer ? body : JSON.stringify(body)];
}

/** As one of two users, each with all rights. The length of what comes in several parts is not announced. */
function ask(user: string, method: string, path: string, body?: Body): Promise<Reply> {
  const url = new URL(path, cluster.url);
  const parts = body === undefined ? [] : partsOf(body);
  const headers = { authorization: `Bearer token-of-${user}`, 'content-type': 'application/json' };
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method, headers, rejectUnauthorized: false, agent: false }, async (incoming) => {
      try {
        const answered = await incoming.toArray();
        const json = JSON.parse(Buffer.concat(answered).toString() || '{}');
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, json });
      } catch (error) {
        reject(error);
      }
    });
    outgoing.on('error', reject);
    for (const part of parts.slice(0, -1)) outgoing.write(part);
    outgoing.end(parts.at(-1));
  });
}

const map = (name: string, data: object = {}, metadata: object = {}) => ({ metadata: { name, ...metadata }, data });
const isAnswered = async (user: string) =>
  assert.equal((await ask(user, 'GET', `/api/v1/namespaces/default`)).status, 200);

describe('what a client may not do, and that others do not suffer from it', () => {
  let slow: { readonly socket: TLSSocket; readonly closed: Promise<unknown>; readonly since: number };

  before(async () => {
    const tokens = join(folder, 'tokens.csv');
    writeFileSync(tokens, ['a', 'b'].map((name) => `token-of-${name},${name},${name},"system:masters"`).join('\n'));
    await cluster.start('server', ['--token-auth-file', tokens]);
    // Begun first, looked at last: somebody who never comes to the end of his headers.
    const { hostname, port } = new URL(cluster.url);
    const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    socket.write('GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ');
    socket.on('error', () => {});
    slow = { socket, closed: once(socket, 'close'), since: performance.now() };
    socket.resume();
  });

  test('a body above 3 MB is refused, whether its length is announced or not', async () => {
    const tooMuch = Buffer.alloc(3 * 1024 * 1024 + 1, ' ');
    for (const body of [tooMuch, [tooMuch.subarray(1), tooMuch.subarray(0, 1)]]) {
      const { status, json } = await ask('a', 'POST', maps, body);
      assert.deepEqual([status, json.reason], [413, 'RequestEntityTooLarge']);
      assert.equal(json.message, 'Request entity too large: limit is 3145728');
    }
    await isAnswered('b');
  });

  test('JSON that is too deep is refused, and so is what is too long in metadata', async () => {
    const deep = `{"metadata":{"name":"deep"},"data":${'['.repeat(20_000)}${']'.repeat(20_000)}}`;
    assert.equal((await ask('a', 'POST', maps, deep)).status, 400);
    const label = await ask('a', 'POST', maps, map('label', {}, { labels: { app: 'x'.repeat(64) } }));
    assert.equal(label.status, 422);
    assert.match(label.json.message ?? '', /must be no more than 63/);
    const notes = { annotations: { note: 'x'.repeat(256 * 1024) } };
    const annotated = await ask('a', 'POST', maps, map('note', {}, notes));
    assert.equal(annotated.status, 422);
    assert.match(annotated.json.message ?? '', /Too long: may not be more than 262144 bytes/);
    const data = await ask('a', 'POST', maps, map('data', { key: 'x'.repeat(1024 * 1024 + 1) }));
    assert.equal(data.status, 422);
    await isAnswered('b');
  });

  test('more than 10,000 operations of a JSON patch are refused', async () => {
    assert.equal((await ask('a', 'POST', maps, map('patched'))).status, 201);
    const operations = Array.from({ length: 10_001 }, (_, n) => ({ op: 'add', path: `/data/k${n}`, value: '1' }));
    const patch = (list: readonly object[]) =>
      new Promise<number>((resolve, reject) => {
        const headers = { authorization: 'Bearer token-of-a', 'content-type': 'application/json-patch+json' };
        const url = new URL(`${maps}/patched`, cluster.url);
        request(url, { method: 'PATCH', headers, rejectUnauthorized: false, agent: false }, (incoming) => {
          incoming.resume();
          resolve(incoming.statusCode ?? 0);
        })
          .on('error', reject)
          .end(JSON.stringify(list));
      });
    assert.equal(await patch(operations), 413);
    assert.equal(await patch(operations.slice(1)), 422);
    await isAnswered('b');
  });

  test('who has too much under way is told to come again, and the others are answered meanwhile', async () => {
    const held = await slowWebhook();
    try {
      const sessions = await Promise.all(Array.from({ length: 7 }, () => session()));
      const answers = sessions.flatMap((one) =>
        Array.from({ length: streamsPerSession }, () => post(one, 'a', `${maps}?dryRun=All`)),
      );
      const refused = await until('refusal', 20_000, async () => {
        const first = await Promise.race([
          ...answers,
          new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 50)),
        ]);
        return first?.status === 429 ? first : undefined;
      });
      assert.equal(refused.headers['retry-after'], '1');
      const begun = performance.now();
      await isAnswered('b');
      assert.ok(performance.now() - begun < 2_000, 'another user waited');
      held.release();
      const statuses = (await Promise.all(answers)).map(({ status }) => status);
      assert.ok(statuses.filter((status) => status === 201).length >= 1_000);
      for (const one of sessions) one.destroy();
    } finally {
      await held.end();
    }
  });

  test('thousands of idle watches cost nobody anything, and each of them hears of a change', async () => {
    const sessions = await Promise.all(Array.from({ length: watchesCount / streamsPerSession }, () => session()));
    let heard = 0;
    for (const one of sessions) {
      for (let n = 0; n < streamsPerSession; n++) {
        const stream = one.request({
          ':path': `${maps}?watch=1&fieldSelector=metadata.name%3Dseen&resourceVersion=0`,
          authorization: 'Bearer token-of-a',
        });
        stream.on('data', (chunk: Buffer) => {
          if (chunk.includes('"seen"')) heard++;
        });
        stream.on('error', () => {});
      }
    }
    await Promise.all(
      sessions.map((one) => new Promise<void>((resolve) => one.ping(Buffer.alloc(8), () => resolve()))),
    );
    await isAnswered('b');
    await ask('b', 'POST', maps, map('seen'));
    await until('word of it in every watch', 20_000, () => heard === watchesCount);
    for (const one of sessions) one.destroy();
    await isAnswered('b');
  });

  test('a client that sends its headers too slowly is let go', async () => {
    const late = new Promise((resolve) => setTimeout(resolve, slowHeadersMs, 'late').unref());
    assert.notEqual(await Promise.race([slow.closed, late]), 'late');
    assert.ok(performance.now() - slow.since > 20_000, 'a client that is only slow has its time');
    await isAnswered('b');
  });
});

async function session(): Promise<ClientHttp2Session> {
  const one = connectHttp2(cluster.url, { rejectUnauthorized: false });
  await once(one, 'connect');
  return one;
}

function post(
  one: ClientHttp2Session,
  user: string,
  path: string,
): Promise<{ readonly status: number; readonly headers: Readonly<Record<string, unknown>> }> {
  const stream = one.request({
    ':method': 'POST',
    ':path': path,
    authorization: `Bearer token-of-${user}`,
    'content-type': 'application/json',
  });
  stream.end(JSON.stringify(map('slow', {}, { labels: { slow: 'yes' } })));
  stream.resume();
  return new Promise((resolve, reject) => {
    stream.on('response', (headers) => resolve({ status: headers[':status'] ?? 0, headers }));
    stream.on('error', reject);
  });
}

/** A webhook that answers nobody until it is released, and then everybody. */
async function slowWebhook(): Promise<{ release(): void; end(): Promise<void> }> {
  const now = Date.now() as Instant;
  const authority = createAuthority('webhooks', now);
  const pair = issue(authority, { subject: { name: 'hook' }, use: ['server'], names: ['127.0.0.1'], now });
  let released = false;
  const waiting: (() => void)[] = [];
  const server = createServer({ cert: pair.certificate, key: pair.key }, async (incoming, outgoing) => {
    const review = JSON.parse(Buffer.concat(await incoming.toArray()).toString());
    const answer = { ...review, request: undefined, response: { uid: review.request.uid, allowed: true } };
    const send = () => outgoing.setHeader('content-type', 'application/json').end(JSON.stringify(answer));
    if (released) send();
    else waiting.push(send);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const path = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const webhook = {
    name: 'slow.example.com',
    clientConfig: { url, caBundle: Buffer.from(authority.certificate).toString('base64') },
    objectSelector: { matchLabels: { slow: 'yes' } },
    rules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'], operations: ['CREATE'] }],
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
    timeoutSeconds: 30,
  };
  assert.equal((await ask('a', 'POST', path, { metadata: { name: 'slow' }, webhooks: [webhook] })).status, 201);
  return {
    release: () => {
      released = true;
      for (const send of waiting.splice(0)) send();
    },
    end: async () => {
      await ask('a', 'DELETE', `${path}/slow`);
      server.closeAllConnections();
      server.close();
    },
  };
}
