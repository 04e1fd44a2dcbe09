import assert from 'node:assert/strict';
import { test } from 'node:test';
import { builtInKinds } from '../../api/kinds/all.ts';
import { apiServices } from '../../api/kinds/api-service.ts';
import { nodes } from '../../api/kinds/node.ts';
import { pods } from '../../api/kinds/pod.ts';
import type { Caller } from '../../api/wire.ts';
import { isObject, type Json, type JsonObject } from '../../base/json.ts';
import { seeded } from '../../base/random.ts';
import { never } from '../../base/stop.ts';
import { act } from '../../client/action.ts';
import { Client, jsonOf } from '../../client/client.ts';
import { bootstrap } from '../../machinery/bootstrap.ts';
import { SimClock } from '../../sim/clock.ts';
import { simEnv } from '../../sim/env.ts';
import { MemoryStore } from '../../store/memory.ts';
import { ApiServer } from '../server.ts';
import { ResourceMetrics } from './resource-metrics.ts';

const admin: Caller = { name: 'admin', groups: ['system:masters'], extra: {} };
const drain = () => new Promise<void>((resolve) => process.nextTick(resolve));
const root = '/apis/metrics.k8s.io/v1beta1';

/** Two nodes, of which one is silent; a pod of two containers that use 250m and 1m of a core. */
async function world() {
  const clock = new SimClock();
  const env = simEnv({ clock, random: seeded('metrics') });
  let asked = 0;
  let uid = '';
  const summary = (): Json => {
    asked++;
    const used = clock.monotonic() * 1_000;
    const container = (name: string, cpuMillis: number, memory: number) => ({
      name,
      cpu: { usageCoreNanoSeconds: used * cpuMillis },
      memory: { workingSetBytes: memory },
    });
    const containers = [container('main', 250, 64 * 1024 * 1024), container('side', 1, 1_000_000)];
    return { pods: [{ podRef: { name: 'web', namespace: 'default', uid }, containers }] };
  };
  const store = new MemoryStore();
  const server = new ApiServer(env, store, {
    kinds: builtInKinds,
    address: '127.0.0.1:6443',
    admission: { disable: ['ServiceAccount'] },
    nodes: (node) => async () => {
      if (node.name === 'silent') throw new Error('connect ECONNREFUSED');
      return { status: 200, body: { object: summary() } };
    },
    resourceMetrics: (...parts) => new ResourceMetrics(...parts),
  });
  const client = new Client(server.handle, admin);
  const now = async <T>(work: Promise<T>): Promise<T> => {
    let done = false;
    const settled = work.finally(() => {
      done = true;
    });
    settled.catch(() => {});
    while (!done) await clock.run(100, drain);
    return settled;
  };
  await now(server.bootstrap({ ip: '127.0.0.1', port: 6443, clientAuthority: '' }));
  await now(bootstrap(client, { serviceRange: '10.96.0.0/16', apiServiceIp: '10.96.0.1', port: 6443 }));
  const make = async (kind: typeof nodes | typeof pods, object: object) =>
    now(client.send(act({ verb: 'create', kind: kind as never, object: object as never })));
  await make(nodes, { metadata: { name: 'busy', labels: { zone: 'a' } } });
  await make(nodes, { metadata: { name: 'silent' } });
  const spec = {
    nodeName: 'busy',
    containers: [
      { name: 'main', image: 'i' },
      { name: 'side', image: 'i' },
    ],
  };
  const pod = await make(pods, { metadata: { name: 'web', namespace: 'default', labels: { app: 'web' } }, spec });
  uid = (pod as { readonly metadata: { readonly uid: string } }).metadata.uid;
  const status = { phase: 'Running' };
  const key = { namespace: 'default', name: 'web' };
  await now(client.send(act({ verb: 'patch', kind: pods as never, key, patch: { status }, subresource: 'status' })));
  const get = async (path: string, headers = {}) => {
    const [bare = '', query = ''] = path.split('?');
    const pairs = [...new URLSearchParams(query)] as [string, string][];
    const request = { method: 'GET' as const, path: bare, query: pairs, headers, caller: admin, stop: never };
    const response = await now(server.handle(request));
    return { status: response.status, body: (await jsonOf(response).catch((error: unknown) => error)) as JsonObject };
  };
  return { client, clock, get, now, askedTimes: () => asked };
}

