import assert from 'node:assert/strict';
import { test } from 'node:test';
import { builtInKinds } from '../api/kinds/all.ts';
import { type ConfigMap, configMaps } from '../api/kinds/config-map.ts';
import { namespaces } from '../api/kinds/namespace.ts';
import type { ApiRequest, Caller, Method, WatchEvent, Watching } from '../api/wire.ts';
import { encodeText, type Json, type JsonObject } from '../base/json.ts';
import { seeded } from '../base/random.ts';
import { never, StopSource } from '../base/stop.ts';
import { act } from '../client/action.ts';
import { Client, jsonOf } from '../client/client.ts';
import { bootstrap } from '../machinery/bootstrap.ts';
import { SimClock } from '../sim/clock.ts';
import { simEnv } from '../sim/env.ts';
import { MemoryStore } from '../store/memory.ts';
import { ApiServer, type OpenApiAnswer } from './server.ts';

const admin: Caller = { name: 'admin', groups: ['system:masters'], extra: {} };
const maps = '/api/v1/namespaces/default/configmaps';
const jsonMerge = 'application/merge-patch+json';

async function world() {
  const env = simEnv({ clock: new SimClock(), random: seeded('server') });
  // Nobody here makes service accounts.
  const admission = { disable: ['ServiceAccount'] };
  const store = new MemoryStore();
  const described: Readonly<Record<string, OpenApiAnswer>> = {
    '/openapi/v2': { body: {}, etag: '"two"' },
    '/openapi/v3': { body: {}, bytes: encodeText('{}'), etag: '"three"' },
  };
  const server = new ApiServer(env, store, {
    kinds: builtInKinds,
    address: '127.0.0.1:6443',
    admission,
    openapi: ({ path }) => described[path],
  });
  const client = new Client(server.handle, admin);
  await server.bootstrap({ ip: '127.0.0.1', port: 6443, clientAuthority: '' });
  await bootstrap(client, { serviceRange: '10.96.0.0/16', apiServiceIp: '10.96.0.1', port: 6443 });
  const send = (method: Method, path: string, more: Partial<ApiRequest> = {}) => {
    const [bare = '', asked = ''] = path.split('?');
    const query = [...new URLSearchParams(asked)] as [string, string][];
    return server.handle({ method, path: bare, query, headers: {}, caller: admin, stop: never, ...more });
  };
  const ask = async (method: Method, path: string, more: Partial<ApiRequest> = {}) => {
    const response = await send(method, path, more);
    return {
      status: response.status,
      response,
      body: 'watch' in response ? {} : ((await jsonOf(response)) as JsonObject),
    };
  };
  const body = (object: Json, mediaType = 'application/json') => ({
    body: { bytes: encodeText(JSON.stringify(object)), mediaType },
  });
  return { server, store, client, send, ask, body };
}

const map = (name: string, data: Readonly<Record<string, string>> = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data,
});

test('ApiServer creates, reads, changes and deletes an object', async () => {
  const { ask, body } = await world();
  assert.equal((await ask('POST', maps, body(map('a', { k: 'v' })))).status, 201);
  assert.equal((await ask('POST', maps, body(map('a')))).body.reason, 'AlreadyExists');
  const patched = await ask('PATCH', `${maps}/a`, body({ data: { k: null, l: 'w' } }, jsonMerge));
  assert.deepEqual(patched.body.data, { l: 'w' });
  const deleted = await ask('DELETE', `${maps}/a`);
  assert.equal(deleted.body.status, 'Success');
  assert.equal((await ask('GET', `${maps}/a`)).status, 404);
});

test('ApiServer refuses a write that was made from an old revision', async () => {
  const { ask, body } = await world();
  const made = (await ask('POST', maps, body(map('a')))).body;
  await ask('PATCH', `${maps}/a`, body({ data: { k: 'v' } }, jsonMerge));
  const stale = await ask('PUT', `${maps}/a`, body(made));
  assert.equal(stale.status, 409);
  assert.equal(stale.body.reason, 'Conflict');
});

test('ApiServer writes nothing when nothing changed, so that no watcher wakes', async () => {
  const { ask, body } = await world();
  const made = (await ask('POST', maps, body(map('a', { k: 'v' })))).body.metadata as JsonObject;
  const same = (await ask('PATCH', `${maps}/a`, body({ data: { k: 'v' } }, jsonMerge))).body.metadata as JsonObject;
  assert.equal(same.resourceVersion, made.resourceVersion);
});

