import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configMaps } from '../api/kinds/config-map.ts';
import { Client } from './client.ts';

test('the objects of a list know their kind, though a list over a network says it only once', async () => {
  const items = [{ metadata: { name: 'a' } }, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'b' } }];
  const object = { kind: 'ConfigMapList', apiVersion: 'v1', metadata: { resourceVersion: '7' }, items };
  const client = new Client(async () => ({ status: 200, body: { object } }));
  const listed = await client.list(configMaps);
  assert.equal(listed.revision, '7');
  assert.deepEqual(
    listed.items.map(({ apiVersion, kind }) => [apiVersion, kind]),
    [
      ['v1', 'ConfigMap'],
      ['v1', 'ConfigMap'],
    ],
  );
});
