import assert from 'node:assert/strict';
import { test } from 'node:test';
import { builtInKinds } from '../../api/kinds/all.ts';
import type { Caller, Method } from '../../api/wire.ts';
import type { JsonObject } from '../../base/json.ts';
import { seeded } from '../../base/random.ts';
import { never } from '../../base/stop.ts';
import { Client } from '../../client/client.ts';
import { bootstrap } from '../../machinery/bootstrap.ts';
import { SimClock } from '../../sim/clock.ts';
import { simEnv } from '../../sim/env.ts';
import { MemoryStore } from '../../store/memory.ts';
import { ApiServer } from '../server.ts';
import { ServiceAccountTokens } from './service-account-tokens.ts';

const admin: Caller = { name: 'admin', groups: ['system:masters'], extra: {} };
const accounts = '/api/v1/namespaces/default/serviceaccounts';
const reviews = '/apis/authentication.k8s.io/v1/selfsubjectreviews';

async function world() {
  const env = simEnv({ clock: new SimClock(), random: seeded('tokens') });
  const access = {
    signing: {
      issuer: 'https://own',
      audiences: ['https://own'],
      keyId: 'k',
      publicKeys: [{ kid: 'k' }],
      isBelieved: () => true,
    },
  };
  // Nobody here makes service accounts.
  const admission = { disable: ['ServiceAccount'] };
  const server = new ApiServer(env, new MemoryStore(), {
    kinds: builtInKinds,
    address: '127.0.0.1:6443',
    access,
    admission,
  });
  await server.bootstrap({ ip: '127.0.0.1', port: 6443, clientAuthority: 'PEM' });
  await bootstrap(new Client(server.handle, admin), {
    serviceRange: '10.96.0.0/16',
    apiServiceIp: '10.96.0.1',
    port: 6443,
  });
  const send = async (words: string, object?: object, how: { caller?: Caller; token?: string } = { caller: admin }) => {
    const [method = 'GET', path = '/'] = words.split(' ');
    const { caller, token } = how;
    const response = await server.handle({
      method: method as Method,
      path,
      query: [],
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      stop: never,
      ...(caller ? { caller } : {}),
      ...(object ? { body: { object: object as never } } : {}),
    });
    const body = 'body' in response && 'object' in response.body ? response.body.object : undefined;
    const chunks = 'chunks' in response ? JSON.parse(Buffer.concat(response.chunks).toString()) : {};
    return { status: response.status, body: (body ?? chunks) as JsonObject };
  };
  const who = async (token: string) => send(`POST ${reviews}`, {}, { token });
  await send(`POST ${accounts}`, { metadata: { name: 'builder' } });
  return { send, who };
}
const statusOf = ({ body }: { readonly body: JsonObject }) => body.status as JsonObject;

test('a requested token is for its account, for as long as was asked, and says so', async () => {
  const { send, who } = await world();
  const made = await send(`POST ${accounts}/builder/token`, { spec: { expirationSeconds: 900 } });
  assert.equal(made.status, 201);
  assert.deepEqual(made.body.spec, { audiences: ['https://own'], expirationSeconds: 900, boundObjectRef: null });
  const known = await who(String(statusOf(made).token));
  const { username, groups } = statusOf(known).userInfo as JsonObject;
  assert.equal(username, 'system:serviceaccount:default:builder');
  assert.deepEqual(groups, ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated']);
});

test('a token is refused with another audience, and when its account has gone', async () => {
  const { send, who } = await world();
  const token = async (spec: object) => String(statusOf(await send(`POST ${accounts}/builder/token`, { spec })).token);
  assert.equal((await who(await token({ audiences: ['vault'] }))).status, 401);
  const own = await token({});
  assert.equal((await who(own)).status, 201);
  await send(`DELETE ${accounts}/builder`);
  assert.equal((await who(own)).status, 401);
  await send(`POST ${accounts}`, { metadata: { name: 'builder' } });
  assert.equal((await who(own)).status, 401);
});

test('a token request is refused by field, by account and by what it wants to be bound to', async () => {
  const { send } = await world();
  const status = async (spec: object, name = 'builder') =>
    (await send(`POST ${accounts}/${name}/token`, { spec })).status;
  assert.equal(await status({ expirationSeconds: 599 }), 422);
  assert.equal(await status({ expirationSeconds: 2 ** 32 + 1 }), 422);
  assert.equal(await status({}, 'nobody'), 404);
  const bound = (kind: string, name: string) => ({ boundObjectRef: { apiVersion: 'v1', kind, name } });
  assert.equal(await status(bound('Pod', 'none')), 404);
  assert.equal(await status(bound('ConfigMap', 'x')), 400);
  await send('POST /api/v1/namespaces/default/pods', {
    metadata: { name: 'web' },
    spec: { serviceAccountName: 'other', containers: [{ name: 'c', image: 'x' }] },
  });
  assert.equal(await status(bound('Pod', 'web')), 400);
});

test('a Secret that asks for a token gets one, and goes with its account', async () => {
  const { send, who } = await world();
  const secret = '/api/v1/namespaces/default/secrets';
  const annotations = { 'kubernetes.io/service-account.name': 'builder' };
  await send(`POST ${secret}`, { metadata: { name: 's', annotations }, type: 'kubernetes.io/service-account-token' });
  const settled = () => new Promise<void>((resolve) => setImmediate(resolve));
  await settled();
  const { data, metadata } = (await send(`GET ${secret}/s`)).body as Readonly<Record<string, JsonObject>>;
  const text = (key: string) => Buffer.from(String(data?.[key]), 'base64').toString();
  assert.deepEqual([text('namespace'), text('ca.crt')], ['default', 'PEM']);
  assert.match(JSON.stringify(metadata?.annotations), /"kubernetes.io\/service-account.uid":"/);
  assert.equal((await who(text('token'))).status, 201);
  await send(`DELETE ${accounts}/builder`);
  await settled();
  assert.equal((await send(`GET ${secret}/s`)).status, 404);
  assert.equal((await who(text('token'))).status, 401);
});

test('the keys and the issuer are told to whoever may ask', async () => {
  const { send } = await world();
  assert.equal((await send('GET /openid/v1/jwks')).status, 200);
  assert.equal((await send('GET /openid/v1/jwks', undefined, {})).status, 403);
});

test('Tokens that are good are counted, those apart that should have been replaced by now', async () => {
  const counted: string[] = [];
  const metrics = { count: (name: string) => void counted.push(name), gauge: () => {}, observe: () => {} };
  const clock = new SimClock();
  const env = { ...simEnv({ clock, random: seeded('stale') }), metrics };
  const store = new MemoryStore();
  const account = { name: 'builder', uid: 'u' };
  await store.commit('/core/serviceaccounts/default/builder', 0, { metadata: account });
  const signing = { issuer: 'https://own', audiences: ['own'], keyId: 'k', publicKeys: [], isBelieved: () => true };
  const tokens = new ServiceAccountTokens(env, store, signing);
  const bound = { namespace: 'default', serviceaccount: account };
  const token = tokens.issue({ bound, audiences: ['own'], seconds: 10_000, warnAfterSeconds: 60 });
  const verify = async () => assert.ok('caller' in ((await tokens.verify(token, ['own'])) ?? {}));
  await verify();
  clock.after(61_000, () => {});
  clock.step(61_000);
  await verify();
  assert.deepEqual(counted, ['serviceaccount_valid_tokens_total', 'serviceaccount_stale_tokens_total']);
});
