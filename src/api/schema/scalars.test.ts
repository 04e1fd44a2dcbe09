import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fromBase64, toBase64 } from '../protobuf-wire.ts';
import { canonicalBase64, canonicalMicroTime, canonicalTime, formatDuration, parseDuration } from './scalars.ts';

const instants = fc.date({ min: new Date('1000-01-01'), max: new Date('9998-12-31'), noInvalidDate: true });

test('a duration that is printed reads back as it was', () => {
  const nanos = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
  fc.assert(fc.property(nanos, (value) => assert.equal(parseDuration(formatDuration(value)), value)));
});

test('a time in any zone becomes the same moment in UTC, and then stays as it is', () => {
  fc.assert(
    fc.property(instants, fc.integer({ min: -14 * 60, max: 14 * 60 }), (date, minutes) => {
      const local = new Date(date.getTime() + minutes * 60_000).toISOString().slice(0, 19);
      const size = Math.abs(minutes);
      const pad = (value: number) => String(value).padStart(2, '0');
      const zone = `${minutes < 0 ? '-' : '+'}${pad(Math.floor(size / 60))}:${pad(size % 60)}`;
      const expected = { value: `${date.toISOString().slice(0, 19)}Z` };
      assert.deepEqual(canonicalTime(local + zone), expected);
      assert.deepEqual(canonicalTime(expected.value), expected);
      assert.deepEqual(canonicalMicroTime(expected.value), { value: `${expected.value.slice(0, -1)}.000000Z` });
    }),
  );
});

test('base64 of any bytes is canonical, wherever its lines are broken', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.nat(), (bytes, at) => {
      const text = toBase64(bytes);
      const cut = at % (text.length + 1);
      assert.deepEqual(canonicalBase64(`${text.slice(0, cut)}\r\n${text.slice(cut)}`), { value: text });
      assert.deepEqual(fromBase64(text), bytes);
    }),
  );
});

test('every scalar takes any text, with a value or a sentence, at once', () => {
  const parts = fc.constantFrom('2026', '-', '01', 'T', ':', 'Z', '+', '.', '0', '1h', 'ms', '=', 'A', '/', '\n', 'µs');
  const text = fc.oneof(
    fc.string(),
    fc.array(parts, { maxLength: 30 }).map((list) => list.join('')),
  );
  fc.assert(
    fc.property(text, (given) => {
      for (const read of [canonicalTime, canonicalMicroTime, canonicalBase64]) {
        const scalar = read(given);
        if ('value' in scalar && scalar.value !== '') assert.deepEqual(read(scalar.value), scalar);
      }
      parseDuration(given);
    }),
    { numRuns: 2_000 },
  );
  // What this process worked: a machine that is busy with something else must not fail it.
  const start = process.cpuUsage();
  for (const part of ['1', '1h', '=', 'A', '2026-', '\n', '.', '9']) {
    const hostile = part.repeat(1_000_000 / part.length);
    for (const read of [canonicalTime, canonicalMicroTime, canonicalBase64, parseDuration]) read(hostile);
    canonicalTime(`2026-01-01T00:00:00.${hostile}Z`);
  }
  assert.ok(process.cpuUsage(start).user / 1_000 < 4_000, `${process.cpuUsage(start).user / 1_000} ms`);
});
