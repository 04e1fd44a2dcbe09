import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Instant } from '../../base/env.ts';
import { dnsLabel } from '../names.ts';
import { type Checked, checked, portionOf, rulesOf } from './checks.ts';

const told = (object: object, rules: (root: Checked) => void): readonly string[] =>
  checked(object, rules).map(({ path, text }) => `${path}: ${text}`);

test('A path grows by fields, keys and places', () => {
  const errors = told({ spec: { list: [{ map: { 'a/b': 1 } }] } }, (root) => {
    for (const item of root.at('spec').at('list').items()) item.at('map').key('a/b').invalid('no');
  });
  assert.deepEqual(errors, ['spec.list[0].map[a/b]: Invalid value: 1: no']);
});

test('What is absent, null, empty or an empty list is needed', () => {
  for (const value of [undefined, null, '', []]) {
    assert.deepEqual(
      told({ a: value }, (root) => root.at('a').needed('say it')),
      ['a: Required value: say it'],
    );
  }
  assert.deepEqual(
    told({ a: 0 }, (root) => root.at('a').needed()),
    [],
  );
});

test('A word is one of a closed list, and may be absent where it is optional', () => {
  const rules = (root: Checked) => root.at('a').optionalOneOf('x', 'y');
  assert.deepEqual(told({}, rules), []);
  assert.deepEqual(told({ a: 'z' }, rules), ['a: Unsupported value: "z": supported values: "x", "y"']);
});

test('A portion is a number or a percentage of at most one hundred, not negative', () => {
  const rules = (root: Checked) => {
    root.at('a').portion();
    root.at('a').atMostHundred();
  };
  for (const fine of [undefined, 0, 7, '0%', '100%']) assert.deepEqual(told({ a: fine }, rules), []);
  assert.deepEqual(told({ a: -1 }, rules), ['a: Invalid value: -1: must be greater than or equal to 0']);
  assert.deepEqual(told({ a: '101%' }, rules), ['a: Invalid value: "101%": must not be greater than 100%']);
  assert.match(told({ a: 'half' }, rules)[0] ?? '', /must be a numeric string followed by an ending '%'/);
  assert.deepEqual([portionOf('25%'), portionOf(3), portionOf('half'), portionOf(undefined)], [25, 3, 0, 0]);
});

test('A repetition is told where it stands, and compared by what is named', () => {
  assert.deepEqual(
    told({ a: ['x', 'y', 'x'] }, (root) => root.at('a').unique()),
    ['a[2]: Duplicate value: "x"'],
  );
  const byName = (root: Checked) => root.at('a').unique((item) => item.at('name'));
  assert.deepEqual(told({ a: [{ name: 'x' }, { name: 'x' }] }, byName), ['a[1].name: Duplicate value: "x"']);
});

test('Lists and texts have their limits', () => {
  const rules = (root: Checked) => {
    root.at('list').itemsAtMost(1);
    root.at('text').bytesAtMost(3);
  };
  assert.deepEqual(told({ list: [1, 2], text: 'äöü' }, rules), [
    'list: Too many: 2: must have at most 1 item',
    'text: Too long: may not be more than 3 bytes',
  ]);
});

test('A grammar tells each of its sentences', () => {
  assert.equal(told({ a: 'A'.repeat(64) }, (root) => root.at('a').like(dnsLabel)).length, 2);
  assert.deepEqual(
    told({ a: '' }, (root) => root.at('a').optionalLike(dnsLabel)),
    [],
  );
});

test('A write of the status is judged by the rules of the status alone', () => {
  const rules = rulesOf(
    (root) => root.at('spec').invalid('spec'),
    (root) => root.at('status').invalid('status'),
  );
  const paths = (subresource: string) =>
    rules({ spec: 1, status: 1 }, undefined, { now: 0 as Instant, subresource }).map(({ path }) => path);
  assert.deepEqual(paths(''), ['spec']);
  assert.deepEqual(paths('status'), ['status']);
});
