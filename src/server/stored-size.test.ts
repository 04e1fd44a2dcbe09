import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../api/object.ts';
import { attackedServer } from '../sim/attacked-server.ts';
import { storedBytesMax } from './stored-size.ts';

const roles = '/apis/rbac.authorization.k8s.io/v1/namespaces/a/roles';
const maps = '/api/v1/namespaces/a/configmaps';
const merge = 'application/merge-patch+json';
const applied = 'application/apply-patch+yaml';

/** A role has texts without end, and nothing of its own that says how many. */
const role = (name: string, letters: number, more: object = {}) => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'Role',
  metadata: { name, ...more },
  rules: [{ apiGroups: [''], resources: ['x'], verbs: ['v'.repeat(letters)] }],
});
const tooLong = /the object would take \d+ bytes in the store, limit is 2097152/;

async function served() {
  const { send } = await attackedServer();
  return async (method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, object?: object, type?: string) => {
    const { status, object: answer } = await send(`${method} ${path}`, object && JSON.stringify(object), type);
    return { status, answer: answer as unknown as KubeObject & { readonly message?: string } };
  };
}

test('An object that would take more room than one has is refused, by whatever way it came to be so long', async () => {
  const ask = await served();
  const created = await ask('POST', roles, role('a', storedBytesMax));
  assert.equal(created.status, 413);
  assert.match(created.answer.message ?? '', tooLong);
  assert.equal((await ask('POST', roles, role('b', storedBytesMax - 2_000))).status, 201);
  const patch = { rules: [{ apiGroups: [''], resources: ['x'], verbs: ['v'.repeat(storedBytesMax)] }] };
  for (const path of [`${roles}/b`, `${roles}/b?fieldManager=x`]) {
    const patched = await ask('PATCH', path, patch, merge);
    assert.equal(patched.status, 413);
    assert.match(patched.answer.message ?? '', tooLong);
  }
  assert.equal((await ask('PUT', `${roles}/b`, role('b', storedBytesMax))).status, 413);
  const apply = await ask('PATCH', `${roles}/c?fieldManager=x`, role('c', storedBytesMax), applied);
  assert.equal(apply.status, 413);
  assert.equal((await ask('GET', `${roles}/c`)).status, 404);
  // Small pieces come to the same.
  const piece = (n: number) => ({ metadata: { annotations: { [`note-${n}`]: 'v'.repeat(900) } } });
  const statuses: number[] = [];
  for (let n = 0; n < 3; n++) statuses.push((await ask('PATCH', `${roles}/b`, piece(n), merge)).status);
  assert.deepEqual(statuses, [200, 413, 413]);
});

test('An object that is as long as it may be is deleted like any other, held or not', async () => {
  const ask = await served();
  const long = role('held', storedBytesMax - 450, { finalizers: ['example.com/held'] });
  const { status, answer } = await ask('POST', roles, long);
  assert.equal(status, 201);
  assert.equal(answer.metadata.managedFields, undefined);
  assert.equal((await ask('DELETE', `${roles}/held`)).status, 200);
  assert.ok((await ask('GET', `${roles}/held`)).answer.metadata.deletionTimestamp);
  assert.equal((await ask('PATCH', `${roles}/held`, { metadata: { finalizers: null } }, merge)).status, 200);
  assert.equal((await ask('GET', `${roles}/held`)).status, 404);
});

test('Who owns its fields is left out where an object has no room for that, and an apply is refused then', async () => {
  const ask = await served();
  const data = Object.fromEntries(Array.from({ length: 70_000 }, (_, n) => [`key-${n}`, '']));
  const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data };
  const created = await ask('POST', maps, map);
  assert.equal(created.status, 201);
  assert.equal(created.answer.metadata.managedFields, undefined);
  assert.equal((await ask('DELETE', `${maps}/a`)).status, 200);
  const { status, answer } = await ask('PATCH', `${maps}/a?fieldManager=x`, map, applied);
  assert.equal(status, 413);
  assert.match(answer.message ?? '', tooLong);
  const dry = await ask('PATCH', `${maps}/a?fieldManager=x&dryRun=All`, map, applied);
  assert.equal(dry.status, 201, 'what is not kept takes no room');
});
