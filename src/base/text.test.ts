import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Instant } from './env.ts';
import { byteLength, compareText, humanDuration, listed, microTimestamp, parseTime, timestamp } from './text.ts';

test('compareText orders by code unit', () => {
  assert.deepEqual(['b', 'é', 'B', 'a', 'a'].sort(compareText), ['B', 'a', 'a', 'b', 'é']);
});

test('timestamp has whole seconds, microTimestamp six digits, and parseTime reads both', () => {
  const now = 1_700_000_000_123 as Instant;
  assert.equal(timestamp(now), '2023-11-14T22:13:20Z');
  assert.equal(microTimestamp(now), '2023-11-14T22:13:20.123000Z');
  assert.equal(parseTime(timestamp(now)), 1_700_000_000_000);
  assert.equal(parseTime(microTimestamp(now)), now);
});

test('humanDuration says an age as kubectl does', () => {
  const ages: readonly (readonly [number, string])[] = [
    [-2, '<invalid>'],
    [-1, '0s'],
    [0, '0s'],
    [119, '119s'],
    [120, '2m'],
    [200, '3m20s'],
    [600, '10m'],
    [179 * 60, '179m'],
    [180 * 60, '3h'],
    [5 * 3600 + 720, '5h12m'],
    [8 * 3600, '8h'],
    [47 * 3600, '47h'],
    [76 * 3600, '3d4h'],
    [192 * 3600, '8d'],
    [729 * 86_400, '729d'],
    [760 * 86_400, '2y30d'],
    [730 * 86_400, '2y'],
    [8 * 365 * 86_400, '8y'],
  ];
  for (const [seconds, text] of ages) assert.equal(humanDuration(seconds * 1000), text);
});

test('listed joins words as a sentence does', () => {
  assert.deepEqual([[], ['a'], ['a', 'b'], ['a', 'b', 'c']].map(listed), ['', 'a', 'a and b', 'a, b and c']);
});

test('byteLength counts what encoding makes, of pairs and of halves of them too', () => {
  const encoder = new TextEncoder();
  for (const text of ['', 'plain', 'wörld', '€', '😀 x', '\ud83d', '\ude00', '\ud83d\ud83d\ude00', 'a\u07ffb\u0800c']) {
    assert.equal(byteLength(text), encoder.encode(text).length, JSON.stringify(text));
  }
});

test('timestamp is anew in every second, forwards and backwards', () => {
  const at = (ms: number) => timestamp(ms as Instant);
  assert.deepEqual(
    [at(0), at(999), at(1_000), at(-1), at(0)],
    [
      '1970-01-01T00:00:00Z',
      '1970-01-01T00:00:00Z',
      '1970-01-01T00:00:01Z',
      '1969-12-31T23:59:59Z',
      '1970-01-01T00:00:00Z',
    ],
  );
});
