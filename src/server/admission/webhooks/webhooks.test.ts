import assert from 'node:assert/strict';
import { test } from 'node:test';
import { builtInKinds } from '../../../api/kinds/all.ts';
import type { ApiRequest, Caller, Method } from '../../../api/wire.ts';
import { isObject, type Json, type JsonObject } from '../../../base/json.ts';
import { seeded } from '../../../base/random.ts';
import { never } from '../../../base/stop.ts';
import { Client, jsonOf } from '../../../client/client.ts';
import { bootstrap } from '../../../machinery/bootstrap.ts';
import { SimClock } from '../../../sim/clock.ts';
import { simEnv } from '../../../sim/env.ts';
import { MemoryStore } from '../../../store/memory.ts';
import { ApiServer } from '../../server.ts';

const admin: Caller = { name: 'admin', groups: ['system:masters'], extra: {} };
const maps = '/api/v1/namespaces/default/configmaps';

type Answer = (request: JsonObject) => JsonObject | 'silence';

/** A server, hooks by host name, and what they were asked. */
async function world(hooks: Readonly<Record<string, Answer>>) {
  const clock = new SimClock();
  const env = simEnv({ clock, random: seeded('webhooks') });
  const asked: JsonObject[] = [];
  const queries: ApiRequest['query'][] = [];
  const server = new ApiServer(env, new MemoryStore(), {
    kinds: builtInKinds,
    address: '127.0.0.1:6443',
    outward: (target) => async (request) => {
      const review = (request.body as { readonly object: JsonObject }).object;
      const sent = review['request'] as JsonObject;
      asked.push(sent);
      queries.push(request.query);
      const answer = hooks[target.server.replace('https://', '')]?.(sent);
      if (!answer) throw new Error('connection refused');
      if (answer === 'silence') return new Promise(() => {});
      const response = { uid: sent['uid'] as Json, ...answer };
      return { status: 200, body: { object: { ...review, request: null, response } as Json } };
    },
  });
  await bootstrap(new Client(server.handle, admin), {
    serviceRange: '10.96.0.0/16',
    apiServiceIp: '10.96.0.1',
    port: 6443,
  });
  const ask = async (method: Method, path: string, object?: object, query: [string, string][] = []) => {
    const body = object ? { body: { object: object as Json } } : {};
    const response = await server.handle({ method, path, query, headers: {}, caller: admin, stop: never, ...body });
    return {
      status: response.status,
      warning: response.headers?.['warning'],
      body: (await jsonOf(response)) as JsonObject,
    };
  };
  const hooked = async (kind: 'Mutating' | 'Validating', name: string, ...webhooks: readonly object[]) => {
    const path = `/apis/admissionregistration.k8s.io/v1/${kind.toLowerCase()}webhookconfigurations`;
    const whole = webhooks.map((webhook) => ({ ...everyMap, ...webhook }));
    const { status, body } = await ask('POST', path, { metadata: { name }, webhooks: whole });
    assert.equal(status, 201, JSON.stringify(body));
  };
  return { ask, hooked, asked, queries, clock };
}

