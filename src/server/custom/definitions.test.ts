import assert from 'node:assert/strict';
import { test } from 'node:test';
import { builtInKinds } from '../../api/kinds/all.ts';
import type { ApiRequest, Caller, Method } from '../../api/wire.ts';
import { encodeText, type Json, type JsonObject } from '../../base/json.ts';
import { seeded } from '../../base/random.ts';
import { never } from '../../base/stop.ts';
import { jsonOf } from '../../client/client.ts';
import { SimClock } from '../../sim/clock.ts';
import { simEnv } from '../../sim/env.ts';
import { MemoryStore } from '../../store/memory.ts';
import { ApiServer } from '../server.ts';

const admin: Caller = { name: 'admin', groups: ['system:masters'], extra: {} };
const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const merge = 'application/merge-patch+json';

function world(store = new MemoryStore()) {
  const env = simEnv({ clock: new SimClock(), random: seeded('custom') });
  const server = new ApiServer(env, store, { kinds: builtInKinds, address: '127.0.0.1:6443' });
  const ask = async (method: Method, path: string, object?: Json, mediaType = 'application/json') => {
    const [bare = '', query = ''] = path.split('?');
    const request: ApiRequest = {
      method,
      path: bare,
      query: [...new URLSearchParams(query)] as [string, string][],
      headers: {},
      caller: admin,
      stop: never,
      ...(object === undefined ? {} : { body: { bytes: encodeText(JSON.stringify(object)), mediaType } }),
    };
    const response = await server.handle(request);
    // A path that is not served is answered in plain text.
    const body = response.status === 404 ? {} : ((await jsonOf(response)) as JsonObject);
    return { status: response.status, headers: response.headers, body };
  };
  return { ask, store, server };
}

const schema = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      required: ['size'],
      properties: {
        size: { type: 'integer', minimum: 1, maximum: 10 },
        color: { type: 'string', default: 'red' },
        parts: {
          type: 'array',
          maxItems: 5,
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name'],
          items: {
            type: 'object',
            required: ['name'],
            properties: { name: { type: 'string', maxLength: 9 }, count: { type: 'integer' } },
            'x-kubernetes-validations': [{ rule: '!has(oldSelf.count) || self.count >= oldSelf.count' }],
          },
        },
      },
      'x-kubernetes-validations': [
        { rule: "self.size < 9 || self.color == 'red'", message: 'big must be red', fieldPath: '.size' },
        {
          rule: 'self.size >= oldSelf.size',
          messageExpression: "self.size < 2 ? 'cannot shrink to 1' : 'cannot shrink'",
        },
      ],
    },
    status: { type: 'object', properties: { ready: { type: 'boolean' }, replicas: { type: 'integer' } } },
  },
};
const version = (name: string, more: object = {}) => ({
  name,
  served: true,
  storage: false,
  schema: { openAPIV3Schema: schema },
  subresources: { status: {}, scale: { specReplicasPath: '.spec.size', statusReplicasPath: '.status.replicas' } },
  selectableFields: [{ jsonPath: '.spec.color' }],
  ...more,
});
const definition = (names: object = {}, versions: readonly object[] = [version('v1', { storage: true })]) => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'gizmos.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Cluster',
    names: { plural: 'gizmos', kind: 'Gizmo', shortNames: ['gz'], ...names },
    versions,
  },
});
const gizmo = (name: string, spec: JsonObject, apiVersion = 'example.com/v1') => ({
  apiVersion,
  kind: 'Gizmo',
  metadata: { name },
  spec,
});
const gizmos = '/apis/example.com/v1/gizmos';
const causesOf = ({ body }: { readonly body: JsonObject }) =>
  ((body.details as JsonObject).causes as readonly JsonObject[]).map(({ field, message }) => [field, message]);