test('ApiServer answers strangers 403, strangers with a wrong token 401, and lets anybody read the version', async () => {
  const { server } = await world();
  const base = { method: 'GET' as const, query: [], stop: never };
  assert.equal((await server.handle({ ...base, path: maps, headers: {} })).status, 403);
  assert.equal((await server.handle({ ...base, path: maps, headers: { authorization: 'Bearer guess' } })).status, 401);
  assert.equal((await server.handle({ ...base, path: '/version', headers: {} })).status, 200);
});

test('ApiServer tells what is wrong with a body: the field, in upstream words', async () => {
  const { ask, body } = await world();
  const wrong = await ask('POST', maps, body({ ...map('a'), data: { k: 7 } }));
  assert.equal(wrong.status, 400);
  assert.match(
    String(wrong.body.message),
    /cannot unmarshal number into Go struct field ConfigMap\.data of type string/,
  );
  const unknown = await ask('POST', `${maps}?fieldValidation=Strict`, body({ ...map('a'), date: {} }));
  assert.match(String(unknown.body.message), /strict decoding error: unknown field "date"/);
  const broken = await ask('POST', maps, { body: { bytes: encodeText('{'), mediaType: 'application/json' } });
  assert.equal(broken.status, 400);
  const text = await ask('POST', maps, { body: { bytes: encodeText('x'), mediaType: 'text/plain' } });
  assert.equal(text.status, 415);
});

test('ApiServer creates nothing in a namespace that is not there', async () => {
  const { ask, body } = await world();
  const refused = await ask('POST', '/api/v1/namespaces/absent/configmaps', body(map('a')));
  assert.equal(refused.status, 404);
  assert.match(String(refused.body.message), /namespaces "absent" not found/);
});

test('ApiServer keeps an object with finalizers until they are gone', async () => {
  const { ask, body } = await world();
  await ask('POST', maps, body({ ...map('a'), metadata: { name: 'a', finalizers: ['example.com/hold'] } }));
  const held = await ask('DELETE', `${maps}/a`);
  assert.ok((held.body.metadata as JsonObject).deletionTimestamp);
  assert.equal((await ask('GET', `${maps}/a`)).status, 200);
  await ask('PATCH', `${maps}/a`, body({ metadata: { finalizers: null } }, jsonMerge));
  assert.equal((await ask('GET', `${maps}/a`)).status, 404);
});

test('ApiServer lists in pages of one revision, whatever is written meanwhile', async () => {
  const { ask, body } = await world();
  for (const name of ['a', 'b', 'c']) await ask('POST', maps, body(map(name)));
  const first = await ask('GET', `${maps}?limit=2`);
  const token = (first.body.metadata as JsonObject).continue as string;
  await ask('POST', maps, body(map('d')));
  const second = await ask('GET', `${maps}?limit=2&continue=${token}`);
  assert.deepEqual([namesIn(first.body), namesIn(second.body)], [['a', 'b'], ['c']]);
  assert.equal((await ask('GET', `${maps}?limit=x`)).status, 400);
});

test('a page whose revision is gone is answered 410, with a token for the rest as it is now', async () => {
  const { ask, body, store } = await world();
  for (const name of ['a', 'b', 'c']) await ask('POST', maps, body(map(name)));
  const { metadata } = (await ask('GET', `${maps}?limit=1`)).body as { metadata: { continue: string } };
  await ask('DELETE', `${maps}/b`);
  await ask('POST', maps, body(map('d')));
  await store.compact(store.revision);
  const aged = await ask('GET', `${maps}?limit=1&continue=${metadata.continue}`);
  assert.deepEqual([aged.status, aged.body.reason], [410, 'Expired']);
  assert.match(aged.body.message as string, /^The provided continue parameter is too old .* an inconsistent list/);
  const later = (aged.body.metadata as JsonObject).continue as string;
  assert.notEqual(later, metadata.continue);
  const rest = await ask('GET', `${maps}?continue=${later}`);
  assert.deepEqual([rest.status, namesIn(rest.body)], [200, ['c', 'd']]);
});

test('a watch from a revision that is gone opens, says 410 and ends', async () => {
  const { ask, body, store } = await world();
  const since = store.revision;
  for (const name of ['a', 'b']) await ask('POST', maps, body(map(name)));
  await store.compact(store.revision);
  const { response, status } = await ask('GET', `${maps}?watch=1&resourceVersion=${since}`);
  assert.ok(status === 200 && 'watch' in response);
  let ends = 0;
  response.watch.onEnd(() => ends++);
  const [gone, ...more] = collected(response.watch) as unknown as { type: string; object: JsonObject }[];
  assert.deepEqual([gone?.type, gone?.object.code, gone?.object.reason, more.length], ['ERROR', 410, 'Expired', 0]);
  assert.equal(ends, 1);
});

