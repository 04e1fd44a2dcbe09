import assert from 'node:assert/strict';
import { test } from 'node:test';
import { builtInKinds } from '../../api/kinds/all.ts';
import type { ApiRequest, Caller, Method } from '../../api/wire.ts';
import { encodeText, type Json, type JsonObject } from '../../base/json.ts';
import { seeded } from '../../base/random.ts';
import { never } from '../../base/stop.ts';
import { SimClock } from '../../sim/clock.ts';
import { simEnv } from '../../sim/env.ts';
import { MemoryStore } from '../../store/memory.ts';
import { ApiServer, type OpenApiQuestion } from '../server.ts';
import { textOf } from './remote-documents.ts';

const admin: Caller = { name: 'admin', groups: ['system:masters'], extra: {} };
const root = '/apis/wardle.example.com/v1';
const legacy = { resources: [{ name: 'flunders', namespaced: true, kind: 'Flunder', verbs: ['get'] }] };
const swagger = {
  paths: {
    [`${root}/flunders`]: { get: { responses: { 200: { schema: { $ref: '#/definitions/Flunder' } } } } },
    '/apis/apps/v1/deployments': {},
  },
  definitions: { Flunder: { type: 'object' } },
};
const aggregated = (version: string, name: string) => ({
  kind: 'APIGroupDiscoveryList',
  apiVersion: `apidiscovery.k8s.io/${version}`,
  items: [
    {
      metadata: { name: 'wardle.example.com' },
      versions: [{ version: 'v1', resources: [{ resource: name, verbs: ['get'] }], freshness: 'Current' }],
    },
  ],
});
const index = { paths: { [root.slice(1)]: { serverRelativeURL: `/openapi/v3${root}?hash=ABC` } } };

interface Told {
  readonly freshness: string;
  readonly resources: readonly JsonObject[];
}
type Answers = Record<string, Json | number | Error>;