/** What the server does by itself takes turns of the event loop, and no time. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 500; turn++) await Promise.resolve();
}

test('CustomDefinitions serve a kind as soon as its definition is made', async () => {
  const { ask } = world();
  const made = await ask('POST', definitions, definition() as unknown as Json);
  assert.equal(made.status, 201, String(made.body.message));
  assert.equal((await ask('POST', gizmos, gizmo('a', { size: 3 }))).status, 201);
  assert.deepEqual((await ask('GET', `${gizmos}/a`)).body.spec, { size: 3, color: 'red' });
  const { status } = (await ask('GET', `${definitions}/gizmos.example.com`)).body as { status: JsonObject };
  assert.deepEqual(
    (status.conditions as readonly JsonObject[]).map((condition) => [condition.type, condition.status]),
    [
      ['NamesAccepted', 'True'],
      ['Established', 'True'],
    ],
  );
  assert.deepEqual(status.acceptedNames, {
    plural: 'gizmos',
    singular: 'gizmo',
    shortNames: ['gz'],
    kind: 'Gizmo',
    listKind: 'GizmoList',
  });
  const { resources } = (await ask('GET', '/apis/example.com/v1')).body;
  assert.deepEqual(
    (resources as readonly JsonObject[]).map(({ name }) => name),
    ['gizmos', 'gizmos/status', 'gizmos/scale'],
  );
});

test('CustomDefinitions serve their kinds again after a restart', async () => {
  const { ask, store } = world();
  await ask('POST', definitions, definition() as unknown as Json);
  await ask('POST', gizmos, gizmo('a', { size: 3 }));
  const again = world(store);
  assert.equal((await again.ask('GET', `${gizmos}/a`)).status, 200);
});

test('A custom object is judged by its schema, its rules and what it was before', async () => {
  const { ask } = world();
  await ask('POST', definitions, definition() as unknown as Json);
  assert.deepEqual(causesOf(await ask('POST', gizmos, gizmo('a', { size: 9, color: 'blue' }))), [
    ['spec.size', 'Invalid value: big must be red'],
  ]);
  await ask('POST', gizmos, gizmo('a', { size: 5, parts: [{ name: 'p', count: 2 }] }));
  const shrunk = await ask('PATCH', `${gizmos}/a`, { spec: { size: 4 } }, merge);
  assert.deepEqual(causesOf(shrunk), [['spec', 'Invalid value: cannot shrink']]);
  const fewer = await ask('PATCH', `${gizmos}/a`, { spec: { parts: [{ name: 'p', count: 1 }] } }, merge);
  assert.deepEqual(causesOf(fewer), [
    ['spec.parts[0]', 'Invalid value: failed rule: !has(oldSelf.count) || self.count >= oldSelf.count'],
  ]);
});

test('A custom object that was valid stays writable when its schema becomes stricter', async () => {
  const { ask } = world();
  await ask('POST', definitions, definition() as unknown as Json);
  await ask('POST', gizmos, gizmo('a', { size: 8 }));
  const stricter = structuredClone(schema);
  stricter.properties.spec.properties.size.maximum = 5;
  const versions = [version('v1', { storage: true, schema: { openAPIV3Schema: stricter } })];
  const changed = await ask(
    'PATCH',
    `${definitions}/gizmos.example.com`,
    { spec: { versions } } as unknown as Json,
    merge,
  );
  assert.equal(changed.status, 200);
  assert.equal((await ask('PATCH', `${gizmos}/a`, { metadata: { labels: { a: 'b' } } }, merge)).status, 200);
  assert.equal((await ask('PATCH', `${gizmos}/a`, { spec: { size: 9 } }, merge)).status, 422);
});

test('Status and scale of a custom object are written through their own paths', async () => {
  const { ask } = world();
  await ask('POST', definitions, definition() as unknown as Json);
  await ask('POST', gizmos, gizmo('a', { size: 3 }));
  await ask('PATCH', `${gizmos}/a/status`, { spec: { size: 9 }, status: { ready: true, replicas: 2 } }, merge);
  const scaled = await ask('PATCH', `${gizmos}/a/scale`, { spec: { replicas: 4 } }, merge);
  assert.deepEqual([scaled.body.spec, scaled.body.status], [{ replicas: 4 }, { replicas: 2 }]);
  const { spec, status } = (await ask('GET', `${gizmos}/a`)).body;
  assert.deepEqual(
    [spec, status],
    [
      { size: 4, color: 'red' },
      { ready: true, replicas: 2 },
    ],
  );
});

test('An update of a custom object says which revision it changes, one of its scale need not', async () => {
  const { ask } = world();
  await ask('POST', definitions, definition() as unknown as Json);
  const made = await ask('POST', gizmos, gizmo('a', { size: 3 }));
  const { resourceVersion } = made.body.metadata as { readonly resourceVersion: string };
  const blind = await ask('PUT', `${gizmos}/a`, gizmo('a', { size: 4 }));
  assert.equal(blind.status, 422);
  assert.match(
    String(blind.body.message),
    /metadata\.resourceVersion: Invalid value: 0: must be specified for an update/,
  );
  const told = { ...gizmo('a', { size: 4 }), metadata: { name: 'a', resourceVersion } };
  assert.equal((await ask('PUT', `${gizmos}/a`, told)).status, 200);
  const scale = { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name: 'a' }, spec: { replicas: 5 } };
  assert.equal((await ask('PUT', `${gizmos}/a/scale`, scale)).status, 200);
});

test('Versions of a custom kind show the same objects, and a deprecated one says so', async () => {
  const { ask } = world();
  const old = version('v1beta1', { deprecated: true, deprecationWarning: 'use v1' });
  await ask('POST', definitions, definition({}, [version('v1', { storage: true }), old]) as unknown as Json);
  await ask('POST', gizmos, gizmo('a', { size: 3 }));
  const read = await ask('GET', '/apis/example.com/v1beta1/gizmos/a');
  assert.equal(read.body.apiVersion, 'example.com/v1beta1');
  assert.equal(read.headers?.warning, '299 - "use v1"');
});

test('Selectable fields select, and others are refused', async () => {
  const { ask } = world();
  await ask('POST', definitions, definition() as unknown as Json);
  await ask('POST', gizmos, gizmo('a', { size: 3 }));
  await ask('POST', gizmos, gizmo('b', { size: 3, color: 'blue' }));
  const { items } = (await ask('GET', `${gizmos}?fieldSelector=spec.color%3Dblue`)).body;
  assert.deepEqual(
    (items as readonly JsonObject[]).map(({ metadata }) => (metadata as JsonObject).name),
    ['b'],
  );
  assert.equal((await ask('GET', `${gizmos}?fieldSelector=spec.size%3D3`)).status, 400);
});

test('A definition takes its objects with it, and waits for those that are held', async () => {
  const { ask } = world();
  await ask('POST', definitions, definition() as unknown as Json);
  await ask('POST', gizmos, gizmo('a', { size: 3 }));
  const held = gizmo('b', { size: 3 });
  await ask('POST', gizmos, { ...held, metadata: { name: 'b', finalizers: ['example.com/held'] } });
  await ask('DELETE', `${definitions}/gizmos.example.com`);
  await settled();
  assert.equal((await ask('GET', `${gizmos}/a`)).status, 404);
  assert.equal((await ask('POST', gizmos, gizmo('c', { size: 3 }))).status, 405);
  assert.equal((await ask('GET', `${definitions}/gizmos.example.com`)).status, 200);
  await ask('PATCH', `${gizmos}/b`, { metadata: { finalizers: null } }, merge);
  await settled();
  assert.equal((await ask('GET', `${definitions}/gizmos.example.com`)).status, 404);
  assert.equal((await ask('GET', gizmos)).status, 404);
});

test('Of two definitions with one name the first keeps it', async () => {
  const { ask } = world();
  await ask('POST', definitions, definition() as unknown as Json);
  const other = definition({ plural: 'others', kind: 'Other', shortNames: ['gz'] });
  await ask('POST', definitions, { ...other, metadata: { name: 'others.example.com' } } as unknown as Json);
  // What is thought of its names is written in turns of its own.
  for (let turn = 0; turn < 500; turn++) await Promise.resolve();
  const { status } = (await ask('GET', `${definitions}/others.example.com`)).body as { status: JsonObject };
  assert.deepEqual(
    (status.conditions as readonly JsonObject[]).map(({ type, status: value, reason }) => [type, value, reason]),
    [
      ['NamesAccepted', 'False', 'ShortNamesConflict'],
      ['Established', 'False', 'NotAccepted'],
    ],
  );
  assert.equal((await ask('GET', '/apis/example.com/v1/others')).status, 404);
});

test('A rule that could cost too much is refused when it is written', async () => {
  const { ask } = world();
  const open = structuredClone(schema) as { properties: { spec: { properties: Record<string, object> } } };
  open.properties.spec.properties.words = {
    type: 'array',
    items: { type: 'string' },
    'x-kubernetes-validations': [{ rule: 'self.all(a, self.all(b, a == b || a.matches(b)))' }],
  };
  const versions = [version('v1', { storage: true, schema: { openAPIV3Schema: open } })];
  const refused = await ask('POST', definitions, definition({}, versions) as unknown as Json);
  assert.equal(refused.status, 422);
  assert.match(String(refused.body.message), /estimated rule cost exceeds budget by factor of more than 100x/);
});

test('Server-side apply merges the lists of a custom object by their keys, and knows their owners', async () => {
  const { ask } = world();
  await ask('POST', definitions, definition() as unknown as Json);
  const apply = (manager: string, spec: JsonObject) =>
    ask(
      'PATCH',
      `${gizmos}/a?fieldManager=${manager}`,
      gizmo('a', spec) as unknown as Json,
      'application/apply-patch+yaml',
    );
  assert.equal((await apply('one', { size: 3, parts: [{ name: 'p', count: 1 }] })).status, 201);
  const both = await apply('two', { parts: [{ name: 'q', count: 2 }] });
  assert.deepEqual(both.body.spec, {
    size: 3,
    color: 'red',
    parts: [
      { name: 'p', count: 1 },
      { name: 'q', count: 2 },
    ],
  });
  const conflict = await apply('two', { size: 4 });
  assert.equal(conflict.status, 409);
  const less = await apply('two', {});
  assert.deepEqual((less.body.spec as JsonObject).parts, [{ name: 'p', count: 1 }]);
});

test('An open watch ends when the definition says something else or goes, and not for its status', async () => {
  const { server, ask } = world();
  await ask('POST', definitions, definition() as unknown as Json);
  const watch = async () => {
    const response = await server.handle({
      method: 'GET',
      path: gizmos,
      query: [['watch', 'true']],
      headers: {},
      caller: admin,
      stop: never,
    });
    const state = { ended: false };
    if (!('watch' in response)) throw new Error(`answered ${response.status}`);
    response.watch.onBatch(() => 'more');
    response.watch.onEnd(() => {
      state.ended = true;
    });
    return state;
  };
  const path = `${definitions}/gizmos.example.com`;
  const first = await watch();
  const second = await watch();
  await ask('PATCH', path, { metadata: { annotations: { a: 'b' } } }, merge);
  await ask('PATCH', `${path}/status`, { status: { storedVersions: ['v1'] } }, merge);
  assert.deepEqual([first.ended, second.ended], [false, false]);
  const shortNames = ['gz', 'gizz'];
  assert.equal((await ask('PATCH', path, { spec: { names: { shortNames } } }, merge)).status, 200);
  assert.deepEqual([first.ended, second.ended], [true, true]);
  const third = await watch();
  assert.equal(third.ended, false);
  await ask('DELETE', path);
  for (let turn = 0; turn < 50; turn++) await null;
  assert.equal(third.ended, true);
});

test('CustomDefinitions count a changed status as a new generation where it has no door of its own', async () => {
  for (const [subresources, generations] of [
    [{}, [2, 2]],
    [{ status: {} }, [1, 2]],
  ] as const) {
    const { ask } = world();
    await ask('POST', definitions, definition({}, [version('v1', { storage: true, subresources })]) as unknown as Json);
    await ask('POST', gizmos, gizmo('a', { size: 3 }));
    await ask('PATCH', `${gizmos}/a`, { status: { ready: true } }, merge);
    const first = (await ask('GET', `${gizmos}/a`)).body.metadata as JsonObject;
    await ask('PATCH', `${gizmos}/a`, { metadata: { labels: { a: 'b' } } }, merge);
    const labelled = (await ask('GET', `${gizmos}/a`)).body.metadata as JsonObject;
    assert.equal(labelled.generation, first.generation);
    if ('status' in subresources) await ask('PATCH', `${gizmos}/a`, { spec: { size: 4 } }, merge);
    const { generation } = (await ask('GET', `${gizmos}/a`)).body.metadata as JsonObject;
    assert.deepEqual([first.generation, generation], generations);
  }
});

test('CustomDefinitions show the whole body of an object that does not say its kind', async () => {
  const { ask } = world();
  await ask('POST', definitions, definition() as unknown as Json);
  const { status, body } = await ask('POST', gizmos, { metadata: { name: 'a' } });
  assert.equal(status, 400);
  assert.ok(
    String(body.message).includes(`Object 'Kind' is missing in '{"metadata":{"name":"a"}}'`),
    String(body.message),
  );
});
