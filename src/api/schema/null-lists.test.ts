import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emptyListsAsNull } from './null-lists.ts';
import { schemaOf } from './schema.ts';

test('A list that is printed as null when absent is null when it was sent empty, and others stay', () => {
  const type = schemaOf({ group: '', version: 'v1', kind: 'LimitRange' });
  assert.ok(type);
  assert.deepEqual(emptyListsAsNull(type, { metadata: {}, spec: { limits: [] } }), {
    metadata: {},
    spec: { limits: null },
  });
  const full = { metadata: { finalizers: [] }, spec: { limits: [{ type: 'Pod' }] } };
  assert.equal(emptyListsAsNull(type, full), full);
});
