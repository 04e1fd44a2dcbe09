import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json } from '../../base/json.ts';
import { finish } from '../../base/steps.ts';
import { ApiError } from '../error.ts';
import { jsonPatch, unknownInPatch } from './json.ts';

const document = { spec: { list: ['a', 'b'], map: { x: 1 } } };

function refusal(patch: Json): ApiError {
  try {
    finish(jsonPatch(document, patch));
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

test('A JSON patch runs its operations one after the other and leaves the document as it was', () => {
  const before = JSON.stringify(document);
  const patched = finish(
    jsonPatch(document, [
      { op: 'test', path: '/spec/list/0', value: 'a' },
      { op: 'add', path: '/spec/list/1', value: 'c' },
      { op: 'add', path: '/spec/list/-', value: 'd' },
      { op: 'remove', path: '/spec/list/0' },
      { op: 'replace', path: '/spec/map/x', value: 2 },
      { op: 'copy', from: '/spec/map', path: '/copy' },
      { op: 'move', from: '/spec/map/x', path: '/spec/map/a~1b' },
    ]),
  );
  assert.deepEqual(patched, { spec: { list: ['c', 'b', 'd'], map: { 'a/b': 2 } }, copy: { x: 2 } });
  assert.equal(JSON.stringify(document), before);
});

test('A JSON patch that does not apply is 422 and does not say why, as upstream', () => {
  const wrong: readonly Json[] = [
    [{ op: 'test', path: '/spec/map/x', value: 9 }],
    [{ op: 'remove', path: '/spec/nothing' }],
    [{ op: 'replace', path: '/spec/list/7', value: 1 }],
    [{ op: 'add', path: '/spec/list/7', value: 1 }],
    [{ op: 'add', path: '/nothing/deep', value: 1 }],
    [{ op: 'explode', path: '/spec' }],
    [{ op: 'move', from: '/nothing', path: '/spec' }],
  ];
  for (const patch of wrong) assert.deepEqual([refusal(patch).code, refusal(patch).reason], [422, 'Invalid']);
});

test('A JSON patch that is no list of operations is a bad request', () => {
  assert.equal(
    refusal({}).message,
    'error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp',
  );
  assert.equal(refusal([{ op: 1 }]).code, 400);
});

test('A JSON patch has at most ten thousand operations, and its copies a limit', () => {
  const many = Array.from({ length: 10_001 }, () => ({ op: 'test', path: '/spec/map/x', value: 1 }));
  assert.equal(refusal(many).code, 413);
  const doubling = Array.from({ length: 40 }, (_, turn) => ({ op: 'copy', from: '/spec', path: `/spec/${turn}` }));
  assert.equal(refusal(doubling).code, 422);
});

test('Ten thousand operations on a long list take less than a second', () => {
  const list = Array.from({ length: 10_000 }, (_, index) => index);
  const operations = list.map((index) => ({ op: 'replace', path: `/list/${index}`, value: -index }));
  // What this process worked: a machine that is busy with something else must not fail it.
  const started = process.cpuUsage();
  finish(jsonPatch({ list }, operations));
  assert.ok(process.cpuUsage(started).user / 1_000 < 1000);
});

test('Members that an operation does not have are told by their place', () => {
  assert.deepEqual(
    unknownInPatch([
      { op: 'add', path: '/a', value: 1 },
      { op: 'add', foo: 1 },
    ]),
    ['[1].foo'],
  );
});
