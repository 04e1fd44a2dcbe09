import assert from 'node:assert/strict';
import { test } from 'node:test';
import { builtInKinds } from '../api/kinds/all.ts';
import type { KubeObject } from '../api/object.ts';
import type { Method } from '../api/wire.ts';
import { seeded } from '../base/random.ts';
import { Client, jsonOf } from '../client/client.ts';
import { bootstrap } from '../machinery/bootstrap.ts';
import { SimClock } from '../sim/clock.ts';
import { simEnv } from '../sim/env.ts';
import { MemoryStore } from '../store/memory.ts';
import { admin, adminRequest } from './admin-request.test-data.ts';
import { ofNode } from './auth/node-request.test-data.ts';
import { ApiServer } from './server.ts';

const pods = '/api/v1/namespaces/default/pods';
const deployments = '/apis/apps/v1/namespaces/default/deployments';
const signing = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
const merge = 'application/merge-patch+json';
const applied = 'application/apply-patch+yaml';

async function world() {
  const env = simEnv({ clock: new SimClock(), random: seeded('subresources') });
  const admission = { disable: ['ServiceAccount'] };
  const server = new ApiServer(env, new MemoryStore(), { kinds: builtInKinds, address: '127.0.0.1:6443', admission });
  const client = new Client(server.handle, admin);
  await bootstrap(client, { serviceRange: '10.96.0.0/16', apiServiceIp: '10.96.0.1', port: 6443 });
  const ask = async (method: Method, path: string, body?: object, type?: string) => {
    const response = await server.handle(adminRequest(method, path, body && JSON.stringify(body), type));
    const answer = (await jsonOf(response)) as unknown as KubeObject & { readonly message?: string };
    return { status: response.status, answer };
  };
  const spec = { containers: [{ name: 'c', image: 'i' }] };
  await ask('POST', pods, { metadata: { name: 'p', labels: { app: 'a' } }, spec });
  const template = { metadata: { labels: { a: 'b' } }, spec };
  const deployment = { selector: { matchLabels: { a: 'b' } }, template };
  await ask('POST', deployments, { metadata: { name: 'd' }, spec: deployment });
  return { ask };
}

/** What somebody came to own through a subresource. */
const ownedThrough = (subresource: string, { metadata }: KubeObject) =>
  metadata.managedFields?.find((entry) => entry.subresource === subresource)?.fieldsV1;

test('Who writes through a door to a part of a pod owns what was asked for, although only that part changes', async () => {
  const { ask } = await world();
  const asked = { metadata: { labels: { q: 'r' } }, spec: { ephemeralContainers: [{ name: 'e', image: 'i' }] } };
  const { status, answer } = await ask('PATCH', `${pods}/p/ephemeralcontainers`, asked, merge);
  assert.deepEqual([status, answer.metadata.labels], [200, { app: 'a' }]);
  const owned = ownedThrough('ephemeralcontainers', answer) as { 'f:metadata'?: unknown; 'f:spec'?: object };
  assert.deepEqual(owned['f:metadata'], { 'f:labels': { 'f:q': {} } });
  assert.deepEqual(Object.keys(owned['f:spec'] ?? {}), ['f:ephemeralContainers']);
});

test('A status that leaves the labels of its object alone comes to own none, by a patch or an apply', async () => {
  const { ask } = await world();
  const status = { metadata: { name: 'd', labels: { q: 'r' }, annotations: { n: 'm' } }, status: { replicas: 1 } };
  const owned = { 'f:annotations': { '.': {}, 'f:n': {} } };
  const patched = (await ask('PATCH', `${deployments}/d/status`, status, merge)).answer;
  assert.deepEqual(ownedThrough('status', patched), { 'f:metadata': owned, 'f:status': { 'f:replicas': {} } });
  assert.equal(patched.metadata.labels, undefined);
  const config = { apiVersion: 'apps/v1', kind: 'Deployment', ...status };
  const path = `${deployments}/d/status?fieldManager=applier&force=true`;
  const { metadata } = (await ask('PATCH', path, config, applied)).answer;
  const entry = metadata.managedFields?.find(({ manager }) => manager === 'applier');
  assert.deepEqual(entry?.fieldsV1, {
    'f:metadata': { 'f:annotations': { 'f:n': {} } },
    'f:status': { 'f:replicas': {} },
  });
});

