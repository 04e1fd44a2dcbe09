import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Json } from './json.ts';
import { canonicalJson, decodeText, deepFreeze, encodeText, equalJson, isObject } from './json.ts';

const anyJson = fc.jsonValue() as fc.Arbitrary<Json>;

test('canonicalJson writes keys in code-unit order and leaves out what is undefined', () => {
  const value = { b: 1, a: [{ z: null, B: 'é' }], c: undefined } as unknown as Json;
  assert.equal(canonicalJson(value), '{"a":[{"B":"é","z":null}],"b":1}');
  assert.equal(canonicalJson(undefined), 'null');
});

test('canonicalJson is read back as the same value, and is equal exactly when values are', () => {
  fc.assert(
    fc.property(anyJson, anyJson, (a, b) => {
      const text = canonicalJson(a);
      assert(equalJson(JSON.parse(text), a));
      assert.equal(canonicalJson(JSON.parse(text) as Json), text);
      assert.equal(equalJson(a, b), text === canonicalJson(b));
    }),
  );
});

test('equalJson takes a key whose value is undefined as absent, and tells arrays from objects', () => {
  assert(equalJson({ a: 1, b: undefined }, { a: 1 }));
  assert(equalJson({ a: 1 }, { a: 1, b: undefined }));
  assert(!equalJson({ a: null }, {}));
  assert(!equalJson([], {}));
  assert(!equalJson({}, []));
  assert(!equalJson([1], [1, 2]));
  assert(!equalJson(0, null));
});

test('deepFreeze freezes all the way down', () => {
  const value = deepFreeze({ list: [{ name: 'a' }] });
  assert.throws(() => {
    (value.list[0] as { name: string }).name = 'b';
  }, TypeError);
});

test('decodeText reads what encodeText wrote, and refuses what is not UTF-8', () => {
  assert.equal(decodeText(encodeText('naïve 日本 🎉')), 'naïve 日本 🎉');
  assert.throws(() => decodeText(new Uint8Array([0xff, 0xfe])), TypeError);
});

test('isObject is true for objects only', () => {
  assert.deepEqual([{}, [], null, 'a', 1, undefined].map(isObject), [true, false, false, false, false, false]);
});

/** Also a mark of byte order at the beginning, which is left out of what is read. */
const exactly = (bytes: Uint8Array): string => new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);

test('encodeText gives everybody bytes of their own, however short', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary' }), { maxLength: 50 }), (texts) => {
      const encoded = texts.map(encodeText);
      assert.deepEqual(encoded.map(exactly), texts);
    }),
  );
  const long = ['ä'.repeat(10_000), '😀'.repeat(1_300), 'x'.repeat(100_000), ''];
  const many = Array.from({ length: 200 }, (_, index) => long[index % long.length] as string);
  assert.deepEqual(many.map(encodeText).map(decodeText), many);
});
