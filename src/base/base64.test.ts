import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { decodeBase64, encodeBase64 } from './base64.ts';

test('Bytes are written in base64 as the platform writes them, and read back', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 50 }), (bytes) => {
      const text = encodeBase64(bytes);
      assert.equal(text, Buffer.from(bytes).toString('base64'));
      assert.deepEqual(decodeBase64(text), bytes);
    }),
  );
});

test('Padding and white space count for nothing when base64 is read', () => {
  assert.deepEqual(decodeBase64(' aG V\nsbG8 = '), new TextEncoder().encode('hello'));
  assert.deepEqual(decodeBase64('aGVsbG8'), new TextEncoder().encode('hello'));
});
