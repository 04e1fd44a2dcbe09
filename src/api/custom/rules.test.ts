import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json } from '../../base/json.ts';
import { finish } from '../../base/steps.ts';
import type { JsonSchema, ValidationRule } from './json-schema.ts';
import { judgeRules } from './rules.ts';

const text: JsonSchema = { type: 'string' };
const part: JsonSchema = { type: 'object', properties: { name: text, count: { type: 'integer' } } };
const properties: Readonly<Record<string, JsonSchema>> = {
  tags: { type: 'array', 'x-kubernetes-list-type': 'set', items: text },
  parts: { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'], items: part },
  port: { 'x-kubernetes-int-or-string': true },
  since: { type: 'string', format: 'date-time' },
  wait: { type: 'string', format: 'duration' },
  data: { type: 'string', format: 'byte' },
  limits: { type: 'object', additionalProperties: { type: 'integer' } },
  'dashed-name': text,
  namespace: text,
  embedded: { type: 'object', 'x-kubernetes-embedded-resource': true, 'x-kubernetes-preserve-unknown-fields': true },
  maybe: { type: 'string', nullable: true },
};

/** What one rule at the root says about an object. */
function judge(rule: ValidationRule | string, value: object, previous?: object): readonly string[] {
  const rules = [typeof rule === 'string' ? { rule } : rule];
  const schema: JsonSchema = { type: 'object', properties, 'x-kubernetes-validations': rules };
  const errors = finish(judgeRules(schema, value as Json, previous as Json | undefined));
  return errors.map(({ path, text: said }) => `${path}: ${said}`);
}

const holding: readonly (readonly [rule: string, value: object])[] = [
  ["self.tags == ['b', 'a'] || ['a', 'b'] == ['b', 'a']", { tags: ['a', 'b'] }],
  ['self.tags + self.tags == self.tags', { tags: ['a', 'b'] }],
  ['self.parts + self.parts == self.parts && self.parts[0].count == 1', { parts: [{ name: 'p', count: 1 }] }],
  ["type(self.port) == int ? self.port > 80 : self.port == 'http'", { port: 8080 }],
  [
    "self.since > timestamp('2020-01-01T00:00:00Z') && self.wait < duration('1h')",
    { since: '2024-01-01T00:00:00Z', wait: '5m' },
  ],
  ["self.data == b'hello'", { data: 'aGVsbG8=' }],
  ["self.limits.all(k, self.limits[k] <= 5) && 'cpu' in self.limits", { limits: { cpu: 5 } }],
  ["self.dashed__dash__name == 'x' && self.__namespace__ == 'y'", { 'dashed-name': 'x', namespace: 'y' }],
  [
    "self.embedded.kind == 'Pod' && self.embedded.metadata.name == 'p'",
    { embedded: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' } } },
  ],
  ['!has(self.maybe) && !has(self.tags) && self.?tags.orValue([]).size() == 0', { maybe: null }],
  ["self.metadata.name.startsWith('a') && self.kind == 'K'", { kind: 'K', metadata: { name: 'ab' } }],
];
for (const [rule, value] of holding) {
  test(`It holds for ${JSON.stringify(value)} that ${rule}`, () => assert.deepEqual(judge(rule, value), []));
}

test('A rule names its path, its reason and its message', () => {
  const rule = { rule: 'self.port == 1', fieldPath: '.port', reason: 'FieldValueForbidden', message: 'not that one' };
  assert.deepEqual(judge(rule, { port: 2 }), ['port: Forbidden: not that one']);
  assert.deepEqual(judge('self.port == 1', { port: 2 }), ['<nil>: Invalid value: failed rule: self.port == 1']);
});

test('A rule that cannot be worked out says why', () => {
  assert.deepEqual(judge("self.maybe == 'x'", {}), [
    `<nil>: Invalid value: "object": no such key: maybe evaluating rule: self.maybe == 'x'`,
  ]);
});

test('A rule about what was before runs only where something was, unless it says that it can do without', () => {
  assert.deepEqual(judge('self.port == oldSelf.port', { port: 2 }), []);
  assert.equal(judge('self.port == oldSelf.port', { port: 2 }, { port: 1 }).length, 1);
  const optional = { rule: 'oldSelf.hasValue() || self.port == 1', optionalOldSelf: true };
  assert.equal(judge(optional, { port: 2 }).length, 1);
  assert.deepEqual(judge(optional, { port: 3 }, { port: 2 }), []);
});

test('A rule that is broken already does not stand in the way of other changes', () => {
  const inner: JsonSchema = {
    type: 'object',
    properties: { a: text },
    'x-kubernetes-validations': [{ rule: "self.a == 'x'" }],
  };
  const schema: JsonSchema = { type: 'object', properties: { inner, other: text } };
  const before = { inner: { a: 'y' }, other: '1' };
  assert.deepEqual(finish(judgeRules(schema, { ...before, other: '2' }, before)), []);
  assert.equal(finish(judgeRules(schema, { inner: { a: 'z' } }, before)).length, 1);
});
