import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parse } from 'yaml';
import type { Json } from '../../base/json.ts';
import { decodeYaml } from './decode.ts';
import { encodeYaml, yamlTexts } from './encode.ts';
import { YamlError } from './scalars.ts';

const decoded = (text: string): Json => decodeYaml(text).value;
const safeValue = fc
  .jsonValue({ noUnicodeString: false, maxDepth: 6 })
  .map((value) => JSON.parse(JSON.stringify(value)) as Json);
const yamlish = fc
  .array(
    fc.constantFrom(
      ...[
        'a',
        'b: ',
        '- ',
        '? ',
        ': ',
        '\n',
        '\n  ',
        '    ',
        '|',
        '>-',
        '"',
        "'",
        '[',
        ']',
        '{',
        '}',
        ',',
        '#',
        ' #c',
        '&x ',
        '*x',
      ],
      ...['<<: ', '!!str ', '---', '...', '\t', '1', 'yes', '\\n', '%', '@', '\r\n', 'é'],
    ),
    { maxLength: 40 },
  )
  .map((parts) => parts.join(''));

test('decodeYaml reads blocks, flows, every scalar style, anchors and merge keys', () => {
  const text = `
# a comment
kind: Pod   # another
metadata: {name: web, "labels":{a: 'it''s'}, list: [1, two, {k: v}, a: b]}
spec:
- &first
  image: "nginx\\u0041\\
    continued"
  args: [--port=80, http://x:1/#y]
- <<: *first
  args:
  - >-
    one
    two

    three
      deeper
  - |+
    kept

  - plain over
    two lines
- *first
`;
  const first = { image: 'nginxAcontinued', args: ['--port=80', 'http://x:1/#y'] };
  assert.deepEqual(decoded(text), {
    kind: 'Pod',
    metadata: { name: 'web', labels: { a: "it's" }, list: [1, 'two', { k: 'v' }, { a: 'b' }] },
    spec: [
      first,
      { args: ['one two\nthree\n  deeper', 'kept\n\n', 'plain over two lines'], image: first.image },
      first,
    ],
  });
});

test('plain scalars mean what they mean in YAML 1.1', () => {
  const text = '[yes, Off, ~, 0x1F, 017, 1_000, 1e3, .5, 2020-01-01, 1.2.3, "5", !!str 5, 0o17, 9223372036854775807]';
  const values = [true, false, null, 31, 15, 1000, 1000, 0.5, '2020-01-01', '1.2.3', '5', '5', 15, 2 ** 63 - 1024];
  assert.deepEqual(decoded(text), values);
});

test('a key that stands twice is told with its line, and the last one counts', () => {
  assert.deepEqual(decodeYaml('a: 1\nb: 2\na: 3\n'), {
    value: { a: 3, b: 2 },
    duplicates: ['  line 3: key "a" already set in map'],
  });
});

test('what is not YAML is refused with its line', () => {
  for (const [text, message] of [
    ['a: b: c', 'yaml: line 1: mapping values are not allowed in this context'],
    ['a: 1\nb: [1', "yaml: line 2: did not find expected ',' or ']'"],
    ['a:\n\tb: 1', 'yaml: line 2: found character that cannot start any token'],
    ['a: *x', "yaml: line 1: unknown anchor 'x' referenced"],
    ['a: "x', 'yaml: line 1: found unexpected end of stream'],
    ['a: .nan', 'yaml: line 1: json: unsupported value: nan'],
  ] as const) {
    assert.throws(() => decodeYaml(text), new YamlError(message), text);
  }
});

test('a key called __proto__ is a key', () => {
  const value = decoded('__proto__: {polluted: yes}\na: {<<: {__proto__: 1}}') as Record<string, unknown>;
  assert.deepEqual(Object.keys(value), ['__proto__', 'a']);
  assert.equal(({} as Record<string, unknown>).polluted, undefined);
});

test('decodeYaml answers any text with a value or a YamlError', () => {
  fc.assert(
    fc.property(fc.oneof(yamlish, fc.string({ unit: 'binary' })), (text) => {
      try {
        decodeYaml(text);
      } catch (error) {
        assert.ok(error instanceof YamlError, String(error));
      }
    }),
    { numRuns: 5_000 },
  );
});

test('JSON is YAML', () => {
  fc.assert(fc.property(safeValue, (value) => assert.deepEqual(decoded(JSON.stringify(value, undefined, 1)), value)));
});

test('what encodeYaml writes reads back as it was, here and by another reader', () => {
  const text = fc.oneof(fc.string(), yamlish);
  const value = fc.oneof(
    safeValue,
    fc.dictionary(text, fc.oneof(text, fc.array(text))).map((map) => JSON.parse(JSON.stringify(map)) as Json),
  );
  fc.assert(
    fc.property(value, (sent) => {
      const yaml = encodeYaml(sent);
      assert.deepEqual(decoded(yaml), sent, yaml);
    }),
    { numRuns: 1_000 },
  );
});

