import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeKind } from '../api/kind.ts';
import type { KubeObject } from '../api/object.ts';
import { decodeText, type Json } from '../base/json.ts';
import { Views } from './views.ts';

const facts = {
  group: 'example.com',
  version: 'v1',
  kind: 'Thing',
  plural: 'things',
  singular: 'thing',
  namespaced: true,
  verbs: ['get'],
  shortNames: [],
  categories: [],
  subresources: [],
} as const;

test('What is expected is shown with its own revision, and not made again of what was stored', () => {
  let made = 0;
  const from = (stored: KubeObject) => {
    made++;
    return { ...stored, made: 'again' } as KubeObject;
  };
  const kind = makeKind(facts, { storedAs: { group: 'example.com', plural: 'things', to: (object) => object, from } });
  const views = new Views();
  const metadata = { name: 'x', resourceVersion: '4' };
  const object = { apiVersion: 'example.com/v1', kind: 'Thing', metadata, data: { a: '1' } } as unknown as KubeObject;
  const value = { ...object, metadata: { name: 'x' } } as unknown as Json;
  views.expect(kind, value, object);
  const entry = { key: '/example.com/things/x', value, created: 4, modified: 7 };
  const shown = { kind: 'Thing', apiVersion: 'example.com/v1', metadata: { name: 'x', resourceVersion: '7' } };
  assert.equal(decodeText(views.json(kind, entry)), `${JSON.stringify({ ...shown, data: { a: '1' } })}\n`);
  assert.deepEqual(views.object(kind, entry), { ...shown, data: { a: '1' } });
  assert.equal(made, 0);
  const other = { ...entry, value: { ...(value as object) } as Json, modified: 8 };
  assert.equal((views.object(kind, other) as unknown as { made: string }).made, 'again');
});
