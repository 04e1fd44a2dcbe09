import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ApiError } from './error.ts';
import { parseFieldSelector, parseLabelSelector } from './selector.ts';

const finds = (selector: string, labels: Readonly<Record<string, string>>) => parseLabelSelector(selector)(labels);

test('label selectors know equality, sets, presence and order', () => {
  const labels = { app: 'web', size: '3', empty: '' };
  for (const selector of [
    '',
    'app=web',
    'app == web,size!=4',
    'app in (web, db),!legacy',
    'tier notin (a)',
    'size>2,size<4',
    'empty=',
    'empty in (,x)',
    ' app ',
  ]) {
    assert.equal(finds(selector, labels), true, selector);
  }
  for (const selector of ['app!=web', '!app', 'app in (db)', 'app in ()', 'size>3', 'app>1', 'legacy']) {
    assert.equal(finds(selector, labels), false, selector);
  }
});

test('a label selector that cannot be read is refused in upstream words', () => {
  const inside = 'unable to parse requirement: ';
  const cases: Readonly<Record<string, string>> = {
    'a b': `${inside}found 'b', expected: in, notin, =, ==, !=, gt, lt`,
    'a,': "found '', expected: identifier after ','",
    ',a': "found ',', expected: !, identifier, or 'end of string'",
    'a in b': `${inside}found 'b' expected: '('`,
    'a in (b': `${inside}found '', expected: ',' or ')'`,
    'a=b=c': "found '=', expected: ',' or 'end of string'",
    'a>b': `${inside}values[0]: Invalid value: "b": for 'Gt', 'Lt' operators, the value must be an integer`,
  };
  for (const [selector, message] of Object.entries(cases)) {
    assert.throws(() => parseLabelSelector(selector), { message, reason: 'BadRequest' });
  }
});

test('field selectors keep escaped commas and skip what says nothing', () => {
  assert.deepEqual(parseFieldSelector('a=b\\,c\\\\,d!=e,,='), [
    { field: 'a', equal: true, value: 'b,c\\' },
    { field: 'd', equal: false, value: 'e' },
  ]);
  assert.throws(() => parseFieldSelector('abc'), { message: "invalid selector: 'abc'; can't understand 'abc'" });
});

test('selectors answer any text with a matcher or a bad request, at once', () => {
  const marks = fc.constantFrom('a', 'in', 'notin', '=', '==', '!', '!=', '(', ')', ',', ' ', '>', '<', '\\', 'é');
  const text = fc.oneof(
    fc.string(),
    fc.array(marks).map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(text, (selector) => {
      for (const parse of [parseLabelSelector, parseFieldSelector]) {
        try {
          parse(selector);
        } catch (error) {
          assert.ok(error instanceof ApiError && error.reason === 'BadRequest', String(error));
        }
      }
    }),
    { numRuns: 2_000 },
  );
  // What this process worked: a machine that is busy with something else must not fail it.
  const start = process.cpuUsage();
  for (const part of ['a,', '!', '(', 'a in (', '\\', '\\,', '=', 'a=b\\']) {
    try {
      parseFieldSelector(part.repeat(1_000_000 / part.length));
      parseLabelSelector(part.repeat(1_000_000 / part.length));
    } catch (error) {
      assert.ok(error instanceof ApiError);
    }
  }
  assert.ok(process.cpuUsage(start).user / 1_000 < 4_000, `${process.cpuUsage(start).user / 1_000} ms`);
});