const items = (body: JsonObject) => body.items as unknown as readonly JsonObject[];

test('what a pod uses is told by container, as the difference of two samples', async () => {
  const { get } = await world();
  const { body } = await get(`${root}/namespaces/default/pods/web`);
  assert.equal(body.kind, 'PodMetrics');
  assert.equal(body.window, '1s');
  assert.deepEqual((body.metadata as JsonObject).labels, { app: 'web' });
  assert.deepEqual(body.containers, [
    { name: 'main', usage: { cpu: '250m', memory: '64Mi' } },
    { name: 'side', usage: { cpu: '1m', memory: '1000000' } },
  ]);
});

test('a node that does not answer has no figures, and its neighbours have theirs', async () => {
  const { get } = await world();
  const { body } = await get(`${root}/nodes`);
  assert.deepEqual(
    items(body).map(({ metadata, usage }) => [(metadata as JsonObject).name, usage]),
    [['busy', { cpu: '251m', memory: '68108864' }]],
  );
  const missing = await get(`${root}/nodes/silent`);
  assert.equal(missing.status, 404);
  assert.match(String((missing.body as unknown as Error).message), /nodemetrics.metrics.k8s.io "silent" not found/);
});

test('pods are chosen by labels and fields, and an unknown field is refused by name', async () => {
  const { get } = await world();
  assert.equal(items((await get(`${root}/pods?labelSelector=app%3Dweb`)).body).length, 1);
  assert.equal(items((await get(`${root}/pods?labelSelector=app%3Dother`)).body).length, 0);
  assert.equal(items((await get(`${root}/pods?fieldSelector=metadata.name%3Dother`)).body).length, 0);
  assert.equal((await get(`${root}/pods?fieldSelector=spec.nodeName%3Dbusy`)).status, 400);
});

test('whoever asks again at once shares the figures, and later gets what was used since', async () => {
  const { get, clock, askedTimes } = await world();
  await get(`${root}/pods`);
  await get(`${root}/pods`);
  assert.equal(askedTimes(), 2);
  await clock.run(10_000, drain);
  const { body } = await get(`${root}/pods`);
  assert.equal(askedTimes(), 3);
  assert.match(String(items(body)[0]?.window), /^10\.\d+s$/);
});

test('kubectl sees a table', async () => {
  const { get } = await world();
  const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
  const { body } = await get(`${root}/namespaces/default/pods`, { accept });
  const [row] = body.rows as unknown as readonly JsonObject[];
  assert.deepEqual(row?.cells, ['web', '251m', '68108864', '1s']);
});

test('an API server that was added takes the place, and ours is back when it goes', async () => {
  const { client, get, now, clock } = await world();
  const key = { namespace: '', name: 'v1beta1.metrics.k8s.io' };
  const kind = apiServices as never;
  const own = await now(client.get(apiServices, key));
  assert.equal((own.spec as { readonly service?: Json }).service, undefined);
  const service = { namespace: 'kube-system', name: 'metrics-server', port: 443 };
  const spec = { service, insecureSkipTLSVerify: true };
  await now(client.send(act({ verb: 'patch', kind, key, patch: { spec } })));
  await clock.run(100, drain);
  assert.equal((await get(`${root}/pods`)).status, 503);
  await now(client.send(act({ verb: 'delete', kind, key })));
  await clock.run(100, drain);
  assert.equal((await get(`${root}/pods`)).status, 200);
  const back = await now(client.get(apiServices, key));
  assert.equal((back.spec as { readonly service?: Json }).service, undefined);
});

test('discovery tells of both resources, in either form', async () => {
  const { get } = await world();
  const { body } = await get(root);
  assert.deepEqual(
    (body.resources as unknown as readonly JsonObject[]).map(({ name, kind, verbs }) => [name, kind, verbs]),
    [
      ['nodes', 'NodeMetrics', ['get', 'list']],
      ['pods', 'PodMetrics', ['get', 'list']],
    ],
  );
  const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
  const groups = items((await get('/apis', { accept })).body);
  const last = groups.at(-1);
  assert(last && isObject(last));
  assert.deepEqual((last.metadata as JsonObject).name, 'metrics.k8s.io');
});