test('spaces that are not of YAML belong to the text', () => {
  for (const odd of ['\u3000', 'x\u00a0', '\u2003x\u1680', 'x\f', '\u00a0: \u00a0']) {
    const sent = { [odd]: odd, list: [odd, odd], lines: `a\n${odd}\nb` };
    assert.deepEqual(decoded(encodeYaml(sent)), sent, JSON.stringify(odd));
  }
  assert.deepEqual(decoded('a: "x\u00a0\n  y"\nb: z\u3000 \t\n'), { a: 'x\u00a0 y', b: 'z\u3000' });
});

test('encodeYaml prints as kubectl users know it', () => {
  const object = {
    kind: 'Pod',
    data: {
      'a.txt': 'one\ntwo\n',
      n: '1',
      t: '2026-01-01T00:00:00Z',
      empty: '',
      colon: 'a: b',
      nested: [[1, 2], { x: [] }],
    },
    a10: null,
    a2: true,
  };
  const text = `a2: true
a10: null
data:
  a.txt: |
    one
    two
  colon: 'a: b'
  empty: ""
  "n": "1"
  nested:
  - - 1
    - 2
  - x: []
  t: "2026-01-01T00:00:00Z"
kind: Pod
`;
  assert.equal(encodeYaml(object), text);
  assert.deepEqual(parse(text), object);
});

test('what is long is written in many pieces, and reads back as it was', () => {
  const count = 20_000;
  const names = Array.from({ length: count }, (_, index) => `k${(index * 7919) % count}`);
  const sorted = [...names].sort((a, b) => Number(a.slice(1)) - Number(b.slice(1)));
  const long: Readonly<Record<string, Json>> = {
    members: Object.fromEntries(names.map((name) => [name, name])),
    items: names,
    words: 'word '.repeat(count),
    lines: 'line\n  more\n'.repeat(count),
    quoted: "it's 'so' ".repeat(count),
    escaped: '\u0001 😀'.repeat(count),
  };
  for (const [what, value] of Object.entries(long)) {
    const pieces = [...yamlTexts({ value })];
    assert.ok(pieces.length >= 10, `${what}: ${pieces.length} pieces`);
    const longest = Math.max(...pieces.map(({ length }) => length));
    assert.ok(longest < 64 * 1024, `${what}: a piece of ${longest} letters`);
    assert.deepEqual(decoded(pieces.join('')), { value }, what);
  }
  const written = encodeYaml(long['members'] as Json).split('\n', count);
  assert.deepEqual(
    written.map((line) => line.split(':')[0]),
    sorted,
  );
});

test('a megabyte of hostile YAML is read or refused in linear time', () => {
  const size = 1_000_000;
  const hostile: readonly string[] = [
    '['.repeat(size),
    '- '.repeat(size / 2),
    Array.from({ length: size / 10 }, (_, index) => `k${index}: 1`).join('\n'),
    `{${Array.from({ length: size / 10 }, (_, index) => `k${index}: 1`).join(', ')}}`,
    `a: ${'x'.repeat(size)}`,
    `a: "${'\\n'.repeat(size / 2)}"`,
    `a: '${"''".repeat(size / 2)}'`,
    `a: |\n${'\n'.repeat(size)}`,
    `a: >\n${' x\n'.repeat(size / 3)}`,
    `a:\n${' x\n'.repeat(size / 3)}`,
    '#'.repeat(size),
    '? '.repeat(size / 2),
    '&a '.repeat(size / 3),
    `a: [${'&a b,'.repeat(size / 5)}]`,
    `a: &a [x,x,x,x,x,x,x,x,x]\n${Array.from({ length: 20_000 }, (_, index) => `b${index}: &b${index} [*${index ? `b${index - 1}` : 'a'},*a]`).join('\n')}`,
    ' '.repeat(size),
    '\t'.repeat(size),
    '"\n'.repeat(size / 2),
    '-\n'.repeat(size / 2),
    `a: &a {x: 1}\n${'- <<: *a\n'.repeat(size / 10)}`,
    '[\t,'.repeat(size / 3),
    'a: b\n\n\n'.repeat(size / 7),
  ];
  for (const text of hostile) {
    // The promise is 100 ms; a busy machine may be several times slower, a quadratic reader thousands of times.
    const spent = Math.min(timeOf(text), timeOf(text));
    assert.ok(spent < 2_000, `${text.slice(0, 20)}: ${spent} ms`);
  }
});

function timeOf(text: string): number {
  // What this process worked: a machine that is busy with something else must not fail it.
  const start = process.cpuUsage();
  try {
    decodeYaml(text);
  } catch (error) {
    assert.ok(error instanceof YamlError, String(error));
  }
  return process.cpuUsage(start).user / 1_000;
}
