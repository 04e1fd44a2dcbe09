import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as fc from 'fast-check';
import type { Json, JsonObject } from './json.ts';
import { isCommon, jsonText, knownText, longTextsInSteps, membersText, sharing } from './shared-json.ts';
import { paceOf } from './steps.test-data.ts';
import { finish, stepMembersMax } from './steps.ts';

const pod = (name: string, image = 'web:1') => ({
  metadata: { name, labels: { app: 'web' } },
  spec: { containers: [{ name: 'main', image, env: [{ name: 'A', value: 'a' }] }], volumes: [{ name: 'data' }] },
});

test('what two values have in common is held once, and neither is changed', () => {
  const first = pod('a');
  const second = pod('b');
  const before = JSON.stringify(second);
  const made = sharing(first, second, true) as typeof second;
  assert.deepEqual(made, pod('b'));
  assert.equal(JSON.stringify(second), before);
  assert.equal(made.spec, first.spec);
  assert.equal(made.metadata.labels, first.metadata.labels);
  assert.deepEqual([made.spec, made.metadata, second.spec].map(isCommon), [true, false, false]);
  assert.notEqual(second.spec, first.spec);
});

test('an equal value becomes the known one, and one that differs deep inside shares what stands around', () => {
  const first = pod('a');
  assert.equal(sharing(first, pod('a'), true), first);
  const made = sharing(first, pod('a', 'web:2'), true) as typeof first;
  assert.equal(made.spec.containers[0]?.image, 'web:2');
  assert.equal(made.spec.containers[0]?.env, first.spec.containers[0]?.env);
  assert.equal(made.spec.volumes, first.spec.volumes);
});

test('a member that every object inherits is not taken for one that is there', () => {
  const next = JSON.parse('{"__proto__":{},"constructor":{},"a":{"b":1}}') as JsonObject;
  const made = sharing({ a: { b: 1 } }, next, true);
  assert.equal(jsonText(made), '{"__proto__":{},"constructor":{},"a":{"b":1}}');
});

test('the text of shared values is what JSON.stringify makes, whatever they share', () => {
  const value = fc.jsonValue({ maxDepth: 4 }) as fc.Arbitrary<Json>;
  fc.assert(
    fc.property(value, value, fc.boolean(), (known, next, isCommon) => {
      const made = sharing(known, next, isCommon);
      assert.deepEqual(made, next);
      // Twice: the second time the text of parts is known.
      for (let round = 0; round < 2; round++)
        assert.deepEqual(JSON.parse(jsonText(made)), JSON.parse(JSON.stringify(next)));
      const again = sharing(made, JSON.parse(JSON.stringify(next)), isCommon);
      assert.deepEqual(JSON.parse(jsonText({ again, next })), JSON.parse(JSON.stringify({ again, next })));
    }),
    { seed: 7 },
  );
});

test('members that are undefined are left out of a text', () => {
  assert.equal(membersText({ a: 1, b: undefined as unknown as Json, c: 'x' }), '{"a":1,"c":"x"}');
  assert.equal(membersText({}), '{}');
});

test('The text of what is long is made in steps, is the text of the value, and is kept for a while', () => {
  const data = Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`k"${n}`, n % 3 ? `v${n}` : [n, { n }]]));
  const value = { kind: 'X', metadata: { name: 'x', long: Object.values(data) }, data, short: { a: 1 }, none: [] };
  const { longest, members } = paceOf(longTextsInSteps(value));
  assert.ok(longest <= 2 * stepMembersMax, `${longest} members in one step`);
  assert.ok(members >= 40_000, `${members} members`);
  assert.equal(knownText(data), JSON.stringify(data));
  assert.equal(knownText(value.metadata.long), JSON.stringify(value.metadata.long));
  assert.equal(knownText(value.short), undefined);
  assert.equal(isCommon(data), false, 'what is long is one value alone');
  assert.equal(membersText(value), JSON.stringify(value));
  // As much as is kept at most, made by others.
  const letters = 'x'.repeat(20_000);
  for (let round = 0; round < 4; round++) {
    finish(longTextsInSteps({ data: Array.from({ length: 256 }, () => letters) }));
  }
  assert.equal(knownText(data), undefined);
});

test('What is long goes when nobody has it, though its text is kept', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc');
  setFlagsFromString('--no-expose-gc');
  const longOnly = (): WeakRef<object> => {
    const data = Object.fromEntries(Array.from({ length: 2_000 }, (_, n) => [`k${n}`, `v${n}`]));
    finish(longTextsInSteps({ data }));
    assert.ok(knownText(data));
    return new WeakRef(data);
  };
  const left = Array.from({ length: 20 }, longOnly);
  await new Promise(setImmediate);
  collect();
  const held = left.filter((value) => value.deref()).length;
  assert.equal(held, 0, `${held} of 20 are held`);
});
