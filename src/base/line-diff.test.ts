import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { unifiedDiff } from './line-diff.ts';

const lines = (text: string) => text.split('');

test('unifiedDiff shows changes with three lines around them, near ones together', () => {
  assert.equal(unifiedDiff(lines('abcdefgh'), lines('abcdefgh')), '');
  assert.equal(unifiedDiff(lines('abcdefgh'), lines('abcdXfgh')), '@@ -2,7 +2,7 @@\n b\n c\n d\n-e\n+X\n f\n g\n h\n');
  const far = unifiedDiff(lines('Aabcdefghij'), lines('abcdefghijB'));
  assert.equal(far, '@@ -1,4 +1,3 @@\n-A\n a\n b\n c\n@@ -9,3 +8,4 @@\n h\n i\n j\n+B\n');
  assert.equal(unifiedDiff([], ['a']), '@@ -0,0 +1 @@\n+a\n');
  assert.equal(unifiedDiff(['a'], []), '@@ -1 +0,0 @@\n-a\n');
});

test('unifiedDiff takes the longest common run first', () => {
  assert.equal(
    unifiedDiff(lines('xabcyab'), lines('abzabc'), 0),
    '@@ -1 +1,3 @@\n-x\n+a\n+b\n+z\n@@ -5,3 +6,0 @@\n-y\n-a\n-b\n',
  );
});

const script = `
import difflib, json, sys
for a, b in json.load(sys.stdin):
    print(json.dumps("".join(list(difflib.unified_diff([l + "\\n" for l in a], [l + "\\n" for l in b]))[2:])))
`;
const python = (() => {
  try {
    execFileSync('python3', ['-c', 'import difflib']);
    return false;
  } catch {
    return 'needs python3, whose library has the same hunks';
  }
})();

test('unifiedDiff has the same hunks as the reference', { skip: python }, () => {
  let state = 7;
  const below = (most: number) => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return state % most;
  };
  const cases = Array.from({ length: 200 }, (_, n) => {
    const a = Array.from({ length: n < 150 ? below(20) : 200 + below(60) }, () => String(below(n < 150 ? 5 : 40)));
    const b = a.flatMap((line) => (below(6) === 0 ? [] : below(6) === 0 ? [String(below(5)), line] : [line]));
    return [a, b] as const;
  });
  const answers = execFileSync('python3', ['-c', script], { input: JSON.stringify(cases), encoding: 'utf8' });
  for (const [index, line] of answers.trimEnd().split('\n').entries()) {
    const [a, b] = cases[index] as (typeof cases)[number];
    assert.equal(unifiedDiff(a, b), JSON.parse(line));
  }
});

test('What would take long to compare is not compared', { timeout: 20_000 }, () => {
  const lines = (count: number, differ: number) => Array.from({ length: count }, (_, n) => `${n % differ}`);
  assert.equal(unifiedDiff(lines(8_000, 101), lines(9_000, 103)), '', 'it takes too many looks');
  assert.equal(unifiedDiff(lines(30_000, 30_000), []), '', 'it is too long');
  const alike = lines(5_000, 5_000);
  assert.match(
    unifiedDiff(alike, alike.with(2_500, 'other')),
    /^@@ -2498,7 \+2498,7 @@\n 2497\n 2498\n 2499\n-2500\n\+other/,
  );
});
