import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { finish } from '../../base/steps.ts';
import { decodeJson, depthMax, inOrderOfText, JsonSyntaxError } from './decode-json.ts';

const duplicates = (text: string) => decodeJson(text, { duplicates: true }).duplicates;

test('decodeJson tells duplicate members with their paths', () => {
  assert.deepEqual(
    duplicates('{"spec":{"containers":[{"image":"a"},{"image" : "b","image":"c"}]},"a":1,"\\u0061":2}'),
    ['spec.containers[1].image', 'a'],
  );
  assert.deepEqual(duplicates('{"a":"a","b":{"a":"\\"a\\":"},"c":["a","a"]}'), []);
  assert.deepEqual(duplicates('{"__proto__":1,"__proto__":2}'), ['__proto__']);
});

test('decodeJson keeps __proto__ a member', () => {
  const value = decodeJson('{"__proto__":{"x":1}}').value as object;
  assert.deepEqual(Object.keys(value), ['__proto__']);
  assert.equal(Object.getPrototypeOf(value), Object.prototype);
});

test('decodeJson words a syntax error as Go does', () => {
  const cases: Readonly<Record<string, string>> = {
    '': 'unexpected end of JSON input',
    '{"a":1': 'unexpected end of JSON input',
    '{a:1}': "invalid character 'a' looking for beginning of object key string",
    '{"a" 1}': "invalid character '1' after object key",
    '{"a":1 "b"}': "invalid character '\"' after object key:value pair",
    '[1 2]': "invalid character '2' after array element",
    '[1,]': "invalid character ']' looking for beginning of value",
    '{"a":1,}': "invalid character '}' looking for beginning of object key string",
    nul1: "invalid character '1' in literal null (expecting 'l')",
    '{} x': "invalid character 'x' after top-level value",
    '-x': "invalid character 'x' in numeric literal",
    '"\\x"': "invalid character 'x' in string escape code",
    '"\n"': "invalid character '\\n' in string literal",
    '01': "invalid character '1' after top-level value",
  };
  for (const [text, message] of Object.entries(cases)) {
    assert.throws(() => decodeJson(text), new JsonSyntaxError(message), text);
  }
});

test('decodeJson refuses what is too deep', () => {
  const deep = '['.repeat(depthMax + 1) + ']'.repeat(depthMax + 1);
  assert.throws(() => decodeJson(deep), new JsonSyntaxError('exceeded max depth'));
  assert.throws(() => decodeJson('['.repeat(1e6)), new JsonSyntaxError('exceeded max depth'));
  assert.doesNotThrow(() => decodeJson(deep.slice(1, -1)));
});

test('decodeJson reads whatever was written and finds no duplicates in it', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      const { value, duplicates } = decodeJson(text, { duplicates: true });
      assert.deepEqual({ value, duplicates }, { value: JSON.parse(text), duplicates: [] });
    }),
  );
});

test('decodeJson takes any text without a crash, and says why it is no JSON exactly when it is none', () => {
  const texts = fc.oneof(
    fc.string(),
    fc.array(fc.constantFrom('{', '}', '[', ']', '"', ':', ',', '1', 'e', '\\', 'true', ' ')).map((a) => a.join('')),
  );
  fc.assert(
    fc.property(texts, (text) => {
      let valid = true;
      try {
        JSON.parse(text);
      } catch {
        valid = false;
      }
      if (valid) decodeJson(text, { duplicates: true });
      else assert.throws(() => decodeJson(text), JsonSyntaxError);
    }),
  );
});

test('decodeJson is linear in hostile input', () => {
  const hostile = [
    `{${'"a":1,'.repeat(160_000)}"b":2}`,
    `"${'\\\\'.repeat(500_000)}"`,
    `"${'\\"'.repeat(500_000)}`,
    `{"a":"${'\\'.repeat(1e6)}`,
    `[${'{"a":[],"a":[]},'.repeat(60_000)}1]`,
  ];
  // What this process worked: a machine that is busy with something else must not fail it.
  const start = process.cpuUsage();
  for (const text of hostile) {
    try {
      decodeJson(text, { duplicates: true });
    } catch (error) {
      assert.ok(error instanceof JsonSyntaxError);
    }
  }
  assert.ok(process.cpuUsage(start).user / 1_000 < 1500, `${process.cpuUsage(start).user / 1_000} ms`);
});

test('decodeJson finds every member that stands twice, however it is spaced, and no other', () => {
  const names = fc.constantFrom('a', 'b', '":', 'c\\', '__proto__', '1234567890123456');
  const members = fc.array(fc.tuple(names, fc.constantFrom('', ' ', '\n'), fc.constantFrom('1', '"\\":"', '[]', '{}')));
  fc.assert(
    fc.property(members, (list) => {
      const text = `{${list.map(([name, space, value]) => `${JSON.stringify(name)}${space}:${value}`).join(',')}}`;
      const names = list.map(([name]) => name);
      const twice = new Set(names.filter((name, index) => names.indexOf(name) < index));
      assert.deepEqual([...duplicates(text)].sort(), [...twice].sort());
    }),
  );
});

test('integers keep what an int64 and a number can both say', () => {
  const exact = decodeJson('[9007199254740992, 9223372036854775807, -9223372036854775808, 9223372036854775808]').value;
  assert.deepEqual(exact, [2 ** 53, 2 ** 63 - 1024, -(2 ** 63), 2 ** 63]);
});

test('inOrderOfText tells members that stand twice and unknown ones as they follow one another', () => {
  const text = '{"spec":{"odd":1,"size":1,"size":2},"b":[{"odd":2}],"spec":{},"size":{"odd":3}}';
  assert.deepEqual(finish(inOrderOfText(text, ['spec.size', 'spec'], ['b[0].odd', 'spec.odd', 'Written.otherwise'])), [
    { path: 'spec.odd', again: false },
    { path: 'spec.size', again: true },
    { path: 'b[0].odd', again: false },
    { path: 'spec', again: true },
    { path: 'Written.otherwise', again: false },
  ]);
});
