import assert from 'node:assert/strict';
import { test } from 'node:test';
import { builtInKinds } from '../api/kinds/all.ts';
import type { KubeObject } from '../api/object.ts';
import type { Method } from '../api/wire.ts';
import type { JsonObject } from '../base/json.ts';
import { seeded } from '../base/random.ts';
import { Client, jsonOf } from '../client/client.ts';
import { bootstrap } from '../machinery/bootstrap.ts';
import { SimClock } from '../sim/clock.ts';
import { simEnv } from '../sim/env.ts';
import { MemoryStore } from '../store/memory.ts';
import { admin, adminRequest } from './admin-request.test-data.ts';
import { ApiServer } from './server.ts';

const maps = '/api/v1/namespaces/default/configmaps';
const deployments = '/apis/apps/v1/namespaces/default/deployments';
const applyType = 'application/apply-patch+yaml';

async function world() {
  const env = simEnv({ clock: new SimClock(), random: seeded('apply') });
  const server = new ApiServer(env, new MemoryStore(), { kinds: builtInKinds, address: '127.0.0.1:6443' });
  await server.bootstrap({ ip: '127.0.0.1', port: 6443, clientAuthority: '' });
  await bootstrap(new Client(server.handle, admin), {
    serviceRange: '10.96.0.0/16',
    apiServiceIp: '10.96.0.1',
    port: 6443,
  });
  const ask = async (method: Method, path: string, body?: string, mediaType = 'application/json') => {
    const response = await server.handle(adminRequest(method, path, body, mediaType));
    const answer = (await jsonOf(response)) as unknown as KubeObject & { readonly message?: string };
    return { status: response.status, answer };
  };
  return { ask };
}

const owners = ({ metadata }: KubeObject) =>
  (metadata.managedFields ?? []).map(({ manager, operation, subresource }) =>
    [manager, operation, ...(subresource ? [subresource] : [])].join(' '),
  );
const map = (data: JsonObject) =>
  JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'm' }, data });
const deployment = JSON.stringify({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'd' },
  spec: {
    replicas: 1,
    selector: { matchLabels: { a: 'b' } },
    template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
  },
});

test('An apply in YAML creates what is not there with 201, and changes it with 200', async () => {
  const { ask } = await world();
  const yaml = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: m\ndata: {a: "1"}\n';
  const made = await ask('PATCH', `${maps}/m?fieldManager=alpha`, yaml, applyType);
  assert.deepEqual([made.status, owners(made.answer)], [201, ['alpha Apply']]);
  const changed = await ask('PATCH', `${maps}/m?fieldManager=alpha`, yaml.replace('"1"', '"2"'), applyType);
  assert.equal(changed.status, 200);
  const again = await ask('PATCH', `${maps}/m?fieldManager=alpha`, yaml.replace('"1"', '"2"'), applyType);
  assert.equal(again.answer.metadata.resourceVersion, changed.answer.metadata.resourceVersion);
});

test('A create and an update are owned by who the query names, else by the program that sends them', async () => {
  const { ask } = await world();
  const made = await ask('POST', maps, map({ a: '1' }));
  assert.deepEqual(owners(made.answer), ['tester Update']);
  const merge = JSON.stringify({ data: { b: '2' } });
  const merged = await ask('PATCH', `${maps}/m?fieldManager=beta`, merge, 'application/merge-patch+json');
  assert.deepEqual(owners(merged.answer), ['beta Update', 'tester Update']);
});

test('An apply says what it lacks: a manager, its own kind, managed fields of its own, the right name', async () => {
  const { ask } = await world();
  const statusOf = async (path: string, body: string, mediaType = applyType) =>
    (await ask('PATCH', path, body, mediaType)).status;
  assert.equal(await statusOf(`${maps}/m`, map({})), 422);
  assert.equal(await statusOf(`${maps}/m?force=true`, '{}', 'application/merge-patch+json'), 422);
  assert.equal(await statusOf(`${maps}/m?fieldManager=a`, 'a: [', applyType), 400);
  assert.equal(await statusOf(`${maps}/m?fieldManager=a`, map({}).replace('ConfigMap', 'Secret')), 400);
  assert.equal(
    await statusOf(`${maps}/m?fieldManager=a`, map({}).replace('{"name"', '{"managedFields":[],"name"')),
    400,
  );
  assert.equal(await statusOf(`${maps}/other?fieldManager=a`, map({})), 400);
  assert.equal(await statusOf(`${maps}/m/status?fieldManager=a`, map({})), 404);
});

test('Scaling is owned through the subresource, and a later apply of replicas conflicts with it', async () => {
  const { ask } = await world();
  await ask('PATCH', `${deployments}/d?fieldManager=alpha`, deployment, applyType);
  const scale = JSON.stringify({ spec: { replicas: 3 } });
  await ask('PATCH', `${deployments}/d/scale?fieldManager=kubectl`, scale, 'application/merge-patch+json');
  const scaled = await ask('GET', `${deployments}/d`);
  assert.deepEqual(owners(scaled.answer), ['alpha Apply', 'kubectl Update scale']);
  const { status, answer } = await ask('PATCH', `${deployments}/d?fieldManager=alpha`, deployment, applyType);
  assert.equal(status, 409);
  assert.equal(
    answer.message,
    'Apply failed with 1 conflict: conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas',
  );
});

test('A status is owned through its subresource, and nothing but the status through it', async () => {
  const { ask } = await world();
  await ask('PATCH', `${deployments}/d?fieldManager=alpha`, deployment, applyType);
  const status = JSON.stringify({ spec: { replicas: 9 }, status: { replicas: 1 } });
  const written = await ask('PATCH', `${deployments}/d/status?fieldManager=c`, status, 'application/merge-patch+json');
  const fields = written.answer.metadata.managedFields?.find(({ manager }) => manager === 'c');
  assert.deepEqual(fields?.fieldsV1, { 'f:status': { 'f:replicas': {} } });
  assert.equal(fields?.subresource, 'status');
});

test('A dry run of an apply answers what it would make and makes nothing', async () => {
  const { ask } = await world();
  const dry = await ask('PATCH', `${maps}/m?fieldManager=alpha&dryRun=All`, map({ a: '1' }), applyType);
  assert.equal(dry.status, 201);
  assert.equal((await ask('GET', `${maps}/m`)).status, 404);
});

test('An apply with the revision or the identity of another object is a conflict', async () => {
  const { ask } = await world();
  const withMeta = (metadata: JsonObject) =>
    JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'm', ...metadata } });
  const path = `${maps}/m?fieldManager=alpha`;
  assert.equal((await ask('PATCH', path, withMeta({ uid: 'x' }), applyType)).status, 409);
  await ask('PATCH', path, withMeta({}), applyType);
  assert.equal((await ask('PATCH', path, withMeta({ resourceVersion: '1' }), applyType)).status, 409);
  assert.equal((await ask('PATCH', path, withMeta({ uid: 'x' }), applyType)).status, 422);
});
