import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { addressText } from '../api/kinds/addresses.ts';
import { type DnsRecord, decodeMessage, encodeMessage, type Message } from './dns-message.ts';
import { DnsFormatError, WireReader, WireWriter } from './dns-wire.ts';

const bytesOf = (hex: string): Uint8Array =>
  Uint8Array.from((hex.replaceAll(/\s/g, '').match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16)));

/** Plain objects, as those that are compared with them. */
const plain = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) => fc.record<T>(model, { noNullPrototype: true });
const label = fc.uint8Array({ minLength: 1, maxLength: 20 });
/** Any name there can be, as text. */
const anyName = fc.array(label, { maxLength: 6 }).map((labels) => {
  const wire = new Uint8Array([...labels.flatMap((one) => [one.length, ...one]), 0]);
  return new WireReader(wire).name();
});
const u16 = fc.nat(65_535);
const u32 = fc.nat(0xffff_ffff);
const shared = { name: anyName, ttl: u32 };
const record: fc.Arbitrary<DnsRecord> = fc.oneof(
  plain({
    ...shared,
    type: fc.constant('A' as const),
    address: fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => addressText([...bytes])),
  }),
  plain({
    ...shared,
    type: fc.constant('AAAA' as const),
    address: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => addressText([...bytes])),
  }),
  plain({ ...shared, type: fc.constantFrom('NS' as const, 'CNAME' as const, 'PTR' as const), target: anyName }),
  plain({ ...shared, type: fc.constant('MX' as const), preference: u16, target: anyName }),
  plain({ ...shared, type: fc.constant('SRV' as const), priority: u16, weight: u16, port: u16, target: anyName }),
  plain({ ...shared, type: fc.constant('TXT' as const), texts: fc.array(fc.uint8Array({ maxLength: 255 })) }),
  plain({
    ...shared,
    type: fc.constant('SOA' as const),
    server: anyName,
    mailbox: anyName,
    serial: u32,
    refresh: u32,
    retry: u32,
    expire: u32,
    minimum: u32,
  }),
  plain({ ...shared, class: fc.constant(3), type: fc.integer({ min: 99, max: 200 }), bytes: fc.uint8Array() }),
);
const records = fc.array(record, { maxLength: 4 });
const message: fc.Arbitrary<Message> = plain({
  id: u16,
  isAnswer: fc.boolean(),
  operation: fc.nat(15),
  authoritative: fc.boolean(),
  truncated: fc.boolean(),
  recursionWanted: fc.boolean(),
  recursionOffered: fc.boolean(),
  code: fc.nat(15),
  questions: fc.array(plain({ name: anyName, type: u16, class: u16 }), { maxLength: 2 }),
  answers: records,
  authority: records,
  additional: records,
  extension: fc.option(plain({ size: u16, version: fc.nat(255), dnssec: fc.boolean(), options: fc.uint8Array() }), {
    nil: undefined,
  }),
}).map(({ extension, ...rest }) => (extension ? { ...rest, extension } : rest));

test('a message that is written and read is the same message', () => {
  fc.assert(fc.property(message, (one) => assert.deepEqual(decodeMessage(encodeMessage(one)), one)));
});

test('any bytes are read as a message or refused as none, and never anything else', () => {
  const broken = fc.tuple(message, fc.nat(), fc.nat(255)).map(([one, place, byte]) => {
    const bytes = encodeMessage(one);
    bytes[place % bytes.length] = byte;
    return bytes;
  });
  const cut = fc.tuple(message, fc.nat()).map(([one, end]) => {
    const bytes = encodeMessage(one);
    return bytes.slice(0, end % bytes.length);
  });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 600 }), broken, cut), (bytes) => {
      try {
        decodeMessage(bytes);
      } catch (error) {
        assert.ok(error instanceof DnsFormatError, String(error));
      }
    }),
  );
});

