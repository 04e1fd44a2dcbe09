import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json, JsonObject } from '../../base/json.ts';
import { finish } from '../../base/steps.ts';
import { ApiError } from '../error.ts';
import { schemaOf } from '../schema/schema.ts';
import { strategicPatch } from './strategic.ts';

const pod = schemaOf({ group: '', version: 'v1', kind: 'Pod' });
const patched = (live: JsonObject, patch: JsonObject) => finish(strategicPatch(pod, live, patch));
const containers = (...list: readonly Json[]): JsonObject => ({ spec: { containers: list } });

function refusal(live: JsonObject, patch: JsonObject): ApiError {
  try {
    patched(live, patch);
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

test('A strategic merge patch merges lists by their key, and what is new comes first', () => {
  const live = containers({ name: 'a', image: '1' }, { name: 'b', image: '1' });
  assert.deepEqual(
    patched(live, containers({ name: 'c' }, { name: 'b', image: '2' })),
    containers({ name: 'c' }, { name: 'a', image: '1' }, { name: 'b', image: '2' }),
  );
});

test('A strategic merge patch deletes and replaces list items by directive', () => {
  const live = containers({ name: 'a' }, { name: 'b' });
  assert.deepEqual(patched(live, containers({ name: 'a', $patch: 'delete' })), containers({ name: 'b' }));
  assert.deepEqual(patched(live, containers({ $patch: 'replace' }, { name: 'c' })), containers({ name: 'c' }));
  const error = refusal(live, containers({ image: 'x' }));
  assert.deepEqual([error.code, error.message], [500, 'map: map[image:x] does not contain declared merge key: name']);
});

test('A strategic merge patch replaces, deletes and retains objects by directive', () => {
  const live = { metadata: { labels: { a: '1', b: '2' } } };
  const labels = (value: JsonObject) => ({ metadata: { labels: value } });
  assert.deepEqual(patched(live, labels({ $patch: 'replace', c: '3' })), labels({ c: '3' }));
  assert.deepEqual(patched(live, labels({ $patch: 'delete' })), labels({}));
  assert.deepEqual(patched(live, labels({ $retainKeys: ['b'], b: '9' })), labels({ b: '9' }));
  assert.equal(refusal(live, labels({ $retainKeys: ['b'], a: '9' })).code, 400);
  assert.equal(
    refusal(live, labels({ $patch: 'explode' })).message,
    'unknown patch type: explode in map: map[$patch:explode]',
  );
  // What directs something that is not there goes whole.
  assert.deepEqual(patched({ metadata: {} }, labels({ $patch: 'replace', c: '3' })), { metadata: {} });
});

test('A strategic merge patch removes from lists of values and orders them', () => {
  const finalizers = (list: readonly string[]) => ({ metadata: { finalizers: list } });
  const live = finalizers(['x/a', 'x/b', 'x/c']);
  assert.deepEqual(
    patched(live, { metadata: { '$deleteFromPrimitiveList/finalizers': ['x/b'] } }),
    finalizers(['x/a', 'x/c']),
  );
  assert.deepEqual(
    patched(live, { metadata: { '$setElementOrder/finalizers': ['x/c', 'x/a'] } }),
    finalizers(['x/b', 'x/c', 'x/a']),
  );
  const disorder = { metadata: { finalizers: ['x/b', 'x/a'], '$setElementOrder/finalizers': ['x/a', 'x/b'] } };
  assert.match(refusal(live, disorder).message, /^The order in patch list:/);
});

test('A strategic merge patch with null removes, and replaces lists that have no key', () => {
  const live = { spec: { nodeName: 'n', tolerations: [{ key: 'a' }] } };
  assert.deepEqual(patched(live, { spec: { nodeName: null, tolerations: [{ key: 'b' }] } }), {
    spec: { tolerations: [{ key: 'b' }] },
  });
});

test('Patches of long lists take time in proportion to their length', () => {
  const count = 50_000;
  const names = Array.from({ length: count }, (_, index) => `x/${index}`);
  const live = { ...containers(...names.map((name) => ({ name }))), metadata: { finalizers: names } };
  // What this process worked: a machine that is busy with something else must not fail it.
  const started = process.cpuUsage();
  patched(live, containers(...names.map((name) => ({ name, $patch: 'delete' }))));
  patched(live, { metadata: { finalizers: [...names].reverse(), '$deleteFromPrimitiveList/finalizers': names } });
  assert.ok(process.cpuUsage(started).user / 1_000 < 20_000);
});
