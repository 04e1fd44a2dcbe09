import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CostExceeded } from './cel-error.ts';
import { baseEnvironment } from './kubernetes.ts';
import { compile } from './program.ts';
import { dyn, listOf, string } from './type.ts';

const environment = baseEnvironment.withVariables({ words: listOf(string), x: dyn });

// Each is longer or deeper than anybody writes, and none may end in anything but an answer.
const sources: Readonly<Record<string, string>> = {
  selections: `x${'.a'.repeat(40_000)}`,
  sums: `1${'+1'.repeat(40_000)}`,
  brackets: '('.repeat(40_000),
  negations: `${'!'.repeat(90_000)}true`,
  minuses: `${'-'.repeat(90_000)}x`,
  disjunctions: `true${'||true'.repeat(15_000)}`,
  'calls in a row': `x${'.f()'.repeat(20_000)}`,
  indexes: `x${'[0]'.repeat(20_000)}`,
  'lists in lists': '['.repeat(300) + ']'.repeat(300),
  'macros in a row': `words${'.map(w, w)'.repeat(900)}`,
  'macros in macros': `${'words.all(a, '.repeat(200)}true${')'.repeat(200)}`,
  'optionals in a row': `optional.of(1)${'.optMap(v, v)'.repeat(200)}`,
  'patterns that repeat repetitions': "'a'.matches('((a{1000}){1000}){1000}')",
};
for (const [name, source] of Object.entries(sources)) {
  test(`The compiler has an answer for ${name} without end`, () => {
    const { program, error } = compile(environment, source);
    assert.ok(program || error);
  });
}

test('Texts that grow are paid for by what they become', () => {
  const { program } = compile(
    environment,
    "words.all(w, w.replace('a', 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb').size() > 0)",
  );
  const words = Array.from({ length: 100 }, () => 'a'.repeat(100_000));
  assert.throws(() => program?.evaluate(() => words), CostExceeded);
});

test('A pattern takes time in proportion to the text, whatever it is', () => {
  const text = `${'a'.repeat(20_000)}!`;
  for (const pattern of ['(a+)+$', '(a|a)*$', '(a|aa)+$', '^(([a-z])+.)+[A-Z]([a-z])+$', '(.*)*=x']) {
    for (const call of [
      `x.matches('${pattern}')`,
      `x.find('${pattern}') == ''`,
      `x.findAll('${pattern}').size() > 9`,
    ]) {
      const { program } = compile(environment, call);
      assert.ok(program, call);
      const begun = process.cpuUsage();
      try {
        program.evaluate(() => text);
      } catch (thrown) {
        // Too dear is an answer as well.
        assert.ok(thrown instanceof CostExceeded, String(thrown));
      }
      // A reader that goes back and tries again would take longer than the world has been there.
      assert.ok(process.cpuUsage(begun).user / 1000 < 5_000, call);
    }
  }
});

test('A pattern that goes back to what it has found, or looks ahead, is none', () => {
  for (const pattern of ['(a)\\\\1', 'a(?=b)', '(?<!a)b', '(?>a+)b', '(a', '[z-a]']) {
    const { program, error } = compile(environment, `x.matches('${pattern}')`);
    assert.throws(() => {
      if (error) throw new Error(error);
      const result = program?.evaluate(() => 'aab');
      if (result instanceof Error) throw result;
    }, pattern);
  }
});