test('a message keeps to its limit, whole records only, and says that it is truncated when answers are missing', () => {
  fc.assert(
    fc.property(message, fc.integer({ min: 600, max: 1_500 }), (one, limit) => {
      const bytes = encodeMessage({ ...one, truncated: false, questions: [] }, limit);
      assert.ok(bytes.length <= limit);
      const read = decodeMessage(bytes);
      assert.deepEqual(read.answers, one.answers.slice(0, read.answers.length));
      const missing = read.answers.length < one.answers.length || read.authority.length < one.authority.length;
      assert.equal(read.truncated, missing);
      if (missing) assert.deepEqual(read.additional, []);
      assert.deepEqual(read.extension, one.extension);
    }),
  );
});

test('names of a message are written once and pointed at', () => {
  const writer = new WireWriter();
  writer.name('web.default.svc.cluster.local');
  const first = writer.at;
  writer.name('db.default.svc.cluster.local');
  assert.equal(writer.at - first, 5, 'a label of two signs and a pointer');
  writer.name('web.default.svc.cluster.local');
  assert.equal(writer.at - first, 7);
  const reader = new WireReader(writer.written());
  assert.deepEqual(
    [reader.name(), reader.name(), reader.name()],
    ['web.default.svc.cluster.local', 'db.default.svc.cluster.local', 'web.default.svc.cluster.local'],
  );
});

test('hostile names are refused: circles, pointers forward, no end, too long, strange labels', () => {
  const hostile: readonly (readonly [string, RegExp])[] = [
    ['c000', /points forward, to byte 0/],
    ['c002 c000', /points forward/],
    ['01 61 c000', /points forward|no end/],
    ['01 61', /has no end/],
    ['', /has no end/],
    ['c0', /has no end/],
    ['3f 61', /has no end/],
    ['40 61 00', /begins a label of a kind that nobody knows/],
    ['81 61 00', /begins a label of a kind that nobody knows/],
    [`${`3f${'61'.repeat(63)}`.repeat(4)}00`, /longer than 255 bytes/],
  ];
  for (const [hex, why] of hostile) {
    assert.throws(
      () => new WireReader(bytesOf(hex)).name(),
      (error) => error instanceof DnsFormatError && why.test(error.message),
      hex,
    );
  }
  // A chain that leads back all the way is long and still ends: 2 bytes for each pointer.
  const chain = new Uint8Array(16_000);
  for (let at = 2; at < chain.length; at += 2) {
    chain[at] = 0xc0 + ((at - 2) >>> 8);
    chain[at + 1] = (at - 2) & 255;
  }
  assert.equal(new WireReader(chain, chain.length - 2).name(), '');
});

test('hostile records are refused: wrong lengths, texts beyond their end, two extensions', () => {
  const head = '0001 8000 0000 0001 0000 0000';
  const hostile: readonly (readonly [string, RegExp])[] = [
    [`${head} 00 0001 0001 00000000 0003 010203`, /type 1 has 3 bytes/],
    [`${head} 00 001c 0001 00000000 0004 01020304`, /type 28 has 4 bytes/],
    [`${head} 00 0010 0001 00000000 0002 0541`, /5 bytes were announced/],
    [`${head} 00 0010 0001 00000000 0001 0141`, /not as long as it says/],
    [`${head} 00 0005 0001 00000000 0009 00`, /longer than its message/],
    ['0001 0000 0000 0000 0000 0002 00 0029 0200 00000000 0000 00 0029 0200 00000000 0000', /extended twice/],
    ['0001 0000 0000 0000 0000 0001 01 61 00 0029 0200 00000000 0000', /extension has a name/],
    ['0001 0000 ffff 0000 0000 0000', /has no end/],
  ];
  for (const [hex, why] of hostile) {
    assert.throws(
      () => decodeMessage(bytesOf(hex)),
      (error) => error instanceof DnsFormatError && why.test(error.message),
      hex,
    );
  }
});

test('names that cannot be written are refused with the reason', () => {
  const written = (name: string) => () => new WireWriter().name(name);
  assert.throws(written('a..b'), /label of no signs/);
  assert.throws(written('.a'), /label of no signs/);
  assert.throws(written('a.'), /label of no signs/);
  assert.throws(written('a'.repeat(64)), /more than 63 bytes/);
  assert.throws(written(`${`${'a'.repeat(50)}.`.repeat(5)}a`), /longer than 255 bytes/);
  assert.throws(written('sign\u{2603}'), /no byte/);
  assert.throws(written('a\\'), /ends with a backslash/);
});
