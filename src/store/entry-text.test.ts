import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json } from '../base/json.ts';
import { entryText, textParts } from './entry-text.ts';
import type { Entry } from './store.ts';

const entryOf = (value: Json, modified = 7): Entry => ({ key: '/things/x', value, created: 1, modified });
const named = {
  kind: 'Thing',
  apiVersion: 'v1',
  metadata: { name: 'x', labels: {} },
  spec: { a: [1, 'ü"'] },
  last: null,
};

test('entryText is what JSON.stringify makes, whatever is stored', () => {
  const nothingElse = { metadata: {} };
  for (const value of [named, nothingElse, { metadata: 'none', a: 1 }, { a: 1 }, [1, 2], 'text', null]) {
    assert.equal(entryText(entryOf(value)), JSON.stringify(value));
  }
  const late = { spec: 1, metadata: { name: 'x' }, kind: 'Thing' };
  assert.deepEqual(JSON.parse(entryText(entryOf(late))), late);
});

test('textParts answers what was made for the disk, and of another entry its own', () => {
  const entry = entryOf(named);
  entryText(entry);
  const parts = textParts(entry);
  assert.equal(textParts(entry), parts);
  assert.deepEqual(parts, { metadata: '{"name":"x","labels":{}}', rest: ',"spec":{"a":[1,"ü\\""]},"last":null' });
  const other = entryOf({ metadata: { name: 'other' } });
  assert.deepEqual(textParts(other), { metadata: '{"name":"other"}', rest: '' });
  entryText(other);
  assert.notEqual(textParts(entry), parts);
  assert.deepEqual(textParts(entry), parts);
});

test('the text of what is long is not kept', () => {
  const long = entryOf({ metadata: {}, data: 'x'.repeat(20_000) });
  entryText(long);
  assert.notEqual(textParts(long), textParts(long));
});
