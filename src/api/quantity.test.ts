import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  addQuantity,
  canonicalQuantity,
  compareQuantity,
  formatQuantity,
  parseQuantity,
  quantityBytes,
  quantityFormatError,
  quantityMillis,
  quantitySuffixError,
  roundUpToMillis,
  tryParseQuantity,
} from './quantity.ts';

test('canonicalQuantity writes equal amounts alike', () => {
  const cases: Readonly<Record<string, string>> = {
    '0': '0',
    '1000m': '1',
    '0.5': '500m',
    '1.5': '1500m',
    '1024Mi': '1Gi',
    '1025Mi': '1025Mi',
    '0.5Gi': '512Mi',
    '100Ki': '100Ki',
    '1000Ki': '1000Ki',
    '1Ki': '1Ki',
    '512': '512',
    '1e3': '1e3',
    '1E3': '1e3',
    '1000e3': '1e6',
    '1500k': '1500k',
    '1000k': '1M',
    '.5': '500m',
    '1.': '1',
    '+1': '1',
    '-1': '-1',
    '0.0000000001': '1n',
    '1.5Ki': '1536',
    '0.5Ki': '512',
    '0Gi': '0',
    '007': '7',
    '100E': '100E',
    '9223372036854775808': '9223372036854775807',
    '1.0': '1',
    '12e-1': '1200e-3',
    '123456789123456789123': '9223372036854775807',
    '0.1Mi': '104857600m',
    k: '0',
  };
  for (const [text, canonical] of Object.entries(cases)) assert.equal(canonicalQuantity(text), canonical, text);
});

test('tryParseQuantity says what is wrong in Kubernetes words', () => {
  assert.deepEqual(tryParseQuantity(''), { error: quantityFormatError });
  for (const text of ['x', '1x', ' 1', '1 ', '1Gix', '1.2.3', 'NaN']) {
    assert.deepEqual(tryParseQuantity(text), { error: quantityFormatError }, text);
  }
  for (const text of ['1ki', '1e', '1KK', '1GiGi', '1m5', '--1']) {
    assert.deepEqual(tryParseQuantity(text), { error: quantitySuffixError }, text);
  }
});

test('quantityMillis and quantityBytes round up', () => {
  assert.equal(quantityMillis('100m'), 100);
  assert.equal(quantityMillis('0.1m'), 1);
  assert.equal(quantityMillis('2'), 2000);
  assert.equal(quantityBytes('1Gi'), 2 ** 30);
  assert.equal(quantityBytes('100m'), 1);
  assert.equal(formatQuantity(roundUpToMillis(parseQuantity('1u'))), '1m');
});

const amounts = fc
  .tuple(
    fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n }),
    fc.constantFrom('', 'm', 'k', 'M', 'Ki', 'Mi', 'Gi', 'e3', 'u', 'n'),
  )
  .map(([number, suffix]) => `${number}${suffix}`);

test('a canonical quantity is its own canonical form and the same amount', () => {
  fc.assert(
    fc.property(amounts, (text) => {
      const canonical = canonicalQuantity(text);
      assert.equal(canonicalQuantity(canonical), canonical);
      assert.equal(compareQuantity(parseQuantity(canonical), parseQuantity(text)), 0);
    }),
  );
});

test('addQuantity adds exactly and does not care about order', () => {
  fc.assert(
    fc.property(amounts, amounts, (a, b) => {
      const [left, right] = [parseQuantity(a), parseQuantity(b)];
      assert.equal(addQuantity(left, right).nanos, left.nanos + right.nanos);
      assert.equal(compareQuantity(addQuantity(left, right), addQuantity(right, left)), 0);
    }),
  );
});

test('tryParseQuantity takes any text without a crash, and long ones in no time', () => {
  fc.assert(fc.property(fc.string(), (text) => void tryParseQuantity(text)));
  // What this process worked: a machine that is busy with something else must not fail it.
  const start = process.cpuUsage();
  for (const text of [
    '9'.repeat(1e6),
    `1e${'9'.repeat(1e6)}`,
    'E'.repeat(1e6),
    `1e-${'9'.repeat(900)}`,
    '1e2147483647',
  ]) {
    tryParseQuantity(text);
  }
  assert.ok(process.cpuUsage(start).user / 1_000 < 2_000);
});
