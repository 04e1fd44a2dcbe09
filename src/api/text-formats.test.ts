import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fitsFormat, formatOf } from './text-formats.ts';

/** By upstream's own rules, odd as some are. */
const texts: Readonly<Record<string, readonly [fits: readonly string[], fitsNot: readonly string[]]>> = {
  hostname: [
    ['x', 'localhost', 'a.b.com', 'a-b.example.com', '100m'],
    ['', 'a.b.c', 'my-host', '-a.com', 'a.com.', 'a_b.com'],
  ],
  ipv4: [
    ['10.0.0.1', '010.1.1.1', '::ffff:10.0.0.1'],
    ['10.0.0', '::1'],
  ],
  ipv6: [
    ['::1', '2001:db8::1'],
    ['10.0.0.1', ':::'],
  ],
  cidr: [
    ['10.0.0.0/8', '2001:db8::/32', '010.0.0.0/08'],
    ['10.0.0.0', '10.0.0.0/33'],
  ],
  mac: [
    ['00:00:5e:00:53:01', '02-00-5e-10-00-00-00-01', '0000.5e00.5301'],
    ['00:00:5e:00:53', '00:00-5e:00:53:01', ''],
  ],
  isbn: [
    ['978-3-16-148410-0', '0321751043', '080442957X'],
    ['978-3-16-148410-1', '123', ''],
  ],
  creditcard: [
    ['4111111111111111', '4111-1111-1111-1111'],
    ['4111111111111112', '1111111111111117'],
  ],
  ssn: [
    ['123-45-6789', '123 45 6789'],
    ['123456789', ''],
  ],
  rgbcolor: [
    ['rgb(1,2,3)', 'rgb( 0 , 255 , 9 )'],
    ['rgb(256,0,0)', 'rgb(01,2,3)'],
  ],
  uuid4: [['123e4567-e89b-42d3-a456-426614174000'], ['123e4567-e89b-42d3-c456-426614174000']],
  byte: [['aGVsbG8='], ['', 'aGVsbG8', 'a-_=']],
  date: [['2024-02-29'], ['2023-02-29', '2024-2-29']],
  'date-time': [
    ['2024-01-02T03:04:05Z', '2024-01-02t03:04:05.1+01:00'],
    ['2024-01-02', '2024-01-02T24:04:05Z'],
  ],
  duration: [
    ['1h30m', 'P1D', '2 minutes', '3 wk'],
    ['', '1x', 'hour'],
  ],
  email: [
    ['a@b', 'a.b@c.d', '"a b"@c', 'Some Body <a@b.c>', 'a@b (at work)', 'a@[10.0.0.1]'],
    ['', 'a', 'a@', '@b', 'a..b@c', 'a@b c', 'a@b (open', '<a@b'],
  ],
  uri: [
    ['http://a/b', '/rel'],
    ['', 'a b'],
  ],
  'k8s-short-name': [['abc'], ['Abc', 'a.b', 'a'.repeat(64)]],
  'k8s-long-name': [[`${'a'.repeat(64)}.b`], ['a..b', '-a']],
};

for (const [format, [fits, fitsNot]] of Object.entries(texts)) {
  test(`what is a ${format}, and what is not`, () => {
    for (const text of fits) assert.ok(fitsFormat(format, text), `${JSON.stringify(text)} is one`);
    for (const text of fitsNot) assert.ok(!fitsFormat(format, text), `${JSON.stringify(text)} is none`);
  });
}

test('a format counts where values of its type have it', () => {
  assert.equal(formatOf({ type: 'string', format: 'ipv4' }), 'ipv4');
  assert.equal(formatOf({ type: 'string', format: 'whatever' }), undefined);
  assert.equal(formatOf({ type: 'string', format: 'constructor' }), undefined);
  assert.equal(formatOf({ type: 'integer', format: 'int32' }), 'int32');
  assert.equal(formatOf({ type: 'integer', format: 'ipv4' }), undefined);
  assert.equal(formatOf({ type: 'object', format: 'ipv4' }), undefined);
});

test('no text takes long to be looked at', () => {
  const long = [
    'a'.repeat(100_000),
    'a '.repeat(50_000),
    '('.repeat(100_000),
    'a.'.repeat(50_000),
    '1 '.repeat(50_000),
  ];
  for (const format of Object.keys(texts)) for (const text of long) fitsFormat(format, text);
});
