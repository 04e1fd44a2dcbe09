import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fingerprint, hash32 } from './hash.ts';

test('hash32 is FNV-1a', () => {
  // The published test vectors of the function.
  assert.equal(hash32(''), 0x811c9dc5);
  assert.equal(hash32('a'), 0xe40c292c);
  assert.equal(hash32('foobar'), 0xbf9cf968);
});

test('Fingerprint depends on every text and on their order', () => {
  const of = (...texts: readonly string[]) => {
    const fingerprint = new Fingerprint();
    for (const text of texts) fingerprint.add(text);
    return fingerprint.toString();
  };
  assert.match(of('a'), /^[0-9a-f]{16}$/);
  assert.equal(of('a', 'b'), of('a', 'b'));
  assert.equal(new Set([of(), of('a'), of('a', 'b'), of('b', 'a'), of('a', 'b', 'c')]).size, 5);
});
