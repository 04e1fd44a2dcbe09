import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import type { Json } from '../../base/json.ts';
import { seeded } from '../../base/random.ts';
import { paceOf } from '../../base/steps.test-data.ts';
import { finish, stepMembersMax } from '../../base/steps.ts';
import { type DecodedJson, decodeJson, depthMax, JsonSyntaxError } from './decode-json.ts';
import { decodeJsonInSteps } from './decode-long-json.ts';

const rounds = 12;

function told(read: () => DecodedJson): unknown {
  try {
    const { value, duplicates } = read();
    return { value, duplicates };
  } catch (error) {
    assert.ok(error instanceof JsonSyntaxError, String(error));
    return error.message;
  }
}

/** Long and short lists and objects inside one another, some members twice, names that are awkward. */
function written(random: ReturnType<typeof seeded>): string {
  const space = () => (random.below(20) === 0 ? ' \n' : '');
  const name = (n: number) =>
    JSON.stringify(random.below(5_000) === 0 ? 'twice' : (['__proto__', 'a"}', '7'][n] ?? `n${n}`));
  const scalars = ['"text of some length, {[\\"\\\\"', '1', '-2.5e3', 'null', 'true', '12345678901234567890', '""'];
  const value = (depth: number): string => {
    const kind = depth === 0 ? 2 : random.below(5);
    if (kind > 1) return scalars[random.below(scalars.length)] as string;
    const length = random.below(depth > 3 ? 40 : 12);
    const items = Array.from({ length }, (_, n) => {
      const head = kind === 0 ? `${space()}${name(n)}${space()}:` : '';
      return `${head}${space()}${value(depth - 1)}${space()}`;
    });
    return kind === 0 ? `{${items.join(',')}}` : `[${items.join(',')}]`;
  };
  const parts = Array.from({ length: 24 }, (_, n) => `${name(n)}:${value(5)}`);
  const long = Array.from({ length: 1_200 }, (_, n) => `{"name":"item-${n}","value":${value(1)}}`);
  return `{${parts.join(',')},"list":[${long.join(',')}],"end":${value(3)}}`;
}

test('A long text is read in pieces as it is read at once, whether it is JSON or not', () => {
  let broken = 0;
  for (let seed = 0; seed < rounds; seed++) {
    const random = seeded(`${seed}`);
    const whole = written(random);
    const at = random.below(whole.length);
    const damaged = `${whole.slice(0, at)}${['', ',', ']', '}', '"', '{', '[', ':', '1', ' '][random.below(10)]}${whole.slice(at + random.below(2))}`;
    for (const text of [whole, damaged, whole.slice(0, at)]) {
      const expected = told(() => decodeJson(text, { duplicates: true }));
      if (typeof expected === 'string') broken++;
      assert.deepEqual(
        told(() => finish(decodeJsonInSteps(text, { duplicates: true }))),
        expected,
        `seed ${seed}`,
      );
    }
  }
  assert.ok(broken > rounds, `only ${broken} texts were broken`);
});

test('A long text gives way while it is read, also where it is one list inside the other', () => {
  const nested = (depth: number): string => (depth === 0 ? '1' : `["${'x'.repeat(3_500)}",${nested(depth - 1)}]`);
  for (const text of [JSON.stringify({ list: Array.from({ length: 50_000 }, (_, n) => n) }), nested(depthMax - 1)]) {
    const { result, longest, members } = paceOf(decodeJsonInSteps(text));
    assert.deepEqual(result.value, JSON.parse(text) as Json);
    assert.equal(longest, stepMembersMax);
    assert.ok(members / stepMembersMax >= text.length / (40 * 1024), `gave way ${members / stepMembersMax} times`);
  }
});

test('What stands twice in different pieces of a long text is told', () => {
  const item = (n: number) => `"key-${n}":"${'x'.repeat(40)}"`;
  const text = `{"data":{${Array.from({ length: 3_000 }, (_, n) => item(n)).join(',')},${item(1)}}}`;
  assert.deepEqual(finish(decodeJsonInSteps(text, { duplicates: true })).duplicates, ['data.key-1']);
  assert.deepEqual(finish(decodeJsonInSteps(text)).duplicates, []);
});

test('A long text that is too deep is refused', () => {
  const text = `["${'x'.repeat(70_000)}",${'['.repeat(depthMax)}${']'.repeat(depthMax)}]`;
  assert.throws(() => finish(decodeJsonInSteps(text)), new JsonSyntaxError('exceeded max depth'));
});

test('Short texts in a long one do not go into the table of names', () => {
  setFlagsFromString('--allow-natives-syntax');
  const isName = new Function('text', 'return %IsInternalizedString(text)') as (text: unknown) => boolean;
  const value = { list: Array.from({ length: 20_000 }, (_, n) => ({ size: `v${n}` })), end: 'here' };
  const read = finish(decodeJsonInSteps(JSON.stringify(value))).value as typeof value;
  assert.deepEqual(read, value);
  assert.ok(isName(Object.keys(read)[0]), 'what this test stands on');
  assert.ok(isName((JSON.parse('{"a":"v123"}') as { a: string }).a), 'and this');
  assert.deepEqual(
    read.list.filter(({ size }) => isName(size)),
    [],
  );
});