test('a watch from a revision that is still to come waits for it and tells what comes after it', async () => {
  const { ask, body, store } = await world();
  const { response } = await ask('GET', `${maps}?watch=1&resourceVersion=${store.revision + 2}`);
  assert.ok('watch' in response);
  const events = collected(response.watch) as unknown as { object: { metadata: { name: string } } }[];
  for (const name of ['a', 'b', 'c']) await ask('POST', maps, body(map(name)));
  assert.deepEqual(
    events.map(({ object }) => object.metadata.name),
    ['c'],
  );
});

test('documents of the API are told again only when they are others', async () => {
  const { send } = await world();
  const aggregated = (version: string) =>
    `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
  const documents = [
    ['/apis', aggregated('v2')],
    ['/apis', aggregated('v2beta1')],
    ['/api', aggregated('v2')],
    ['/openapi/v2', 'application/json'],
    ['/openapi/v3', 'application/json'],
  ] as const;
  for (const [path, accept] of documents) {
    const first = await send('GET', path, { headers: { accept } });
    assert.equal(first.status, 200, path);
    const tag = 'headers' in first ? first.headers?.etag : undefined;
    assert.ok(tag, `${path} has an ETag`);
    const asked = (known: string) => send('GET', path, { headers: { accept, 'if-none-match': known } });
    assert.equal((await asked(tag)).status, 304, `${path} is known`);
    assert.equal((await asked('"another"')).status, 200, path);
  }
});

test('a watch shows an object that leaves its selector as deleted', async () => {
  const { client, ask, body } = await world();
  await ask('POST', maps, body({ ...map('a'), metadata: { name: 'a', labels: { app: 'web' } } }));
  const { revision } = await client.list<ConfigMap>(configMaps, { namespace: 'default' });
  const stop = new StopSource();
  const watching = await client.watch(configMaps, { namespace: 'default', labels: 'app=web', since: revision }, stop);
  const events = collected(watching as unknown as Watching);
  await ask('PATCH', `${maps}/a`, body({ data: { k: 'v' } }, jsonMerge));
  await ask('PATCH', `${maps}/a`, body({ metadata: { labels: { app: 'other' } } }, jsonMerge));
  await ask('PATCH', `${maps}/a`, body({ metadata: { labels: { app: 'web' } } }, jsonMerge));
  await ask('DELETE', `${maps}/a`);
  assert.deepEqual(
    events.map(({ type }) => type),
    ['MODIFIED', 'DELETED', 'ADDED', 'DELETED'],
  );
  stop.stop();
});

test('a watch list begins with what is there and marks its end', async () => {
  const { ask, body, server } = await world();
  await ask('POST', maps, body(map('a')));
  const query = 'watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
  const { response } = await ask('GET', `${maps}?${query}`);
  assert.ok('watch' in response);
  const events = collected(response.watch);
  assert.deepEqual(
    events.map(({ type }) => type),
    ['ADDED', 'BOOKMARK'],
  );
  assert.equal(events[1]?.object.metadata.annotations?.['k8s.io/initial-events-end'], 'true');
  const refused = await ask('GET', `${maps}?watch=true&sendInitialEvents=true`);
  assert.equal(refused.status, 422);
  assert.ok(server.kinds.all().length > 60);
});

test('deleting a namespace keeps it, terminating, until its finalizer is taken off', async () => {
  const { client, ask, body } = await world();
  await client.send(act({ verb: 'create', kind: namespaces, object: { metadata: { name: 'team' } } }));
  const deleted = await ask('DELETE', '/api/v1/namespaces/team');
  assert.deepEqual(deleted.body.status, { phase: 'Terminating' });
  const late = await ask('POST', '/api/v1/namespaces/team/configmaps', body(map('late')));
  assert.equal(late.status, 403);
  const finalized = { ...deleted.body, spec: { finalizers: [] } };
  await ask('PUT', '/api/v1/namespaces/team/finalize', body(finalized));
  assert.equal((await ask('GET', '/api/v1/namespaces/team')).status, 404);
  assert.equal((await ask('DELETE', '/api/v1/namespaces/default')).status, 403);
});

test('a Deployment without a selector is refused by field, not by a crash', async () => {
  const { ask, body } = await world();
  const containers = [{ name: 'c', image: 'i' }];
  const template = { metadata: { labels: { app: 'web' } }, spec: { containers } };
  const draft = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web' },
    spec: { selector: null, template },
  };
  const refused = await ask('POST', '/apis/apps/v1/namespaces/default/deployments', body(draft));
  assert.equal(refused.status, 422);
  assert.match(String(refused.body.message), /spec\.selector: Required value/);
});

test('a binding gives a pod its node, once, though an update of the pod may not', async () => {
  const { ask, body } = await world();
  const path = '/api/v1/namespaces/default/pods';
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'a' },
    spec: { containers: [{ name: 'c', image: 'i' }] },
  };
  assert.equal((await ask('POST', path, body(pod))).status, 201);
  assert.equal((await ask('PATCH', `${path}/a`, body({ spec: { nodeName: 'n' } }, jsonMerge))).status, 422);
  const binding = { apiVersion: 'v1', kind: 'Binding', metadata: { name: 'a' }, target: { kind: 'Node', name: 'n' } };
  assert.equal((await ask('POST', `${path}/a/binding`, body(binding))).status, 201);
  const bound = (await ask('GET', `${path}/a`)).body;
  assert.equal((bound.spec as JsonObject).nodeName, 'n');
  assert.equal((await ask('POST', `${path}/a/binding`, body(binding))).status, 409);
});

test('a binding that is made by itself says which pod it is for', async () => {
  const { ask, body } = await world();
  const bind = async (metadata: JsonObject, target: JsonObject) => {
    const { status, body: told } = await ask('POST', '/api/v1/namespaces/default/bindings', body({ metadata, target }));
    return [status, told.message];
  };
  const node = { kind: 'Node', name: 'n' };
  assert.deepEqual(await bind({}, {}), [500, 'target.name: Required value']);
  assert.deepEqual(await bind({}, node), [400, 'Name parameter required.']);
  const slash = `Name parameter invalid: "../up": may not contain '/'`;
  assert.deepEqual(await bind({ name: '../up' }, node), [400, slash]);
});

test('a patch of a status keeps nothing else, and what it says of the rest is checked all the same', async () => {
  const { ask, body } = await world();
  const path = '/api/v1/namespaces/default/pods';
  const spec = { containers: [{ name: 'c', image: 'i' }] };
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' }, spec };
  const made = await ask('POST', path, body(pod));
  const patch = (change: Json, strict = 'Strict') =>
    ask('PATCH', `${path}/a/status?fieldValidation=${strict}`, body(change, jsonMerge));
  const told = await patch({ status: { phase: 'Running' } });
  assert.deepEqual([told.body.spec, (told.body.status as JsonObject).phase], [made.body.spec, 'Running']);
  const odd = await patch({ spec: { bogus: 1 } });
  assert.equal(odd.status, 422);
  assert.match(String(odd.body.message), /unknown field "spec\.bogus"/);
  const wrong = await patch({ spec: { hostNetwork: 'yes' } }, 'Warn');
  assert.equal(wrong.status, 422);
  const other = await patch({ spec: { hostname: 'b' }, status: { phase: 'Failed' } });
  assert.deepEqual([other.body.spec, (other.body.status as JsonObject).phase], [made.body.spec, 'Failed']);
});

test('whoever asks while the store is closed hears that the server is shutting down, and nobody calls it a bug', async () => {
  const told: string[] = [];
  const log = { debug: () => {}, info: () => {}, error: (message: string) => void told.push(message) };
  const env = simEnv({ clock: new SimClock(), random: seeded('server'), log });
  const store = new MemoryStore();
  const server = new ApiServer(env, store, { kinds: builtInKinds, address: '127.0.0.1:6443' });
  await store.close();
  const response = await server.handle({
    method: 'GET',
    path: maps,
    query: [],
    headers: {},
    caller: admin,
    stop: never,
  });
  const { reason, message } = (await jsonOf(response)) as JsonObject;
  assert.deepEqual(
    [response.status, reason, message, told],
    [503, 'ServiceUnavailable', 'the server is shutting down', []],
  );
});

const namesIn = (list: JsonObject) =>
  (list.items as JsonObject[]).map((item) => (item.metadata as JsonObject).name as string);

function collected(watching: Watching): WatchEvent[] {
  const events: WatchEvent[] = [];
  watching.onBatch((batch) => {
    events.push(...batch);
    return 'more';
  });
  return events;
}