test('What decides over a request for a certificate is owned by who approves, not by who signs', async () => {
  const { ask } = await world();
  const spec = {
    request: Buffer.from(ofNode).toString('base64'),
    signerName: 'example.com/any',
    usages: ['client auth'],
  };
  const made = await ask('POST', signing, { metadata: { name: 'r' }, spec });
  assert.equal(made.status, 201);
  const conditions = [{ type: 'Approved', status: 'True', reason: 'Because' }];
  const kind = { apiVersion: 'certificates.k8s.io/v1', kind: 'CertificateSigningRequest', metadata: { name: 'r' } };
  const through = (door: string) =>
    ask(
      'PATCH',
      `${signing}/r/${door}?fieldManager=a&force=true&dryRun=All`,
      { ...kind, status: { conditions } },
      applied,
    );
  assert.ok(ownedThrough('approval', (await through('approval')).answer));
  const failed = [{ type: 'Failed', status: 'True', reason: 'Because' }];
  const signed = await ask(
    'PATCH',
    `${signing}/r/status?fieldManager=a`,
    { ...kind, status: { conditions: failed } },
    applied,
  );
  assert.deepEqual([signed.status, ownedThrough('status', signed.answer)], [200, undefined]);
});

test('The door to the finalizers of a namespace takes its labels too', async () => {
  const { ask } = await world();
  const asked = { metadata: { name: 'default', labels: { q: 'r' } }, spec: { finalizers: ['kubernetes', 'a.b/c'] } };
  const { status, answer } = await ask('PUT', '/api/v1/namespaces/default/finalize', asked);
  assert.equal(status, 200);
  assert.deepEqual(answer.metadata.labels, { q: 'r', 'kubernetes.io/metadata.name': 'default' });
  assert.deepEqual((answer.spec as { finalizers: unknown }).finalizers, ['kubernetes', 'a.b/c']);
});

test('A Scale names what it scales, in a patch too', async () => {
  const { ask } = await world();
  const nameless = 'the name of the object (d based on URL) was undeterminable: name must be provided';
  const put = await ask('PUT', `${deployments}/d/scale`, { spec: { replicas: 2 } });
  assert.deepEqual([put.status, put.answer.message], [400, nameless]);
  const patched = await ask('PATCH', `${deployments}/d/scale`, { metadata: null, spec: { replicas: 2 } }, merge);
  assert.deepEqual([patched.status, patched.answer.message], [400, nameless]);
  const scaled = await ask('PATCH', `${deployments}/d/scale`, { spec: { replicas: 2 } }, merge);
  assert.deepEqual(scaled.answer.spec, { replicas: 2 });
});

test('A binding is read as one before it is obeyed', async () => {
  const { ask } = await world();
  const bind = (body: object) => ask('POST', `${pods}/p/binding`, { metadata: { name: 'p' }, ...body });
  const odd = await bind({ metadata: { name: 'p', labels: 'text' }, target: { name: 'n' } });
  assert.equal(odd.status, 400);
  assert.match(
    odd.answer.message ?? '',
    /^Binding in version "v1" cannot be handled as a Binding: json: cannot unmarshal/,
  );
  assert.equal((await bind({ target: { kind: null, name: 'n' } })).status, 201);
  assert.deepEqual(((await ask('GET', `${pods}/p`)).answer.spec as { nodeName?: string }).nodeName, 'n');
});

test('A resize without containers is refused, and nothing breaks', async () => {
  const { ask } = await world();
  const limits = [{ type: 'Container', default: { cpu: '1' } }];
  await ask('POST', '/api/v1/namespaces/default/limitranges', { metadata: { name: 'l' }, spec: { limits } });
  const { status } = await ask('PATCH', `${pods}/p/resize`, { spec: { containers: null } }, merge);
  assert.equal(status, 422);
});

test('What is only answered and never kept says who asked for what, too', async () => {
  const { ask } = await world();
  const reviews = '/apis/authorization.k8s.io/v1/subjectaccessreviews';
  const attributes = { verb: 'get', resource: 'pods' };
  const review = (await ask('POST', reviews, { spec: { user: 'jane', resourceAttributes: attributes } })).answer;
  const [entry] = review.metadata.managedFields ?? [];
  const owned = { 'f:resourceAttributes': { '.': {}, 'f:resource': {}, 'f:verb': {} }, 'f:user': {} };
  assert.deepEqual([entry?.manager, entry?.fieldsV1], ['tester', { 'f:spec': owned }]);
  const account = '/api/v1/namespaces/default/serviceaccounts';
  await ask('POST', account, { metadata: { name: 'a' } });
  const token = (await ask('POST', `${account}/a/token`, { spec: {} })).answer;
  assert.deepEqual(ownedThrough('token', token), { 'f:spec': { 'f:expirationSeconds': {} } });
  const boundObjectRef = { kind: 'Secret', apiVersion: 'v1', name: 'a/b' };
  const odd = await ask('POST', `${account}/a/token`, { spec: { boundObjectRef } });
  assert.deepEqual([odd.status, odd.answer.message], [400, 'Name parameter invalid: "a/b": may not contain \'/\'']);
});
