import assert from 'node:assert/strict';
import { test } from 'node:test';
import { finish } from '../../base/steps.ts';
import { decoded } from './decoded.ts';
import type { JsonSchema } from './json-schema.ts';
import { judgeParts } from './judge-parts.ts';
import { judgeValue } from './judge-value.ts';

const text: JsonSchema = { type: 'string' };
const told = (schema: JsonSchema, value: never) =>
  finish(judgeParts({ type: 'object', properties: { at: schema } }, { at: value })).map(
    (error) => `${error.path}: ${error.text}`,
  );

test('what is in a set or a keyed list more than once is told once, however its members are ordered', () => {
  const set: JsonSchema = { type: 'array', items: { type: 'object' }, 'x-kubernetes-list-type': 'set' };
  const [ab, ba] = [
    { a: 1, b: 2 },
    { b: 2, a: 1 },
  ];
  assert.deepEqual(told(set, [ab, ba, ab] as never), ['at[1]: Duplicate value: {"a":1,"b":2}']);
  const keyed: JsonSchema = {
    type: 'array',
    items: { type: 'object', properties: { k: text } },
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['k'],
  };
  assert.deepEqual(told(keyed, [{ k: 'x' }, { k: 'y' }, { k: 'x' }] as never), ['at[2]: Duplicate value: {"k":"x"}']);
  const why = 'must be an object for an array of list-type map';
  assert.deepEqual(told(keyed, [{ k: 'x' }, 5] as never), [`at[1]: Invalid value: 5: ${why}`]);
});

test('an object inside of another says what it is, and its metadata is like that of all', () => {
  const embedded: JsonSchema = {
    type: 'object',
    'x-kubernetes-embedded-resource': true,
    'x-kubernetes-preserve-unknown-fields': true,
  };
  assert.deepEqual(told(embedded, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' } } as never), []);
  assert.deepEqual(told(embedded, {} as never), ['at.apiVersion: Required value', 'at.kind: Required value']);
  const [group, kind, label] = told(embedded, {
    apiVersion: 'a/b/c',
    kind: '$(X)',
    metadata: { labels: { a: 'b c' } },
  } as never);
  assert.equal(group, 'at.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c');
  assert.match(kind ?? '', /^at\.kind: Invalid value: "\$\(X\)": may have mixed case, but should otherwise match: /);
  assert.match(label ?? '', /^at\.metadata\.labels: Invalid value: "b c"/);
  const schema: JsonSchema = { type: 'object', properties: { at: embedded } };
  const odd = { metadata: { name: 'x' }, at: { apiVersion: {}, kind: 'Pod', metadata: { name: 5 } } };
  assert.deepEqual(finish(decoded(schema, odd as never)).errors, [
    'at.apiVersion: Invalid value: {}: must be a string',
    'at.metadata: Invalid value: {"name":5}: json: cannot unmarshal number into Go struct field ObjectMeta.name of type string',
  ]);
});

test('a format says of other types what it is, and leaves lists to themselves', () => {
  const ip: JsonSchema = { type: 'string', format: 'ipv4' };
  const sentences = (schema: JsonSchema, value: never) => judgeValue(schema, value, 'at').map((error) => error.text);
  assert.deepEqual(sentences(ip, true as never), ['Invalid value: "": at in body must be of type ipv4: ""']);
  assert.deepEqual(sentences(ip, [] as never), []);
  assert.deepEqual(sentences({ type: 'integer', format: 'int32' }, (2 ** 31) as never), [
    'Invalid value: "": Checked value must be of type integer with format int32 in at',
  ]);
});
