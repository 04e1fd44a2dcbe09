import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiResponse, Pieces } from '../api/wire.ts';
import { decodeText, encodeText, type Json } from '../base/json.ts';
import { seeded } from '../base/random.ts';
import { SimClock } from '../sim/clock.ts';
import { Indenter, indented, isReadByPeople } from './indented.ts';

const random = seeded('indented');
const texts = ['', 'a', '"', '\\', '\\"', '{[,:]}', 'é\n\u0001', 'two words'];
function some(depth: number): Json {
  const sort = random.below(depth > 0 ? 7 : 5);
  const count = random.below(4);
  if (sort === 5) return Array.from({ length: count }, () => some(depth - 1));
  if (sort === 6)
    return Object.fromEntries(Array.from({ length: count }, (_, n) => [`${n}${texts[n]}`, some(depth - 1)]));
  return ([null, true, -1.5e3, 0, texts[random.below(texts.length)]] as const)[sort] as Json;
}

/** The text cut anywhere, in the middle of letters too. */
function* cut(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; ) {
    const next = at + 1 + random.below(12);
    yield bytes.subarray(at, next);
    at = next;
  }
}

async function allOf(pieces: Pieces, roomBytes: number): Promise<string> {
  const parts: Uint8Array[] = [];
  const room = new Uint8Array(roomBytes);
  for (;;) {
    const count = await pieces.fill(room);
    if (count === 0) return Buffer.concat(parts).toString();
    parts.push(room.slice(0, count));
  }
}

test('JSON is spread over lines as the platform does it, wherever it is cut', () => {
  for (let round = 0; round < 500; round++) {
    const value = some(5);
    const indenter = new Indenter();
    const text = round % 2 ? JSON.stringify(value) : JSON.stringify(value, null, '\t');
    const made = [...cut(encodeText(text))].map((part) => Buffer.from(indenter.next(part)));
    assert.equal(Buffer.concat(made).toString(), JSON.stringify(value, null, 2), text);
  }
});

test('What is long is spread over lines while it is written, and what is deep stays near the margin', async () => {
  const value = { items: Array.from({ length: 20_000 }, (_, n) => ({ n })) };
  const answer: ApiResponse = {
    status: 200,
    mediaType: 'application/json',
    chunks: [encodeText(JSON.stringify(value))],
  };
  const long = indented(answer, new SimClock());
  assert.ok('pieces' in long);
  assert.equal(await allOf(long.pieces, 1_000), JSON.stringify(value, null, 2));
  const deep = '['.repeat(900) + ']'.repeat(900);
  const longest = Math.max(
    ...decodeText(new Indenter().next(encodeText(deep)))
      .split('\n')
      .map(({ length }) => length),
  );
  assert.ok(longest <= 130, `${longest}`);
});

test('Other answers are left as they are', () => {
  const table: ApiResponse = { status: 200, mediaType: 'application/yaml', chunks: [encodeText('a: 1\n')] };
  assert.equal(indented(table, new SimClock()), table);
  const text: ApiResponse = { status: 404, body: { bytes: encodeText('no'), mediaType: 'text/plain' } };
  assert.equal(indented(text, new SimClock()), text);
});

test('Browsers and tools of the command line read answers themselves, unless they say how they want them', () => {
  const agent = (name: string) => ({ query: [], headers: { 'user-agent': name } });
  assert.ok(isReadByPeople(agent('curl/8.5.0')));
  assert.ok(isReadByPeople(agent('Mozilla/5.0 (X11)')));
  assert.ok(!isReadByPeople(agent('kubectl/v1.36.3')));
  assert.ok(!isReadByPeople({ query: [['pretty', 'false']], headers: { 'user-agent': 'curl/8.5.0' } }));
  assert.ok(isReadByPeople({ query: [['pretty', 'true']], headers: {} }));
});