const everyMap = {
  sideEffects: 'None',
  admissionReviewVersions: ['v1'],
  rules: [{ operations: ['*'], apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'] }],
};
const at = (host: string) => ({ clientConfig: { url: `https://${host}/hook` } });
const map = (name: string, data: object = {}, labels: object = {}) => ({ metadata: { name, labels }, data });
const patch = (...operations: readonly object[]) => ({
  allowed: true,
  patchType: 'JSONPatch',
  patch: btoa(JSON.stringify(operations)),
});

test('a validating webhook is told everything of a request, and its refusal is the answer', async () => {
  const { ask, hooked, asked } = await world({
    judge: ({ operation }) => (operation === 'DELETE' ? { allowed: false } : { allowed: true, warnings: ['careful'] }),
  });
  await hooked('Validating', 'judge', { name: 'judge.example.com', ...at('judge') });
  const made = await ask('POST', maps, map('a', { k: 'v' }));
  assert.deepEqual([made.status, made.warning], [201, '299 - "careful"']);
  const [sent = {}] = asked;
  assert.deepEqual(sent['resource'], { group: '', version: 'v1', resource: 'configmaps' });
  assert.deepEqual([sent['name'], sent['namespace'], sent['operation']], ['a', 'default', 'CREATE']);
  assert.deepEqual(sent['userInfo'], { username: 'admin', groups: ['system:masters'] });
  assert.deepEqual([(sent['object'] as JsonObject)['data'], sent['oldObject']], [{ k: 'v' }, null]);
  const refused = await ask('DELETE', `${maps}/a`);
  const message = 'admission webhook "judge.example.com" denied the request without explanation';
  assert.deepEqual([refused.status, refused.body['message']], [400, message]);
  assert.equal(asked[1]?.['object'], null);
  assert.ok(isObject(asked[1]?.['oldObject']));
});

test('mutating webhooks change objects in turn, and whoever wishes sees again what came after', async () => {
  const { ask, hooked } = await world({
    first: ({ object }) => {
      const data = (object as JsonObject)['data'] as JsonObject;
      return patch({ op: 'add', path: '/data/seen', value: Object.keys(data).sort().join() });
    },
    second: () => patch({ op: 'add', path: '/data/second', value: 'yes' }, { op: 'add', path: '/wrong', value: 1 }),
  });
  await hooked('Mutating', 'a', { name: 'first.example.com', ...at('first'), reinvocationPolicy: 'IfNeeded' });
  await hooked('Mutating', 'b', { name: 'second.example.com', ...at('second') });
  const { status, body } = await ask('POST', maps, map('a', { own: 'x' }));
  assert.equal(status, 201, JSON.stringify(body));
  assert.deepEqual(body['data'], { own: 'x', seen: 'own,second,seen', second: 'yes' });
  assert.equal('wrong' in body, false);
});

test('a webhook is asked only about what it selects', async () => {
  const { ask, hooked, asked } = await world({ judge: () => ({ allowed: true }) });
  await hooked('Validating', 'judge', {
    name: 'judge.example.com',
    ...at('judge'),
    objectSelector: { matchLabels: { watched: 'yes' } },
    namespaceSelector: {
      matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'In', values: ['default'] }],
    },
  });
  await ask('POST', maps, map('plain'));
  await ask('POST', '/api/v1/namespaces/kube-system/configmaps', map('other', {}, { watched: 'yes' }));
  await ask('POST', '/api/v1/namespaces/default/secrets', map('secret', {}, { watched: 'yes' }));
  assert.equal(asked.length, 0);
  await ask('POST', maps, map('watched', {}, { watched: 'yes' }));
  // Leaving the selection is told too.
  await ask('PUT', `${maps}/watched`, map('watched'));
  assert.deepEqual(
    asked.map(({ operation }) => operation),
    ['CREATE', 'UPDATE'],
  );
});

test('a webhook that fails stops the request, unless its policy is to be ignored', async () => {
  const { ask, hooked, queries, clock } = await world({
    silent: () => 'silence',
    strange: () => ({ allowed: true, uid: 'other' }),
  });
  await hooked('Validating', 'gone', { name: 'gone.example.com', ...at('gone'), failurePolicy: 'Ignore' });
  assert.equal((await ask('POST', maps, map('a'))).status, 201);
  await hooked('Validating', 'strange', { name: 'strange.example.com', ...at('strange') });
  const strange = await ask('POST', maps, map('b'));
  assert.equal(strange.status, 500);
  assert.match(
    String(strange.body['message']),
    /^Internal error occurred: failed calling webhook "strange.example.com": .*response.uid/,
  );
  await ask('DELETE', '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/strange');
  await hooked('Validating', 'silent', { name: 'silent.example.com', ...at('silent'), timeoutSeconds: 2 });
  const waiting = ask('POST', maps, map('c'));
  for (let n = 0; n < 20; n++) await new Promise((resolve) => setImmediate(resolve));
  while (clock.step(2_000));
  const late = await waiting;
  assert.equal(late.status, 500);
  assert.match(String(late.body['message']), /Post "https:\/\/silent\S*\?timeout=2s": context deadline exceeded/);
  assert.deepEqual(queries.at(-1), [['timeout', '2s']]);
});

test('a webhook with side effects stops a dry run', async () => {
  const { ask, hooked } = await world({ judge: () => ({ allowed: true }) });
  await hooked('Validating', 'judge', { name: 'judge.example.com', ...at('judge'), sideEffects: 'NoneOnDryRun' });
  assert.equal((await ask('POST', maps, map('a'), [['dryRun', 'All']])).status, 201);
});

test('a webhook is asked only where its match conditions hold, and one that fails counts as its failure', async () => {
  const { ask, hooked, asked } = await world({ judge: () => ({ allowed: true }) });
  const matchConditions = [
    { name: 'named', expression: "object.metadata.name.startsWith('a')" },
    { name: 'may', expression: "authorizer.group('').resource('pods').check('list').allowed()" },
  ];
  await hooked('Validating', 'judge', { name: 'judge.example.com', ...at('judge'), matchConditions });
  assert.equal((await ask('POST', maps, map('b'))).status, 201);
  assert.equal(asked.length, 0);
  assert.equal((await ask('POST', maps, map('a'))).status, 201);
  assert.equal(asked.length, 1);
  const failing = { matchConditions: [{ name: 'x', expression: "object.data.missing == ''" }] };
  await hooked('Validating', 'strict', { name: 'strict.example.com', ...at('judge'), ...failing });
  assert.equal((await ask('POST', maps, map('c', { k: 'v' }))).status, 403);
});
