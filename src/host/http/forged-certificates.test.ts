import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import type { ApiRequest, ApiResponse } from '../../api/wire.ts';
import type { Instant } from '../../base/env.ts';
import { never } from '../../base/stop.ts';
import { hostEnv } from '../env.ts';
import { createAuthority, issue, type LeafRequest, type Pair } from '../x509/certificate.ts';
import { httpTransport } from './client.ts';
import { type HttpServer, serveHttp } from './server.ts';

const now = Date.now() as Instant;
const day = 86_400_000;
const masters = 'system:masters';
const authority = createAuthority('test-ca', now);
const pair = issue(authority, { subject: { name: 'server' }, use: ['server'], names: ['127.0.0.1'], now });
const client = (by: Pair, more: Partial<LeafRequest> = {}) =>
  issue(by, { subject: { name: 'eve', groups: [masters] }, use: ['client'], now, ...more });

const seen: ApiRequest[] = [];
/** What the log tells. */
const lines: Readonly<Record<string, unknown>>[] = [];
async function transport(asked: ApiRequest): Promise<ApiResponse> {
  seen.push(asked);
  return { status: 200, body: { object: {} } };
}
let server: HttpServer;
before(async () => {
  const listen = { host: '127.0.0.1', port: 0 };
  const env = hostEnv({ log: { write: (line) => lines.push(JSON.parse(line)) } });
  server = await serveHttp(env, transport, { listen, pair, clientAuthority: authority.certificate });
});
after(() => server.close(100));

async function ask({ certificate: cert, key }: Pair): Promise<{ readonly status: number; readonly text: string }> {
  const options = { port: server.port, host: '127.0.0.1', ca: authority.certificate, agent: false as const };
  const outgoing = request({ ...options, cert, key });
  outgoing.end();
  const [incoming] = await once(outgoing, 'response');
  const text = Buffer.concat(await incoming.toArray()).toString();
  return { status: incoming.statusCode, text };
}

const stranger = createAuthority('test-ca', now);
const mallory = client(authority, { subject: { name: 'mallory' } });
const below = client(mallory);
/** Each says that it is of the group that may do everything. */
const forged: Readonly<Record<string, Pair>> = {
  'of an authority that only has the same name': client(stranger),
  'that is its own authority': stranger,
  'that another client has signed': below,
  'that another client has signed, shown with its own': {
    ...below,
    certificate: `${below.certificate}\n${mallory.certificate}`,
  },
  'of a server': client(authority, { use: ['server'] }),
  'that has ended': client(authority, { now: (now - 3 * day) as Instant, lifetime: day }),
  'that has not begun': client(authority, { now: (now + 3 * day) as Instant }),
  'without a name': client(authority, { subject: { name: '', groups: [masters] } }),
};
for (const [what, certificate] of Object.entries(forged)) {
  test(`a certificate ${what} is refused, and says nothing about anybody`, async () => {
    const before = seen.length;
    const { status, text } = await ask(certificate);
    assert.equal(status, 401, text);
    assert.equal(JSON.parse(text).message, 'Unauthorized');
    assert.equal(seen.length, before);
    const { message: told, code, from } = lines.at(-1) ?? {};
    assert.deepEqual({ told, code, from }, { told: 'a request was refused', code: 401, from: '127.0.0.1' });
  });
}

test('a name that looks like a group is a name', async () => {
  for (const name of [
    `eve\nO=${masters}`,
    `eve/O=${masters}`,
    `eve, O=${masters}`,
    `eve+O=${masters}`,
    `O=${masters}`,
    `eve\u0000${masters}`,
  ]) {
    const { status } = await ask(client(authority, { subject: { name, groups: ['devs'] } }));
    assert.equal(status, 200, name);
    assert.deepEqual(seen.at(-1)?.caller?.groups, ['devs', 'system:authenticated'], name);
    assert.notEqual(seen.at(-1)?.caller?.name, masters);
  }
});

test('whoever answers a call of the server with a redirect leads it nowhere', async (t) => {
  const asked: string[] = [];
  const hook = createServer({ cert: pair.certificate, key: pair.key }, (incoming, outgoing) => {
    asked.push(incoming.url ?? '');
    outgoing.writeHead(307, { location: '/elsewhere' }).end('{}');
  });
  hook.listen(0, '127.0.0.1');
  await once(hook, 'listening');
  t.after(() => {
    hook.closeAllConnections();
    hook.close();
  });
  const { port } = hook.address() as AddressInfo;
  const send = httpTransport({ server: `https://127.0.0.1:${port}`, ca: authority.certificate });
  const answer = await send({ method: 'POST', path: '/hook', query: [], headers: {}, stop: never });
  assert.equal(answer.status, 307);
  assert.deepEqual(asked, ['/hook']);
});
