import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiRequest } from '../api/wire.ts';
import { encodeText, type Json, type JsonObject } from '../base/json.ts';
import { paceOf } from '../base/steps.test-data.ts';
import { finish, namesIn, stepMembersMax } from '../base/steps.ts';
import { never } from '../base/stop.ts';
import { calling, readObject } from './decode.ts';

const identity = { apiVersion: 'v1', kind: 'ConfigMap' };
const gvk = { group: '', version: 'v1', kind: 'ConfigMap' };
const count = 10_000;
const fields = Object.fromEntries(Array.from({ length: count }, (_, n) => [`field-${n}`, 'x']));

function posted(body: JsonObject): ApiRequest {
  const bytes = encodeText(JSON.stringify(body));
  return {
    method: 'POST',
    path: '',
    query: [],
    headers: {},
    caller: { name: 'x', groups: [], extra: {} },
    stop: never,
    body: { bytes, mediaType: 'application/json' },
  };
}

test('A value that calls itself so is the one that is read, and any other is put together in steps', () => {
  const named = { ...fields, ...identity };
  assert.equal(finish(calling(named, identity)), named);
  assert.deepEqual(finish(calling({ a: 1, kind: '' }, identity)), { a: 1, ...identity });
  assert.equal(namesIn(fields).length, count);
  const { result, longest, members } = paceOf(calling(fields, identity));
  assert.deepEqual(Object.keys(result), [...Object.keys(fields), 'apiVersion', 'kind']);
  assert.ok(longest <= 2 * stepMembersMax, `${longest} members were dealt with in one step`);
  assert.ok(members > count - stepMembersMax, `gave way for ${members} members of ${count}`);
});

test('A body of many fields that nobody knows is read as what it is sent for, whether it says so or not', () => {
  for (const more of [{}, identity, { Kind: 'ConfigMap' }] as readonly JsonObject[]) {
    const { object, warnings } = finish(readObject(posted({ metadata: { name: 'x' }, ...fields, ...more }), gvk));
    assert.deepEqual(object as unknown as Json, { metadata: { name: 'x' }, ...identity });
    assert.deepEqual(warnings.slice(0, 2), ['unknown field "field-0"', 'unknown field "field-1"']);
  }
  const other = posted({ ...fields, metadata: {}, Kind: 'Secret' });
  assert.throws(() => finish(readObject(other, gvk)), /Secret in version "v1" cannot be handled as a ConfigMap/);
});
