import assert from 'node:assert/strict';
import { test } from 'node:test';
import { builtInKinds } from '../../api/kinds/all.ts';
import type { ApiRequest, Caller, Method, Transport, WatchEvent } from '../../api/wire.ts';
import { encodeText, type Json, type JsonObject } from '../../base/json.ts';
import { seeded } from '../../base/random.ts';
import { never, StopSource } from '../../base/stop.ts';
import { jsonOf } from '../../client/client.ts';
import { SimClock } from '../../sim/clock.ts';
import { simEnv } from '../../sim/env.ts';
import { MemoryStore } from '../../store/memory.ts';
import { ApiServer } from '../server.ts';

const admin: Caller = { name: 'admin', groups: ['system:masters'], extra: {} };
const v1 = '/apis/example.com/v1/gizmos';
const v2 = '/apis/example.com/v2/gizmos';

/** v1 says `size`, v2 says `big`. */
function converted(object: JsonObject, apiVersion: string): JsonObject {
  const spec = object.spec as { readonly size?: number; readonly big?: boolean };
  const metadata = { ...(object.metadata as JsonObject), labels: { by: 'webhook' } };
  const next = apiVersion === 'example.com/v2' ? { big: (spec.size ?? 0) > 5 } : { size: spec.big ? 10 : 1 };
  return { ...object, apiVersion, metadata, spec: next };
}

function world(answers: 'well' | 'badly' = 'well') {
  const calls: number[] = [];
  const webhook: Transport = async (request) => {
    const body = request.body as unknown as {
      object: { request: { uid: string; desiredAPIVersion: string; objects: JsonObject[] } };
    };
    const { uid, desiredAPIVersion, objects } = body.object.request;
    calls.push(objects.length);
    const result = answers === 'well' ? { status: 'Success' } : { status: 'Failed', message: 'no idea' };
    const convertedObjects = objects.map((object) => converted(object, desiredAPIVersion));
    return { status: 200, body: { object: { response: { uid, result, convertedObjects } } as unknown as Json } };
  };
  const env = simEnv({ clock: new SimClock(), random: seeded('conversions') });
  const server = new ApiServer(env, new MemoryStore(), {
    kinds: builtInKinds,
    address: '127.0.0.1:6443',
    outward: () => webhook,
  });
  const send = (method: Method, path: string, more: Partial<ApiRequest> = {}) => {
    const [bare = '', query = ''] = path.split('?');
    const pairs = [...new URLSearchParams(query)] as [string, string][];
    return server.handle({ method, path: bare, query: pairs, headers: {}, caller: admin, stop: never, ...more });
  };
  const ask = async (method: Method, path: string, object?: Json) => {
    const bytes =
      object === undefined
        ? {}
        : { body: { bytes: encodeText(JSON.stringify(object)), mediaType: 'application/json' } };
    const response = await send(method, path, bytes);
    return { status: response.status, body: (await jsonOf(response)) as JsonObject };
  };
  return { ask, send, calls };
}

const version = (name: string, storage: boolean, properties: object) => ({
  name,
  served: true,
  storage,
  schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties } } } },
});
const definition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'gizmos.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Cluster',
    names: { plural: 'gizmos', kind: 'Gizmo' },
    versions: [version('v1', true, { size: { type: 'integer' } }), version('v2', false, { big: { type: 'boolean' } })],
    conversion: {
      strategy: 'Webhook',
      webhook: { clientConfig: { url: 'https://hook.example.com/convert' }, conversionReviewVersions: ['v1'] },
    },
  },
};
const gizmo = (apiVersion: string, name: string, spec: object) =>
  ({ apiVersion, kind: 'Gizmo', metadata: { name }, spec }) as unknown as Json;

async function made(ask: ReturnType<typeof world>['ask']): Promise<void> {
  await ask('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition as unknown as Json);
  await ask('POST', v1, gizmo('example.com/v1', 'a', { size: 9 }));
}

test('A webhook converts what is read in another version, one call for a whole list', async () => {
  const { ask, calls } = world();
  await made(ask);
  await ask('POST', v1, gizmo('example.com/v1', 'b', { size: 1 }));
  assert.deepEqual((await ask('GET', `${v2}/a`)).body.spec, { big: true });
  const before = calls.length;
  const { items } = (await ask('GET', v2)).body as { items: readonly JsonObject[] };
  assert.deepEqual(
    items.map(({ apiVersion, spec }) => [apiVersion, spec]),
    [
      ['example.com/v2', { big: true }],
      ['example.com/v2', { big: false }],
    ],
  );
  // What was converted once is kept with the object.
  assert.equal(calls.length, before);
});

test('What is written in another version is stored in the one that is stored', async () => {
  const { ask } = world();
  await made(ask);
  const created = await ask('POST', v2, gizmo('example.com/v2', 'c', { big: true }));
  assert.deepEqual([created.status, created.body.spec], [201, { big: true }]);
  assert.deepEqual((await ask('GET', `${v1}/c`)).body.spec, { size: 10 });
});

test('A watch shows converted objects, in their order', async () => {
  const { ask, send } = world();
  await made(ask);
  const stop = new StopSource();
  const response = await send('GET', `${v2}?watch=true`, { stop });
  const seen: string[] = [];
  if (!('watch' in response)) throw new Error('no watch');
  response.watch.onBatch((batch) => {
    for (const { type, object } of batch as readonly WatchEvent[]) {
      seen.push(`${type} ${object.metadata.name} ${JSON.stringify(object.spec)}`);
    }
    return 'more';
  });
  await ask('POST', v1, gizmo('example.com/v1', 'd', { size: 2 }));
  await ask('DELETE', `${v1}/a`);
  for (let turn = 0; turn < 200; turn++) await Promise.resolve();
  stop.stop();
  assert.deepEqual(seen, ['ADDED a {"big":true}', 'ADDED d {"big":false}', 'DELETED a {"big":true}']);
});

test('A webhook that fails is told to whoever asks for that version', async () => {
  const { ask } = world('badly');
  await made(ask);
  assert.equal((await ask('GET', `${v1}/a`)).status, 200);
  const { status, body } = await ask('GET', `${v2}/a`);
  assert.deepEqual([status, body.message], [500, 'conversion webhook for example.com/v1, Kind=Gizmo failed: no idea']);
});
