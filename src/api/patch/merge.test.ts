import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json } from '../../base/json.ts';
import { finish } from '../../base/steps.ts';
import { mergePatch } from './merge.ts';

const cases: readonly (readonly [claim: string, target: Json, patch: Json, merged: Json])[] = [
  ['removes what is null', { a: 1, b: 2 }, { a: null }, { b: 2 }],
  ['merges what is in objects', { a: { b: 1, c: 2 } }, { a: { b: null, d: 3 } }, { a: { c: 2, d: 3 } }],
  ['keeps no null of what is new', {}, { a: { b: { c: null } } }, { a: { b: {} } }],
  ['replaces lists', { a: [1, 2] }, { a: [3] }, { a: [3] }],
  ['keeps null as an item', {}, { a: [null, 1] }, { a: [null, 1] }],
  [
    'removes null from items of a new list',
    { a: [{ b: 1 }] },
    { a: [{ b: null, c: [{ d: null }] }] },
    { a: [{ c: [{}] }] },
  ],
  ['takes a list for an object as it is', { a: { b: 1 } }, { a: [{ b: null }] }, { a: [{ b: null }] }],
];
for (const [claim, target, patch, merged] of cases) {
  test(`A merge patch ${claim}`, () => {
    assert.deepEqual(finish(mergePatch(target, patch)), merged);
  });
}