/** A server, another one that was added to it, and what that one is asked. */
async function world(answers: Answers) {
  const clock = new SimClock();
  const asked: ApiRequest[] = [];
  let remote: OpenApiQuestion['remote'] | undefined;
  const server = new ApiServer(simEnv({ clock, random: seeded('aggregation') }), new MemoryStore(), {
    kinds: builtInKinds,
    address: '127.0.0.1:6443',
    openapi: (question) => {
      remote = question.remote;
      return question.path === '/openapi/v2' ? { body: {} } : undefined;
    },
    aggregated: () => async (request) => {
      asked.push(request);
      const answer = answers[request.path] ?? 404;
      if (answer instanceof Error) throw answer;
      const status = typeof answer === 'number' ? answer : 200;
      const text = typeof answer === 'string' ? answer : JSON.stringify(answer);
      // In pieces, as a network would bring it.
      const bytes = encodeText(text);
      async function* pieces() {
        for (let at = 0; at < bytes.length; at += 7) yield bytes.subarray(at, at + 7);
      }
      return { status, headers: {}, mediaType: 'application/json', stream: pieces() };
    },
  });
  await server.bootstrap({ ip: '127.0.0.1', port: 6443, clientAuthority: '' });
  const ask = async (method: Method, path: string, object?: object, accept = 'application/json') => {
    const body = object ? { body: { object: object as Json } } : {};
    const headers = { accept };
    const answer = await server.handle({ method, path, query: [], headers, caller: admin, stop: never, ...body });
    const text = await textOf(answer);
    return { status: answer.status, body: (text.startsWith('{') ? JSON.parse(text) : {}) as JsonObject };
  };
  const make = async (path: string, object: object) => {
    const { status, body } = await ask('POST', path, object);
    assert.equal(status, 201, JSON.stringify(body));
  };
  const settle = async () => {
    for (let n = 0; n < 40; n++) await new Promise((resolve) => setImmediate(resolve));
  };
  await make('/api/v1/namespaces', { metadata: { name: 'wardle' } });
  await make('/api/v1/namespaces/wardle/services', { metadata: { name: 'api' }, spec: { ports: [{ port: 443 }] } });
  await make('/apis/discovery.k8s.io/v1/namespaces/wardle/endpointslices', {
    metadata: { name: 'api-1', labels: { 'kubernetes.io/service-name': 'api' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.1.1.1'], conditions: { ready: true } }],
    ports: [{ name: '', port: 8443 }],
  });
  await make('/apis/apiregistration.k8s.io/v1/apiservices', {
    metadata: { name: 'v1.wardle.example.com' },
    spec: {
      ...{ group: 'wardle.example.com', version: 'v1', groupPriorityMinimum: 1000, versionPriority: 10 },
      ...{ service: { namespace: 'wardle', name: 'api', port: 443 }, insecureSkipTLSVerify: true },
    },
  });
  await settle();
  /** Until it has been looked at once more. */
  const later = () => clock.run(31_000, settle);
  const openApi = async () => {
    assert.equal((await ask('GET', '/openapi/v2')).status, 200);
    return remote as OpenApiQuestion['remote'];
  };
  /** What discovery tells of the version: how fresh it is, and its resources. */
  const discovered = async () => {
    const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
    const { items } = (await ask('GET', '/apis', undefined, accept)).body as { readonly items: readonly JsonObject[] };
    const group = items.find(({ metadata }) => (metadata as JsonObject).name === 'wardle.example.com');
    const [version] = (group?.versions ?? []) as unknown as readonly Told[];
    return [version?.freshness, version?.resources.map(({ resource }) => resource)];
  };
  return { ask, asked, later, openApi, discovered };
}

test('What a server publishes is fetched from it, by one who may read no more than that', async () => {
  const answers = {
    [root]: legacy,
    '/apis': aggregated('v2', 'flundérs'),
    '/openapi/v3': index,
    '/openapi/v2': swagger,
  };
  const { asked, openApi, discovered } = await world(answers);
  assert.deepEqual(await discovered(), ['Current', ['flundérs']]);
  const { places, swagger: parts } = await openApi();
  assert.deepEqual(places, { [root.slice(1)]: `/openapi/v3${root}?hash=ABC` });
  assert.deepEqual(
    parts.map(({ paths }) => Object.keys(paths)),
    [[`${root}/flunders`]],
  );
  const reader = asked.find(({ path }) => path === '/openapi/v2')?.headers ?? {};
  assert.deepEqual([reader['x-remote-user'], reader['x-remote-group']], ['system:aggregator', 'system:authenticated']);
});

test('Discovery in its older form is understood as well, and without either the list of the version is', async () => {
  const older = await world({ [root]: legacy, '/apis': aggregated('v2beta1', 'old') });
  assert.deepEqual(await older.discovered(), ['Current', ['old']]);
  const none = await world({ [root]: legacy, '/apis': { kind: 'APIGroupList', groups: [] } });
  assert.deepEqual(await none.discovered(), ['Current', ['flunders']]);
});

test('Its document of OpenAPI v3 is asked of the server itself, and of nobody where it has none', async () => {
  const answers = { [root]: legacy, '/openapi/v3': index, [`/openapi/v3${root}`]: { openapi: '3.0.0' } };
  const { ask, asked } = await world(answers);
  assert.deepEqual(await ask('GET', `/openapi/v3${root}`), { status: 200, body: { openapi: '3.0.0' } });
  assert.equal(asked.at(-1)?.headers['x-remote-user'], 'admin');
  const without = await world({ [root]: legacy });
  assert.equal((await without.ask('GET', `/openapi/v3${root}`)).status, 404);
});

test('Documents that make no sense are none, and the server is there all the same', async () => {
  const broken = { paths: { [`${root}/flunders`]: { get: { parameters: 5, tags: 7 } } } };
  const { openApi, discovered } = await world({
    ...{ [root]: legacy, '/apis': '{"kind":', '/openapi/v3': [1], '/openapi/v2': broken },
  });
  const { places, swagger: parts } = await openApi();
  assert.deepEqual([places, parts], [{}, []]);
  assert.deepEqual(await discovered(), ['Current', ['flunders']]);
});

test('A document that fails to come once is the one that came before; one that is gone is gone', async () => {
  const answers: Answers = { [root]: legacy, '/openapi/v3': index, '/openapi/v2': swagger };
  const { openApi, later } = await world(answers);
  const { version } = await openApi();
  await later();
  assert.equal((await openApi()).version, version);
  answers['/openapi/v2'] = new Error('connection reset');
  answers['/openapi/v3'] = 404;
  await later();
  const now = await openApi();
  assert.deepEqual([now.places, now.swagger.length], [{}, 1]);
  assert.ok(now.version > version);
});

test('A server is there all the time while what is said of it changes', async () => {
  const { ask } = await world({ [root]: legacy, [`${root}/flunders`]: { items: [] } });
  const path = '/apis/apiregistration.k8s.io/v1/apiservices/v1.wardle.example.com';
  const { body } = await ask('GET', path);
  const spec = { ...(body['spec'] as JsonObject), versionPriority: 400 };
  assert.equal((await ask('PUT', path, { ...body, spec })).status, 200);
  assert.equal((await ask('GET', `${root}/flunders`)).status, 200);
});

test('What a server published is dropped while it is away', async () => {
  const answers: Answers = { [root]: legacy, '/openapi/v3': index, '/openapi/v2': swagger };
  const { ask, openApi, discovered, later } = await world(answers);
  assert.equal((await openApi()).swagger.length, 1);
  answers[root] = 503;
  await later();
  const { places, swagger: parts } = await openApi();
  assert.deepEqual([places, parts], [{}, []]);
  assert.deepEqual(await discovered(), ['Stale', ['flunders']]);
  assert.equal((await ask('GET', `/openapi/v3${root}`)).status, 404);
  answers[root] = legacy;
  await later();
  assert.equal((await openApi()).swagger.length, 1);
});
