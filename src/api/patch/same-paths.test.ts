import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { JsonObject } from '../../base/json.ts';
import { pods } from '../kinds/pod.ts';
import { typeOfKind } from '../schema/kind-type.ts';
import type { ObjectType } from '../schema/schema.ts';
import { walk } from '../schema/walker.ts';
import { compare } from './compare.ts';
import { samePaths } from './same-paths.ts';
import { structShape } from './shape.ts';

const type = typeOfKind(pods as never) as ObjectType;
const shape = structShape(type);
const empty = { metadata: {}, ...walk(type, null).value };
const paths = (object: JsonObject) => compare(shape, empty, object, new Set());
const same = (a: JsonObject, b: JsonObject) => samePaths(shape, a, b, empty);

const word = fc.constantFrom('', 'a', 'b');
const some = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const container = fc.record({
  name: word,
  image: some(word),
  args: some(fc.array(word, { maxLength: 2 })),
  env: some(fc.array(fc.record({ name: word, value: some(word) }), { maxLength: 2 })),
  ports: some(fc.array(fc.record({ containerPort: fc.constantFrom(1, 2) }), { maxLength: 2 })),
  resources: some(fc.constantFrom({}, { limits: {} }, { limits: { cpu: '1' } })),
});
const pod = fc.record({
  metadata: fc.record({
    name: word,
    labels: some(fc.dictionary(word, word, { maxKeys: 2 })),
    finalizers: some(fc.array(word, { maxLength: 2 })),
    creationTimestamp: some(fc.constantFrom(null, 'x')),
  }),
  spec: some(
    fc.record({ containers: fc.option(fc.array(container, { maxLength: 2 })), hostNetwork: some(fc.boolean()) }),
  ),
});
const clean = (value: object): JsonObject => JSON.parse(JSON.stringify(value));

const renamed = (value: object): object => JSON.parse(JSON.stringify(value).replaceAll('"a"', '"b"'));

test('objects that have the same paths are owned alike, whatever is in them', () => {
  let found = 0;
  fc.assert(
    fc.property(pod, pod, (one, other) => {
      const a = clean(one);
      // Nearly alike, so that many are.
      for (const b of [{ ...one, metadata: other.metadata }, { ...one, spec: other.spec }, renamed(one)].map(clean)) {
        if (!same(a, b)) continue;
        found++;
        assert.deepEqual(paths(a), paths(b));
      }
    }),
    { seed: 11, numRuns: 3_000 },
  );
  assert.ok(found > 200, `only ${found} pairs were alike`);
});

test('other values in the same places make no other paths, other keys of a list do', () => {
  const object = (name: string, value: string, key = 'main') => ({
    metadata: { name, labels: { app: value } },
    spec: { containers: [{ name: key, image: value, env: [{ name: 'A', value }] }] },
  });
  assert.equal(same(object('a', 'x'), object('b', 'y')), true);
  assert.equal(same(object('a', 'x'), object('a', 'x', 'other')), false);
  assert.equal(same(object('a', 'x'), { metadata: { name: 'a' } }), false);
});
