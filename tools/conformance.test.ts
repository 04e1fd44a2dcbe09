import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { raised, readBaseline, worse, writeBaseline } from '../conformance/baseline.ts';
import { outcomesOf } from '../conformance/report.ts';

const spec = (text: string, state: string, message?: string) => ({
  ContainerHierarchyTexts: ['[sig-x] Things'],
  LeafNodeType: 'It',
  LeafNodeText: text,
  State: state,
  RunTime: 1_250_000_000,
  ...(message ? { Failure: { Message: message } } : {}),
});
const report = JSON.stringify([
  {
    SpecReports: [
      spec('work', 'passed'),
      spec('break', 'failed', 'expected\n   one'),
      spec('hang', 'timedout'),
      spec('were not chosen', 'skipped'),
      { ...spec('', 'passed'), ContainerHierarchyTexts: null, LeafNodeType: 'SynchronizedBeforeSuite' },
    ],
  },
  { SpecReports: null },
]);

test('outcomesOf has the tests that ran, with why they failed on one line', () => {
  assert.deepEqual(outcomesOf(report), [
    { name: '[sig-x] Things work', passed: true, seconds: 1.3, message: 'passed' },
    { name: '[sig-x] Things break', passed: false, seconds: 1.3, message: 'expected one' },
    { name: '[sig-x] Things hang', passed: false, seconds: 1.3, message: 'timedout' },
  ]);
});

test('a baseline only grows, and what passed before and fails now is worse', (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'baseline-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'baseline.tsv');
  assert.equal(readBaseline(file).size, 0);
  const before = new Map([
    ['sim', new Set(['[sig-x] Things break', '[sig-x] Others'])],
    ['docker', new Set(['[sig-x] Things hang'])],
  ]);
  const outcomes = outcomesOf(report);
  assert.deepEqual(
    worse(before, 'sim', outcomes).map(({ name }) => name),
    ['[sig-x] Things break'],
  );
  assert.deepEqual(worse(new Map(), 'sim', outcomes), []);
  writeBaseline(file, raised(before, 'sim', outcomes));
  const lines = ['docker\t[sig-x] Things hang', 'sim\t[sig-x] Others', 'sim\t[sig-x] Things break'];
  assert.deepEqual(readFileSync(file, 'utf8').split('\n'), [
    'set\ttest that passes',
    ...lines,
    'sim\t[sig-x] Things work',
    '',
  ]);
  assert.deepEqual(worse(readBaseline(file), 'docker', outcomes).length, 1);
});
