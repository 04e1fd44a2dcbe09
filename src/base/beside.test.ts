import assert from 'node:assert/strict';
import { test } from 'node:test';
import { beside } from './beside.ts';

test('A value hangs on its object alone, and shows nowhere', () => {
  const [names, sizes] = [beside<object, string>(), beside<object, number>()];
  const [object, other] = [{ a: 1 }, { a: 1 }];
  assert.equal(names.get(object), undefined);
  names.set(object, 'one');
  names.set(object, 'two');
  sizes.set(object, 3);
  assert.deepEqual([names.get(object), sizes.get(object)], ['two', 3]);
  assert.deepEqual([names.get(other), names.get({ ...object })], [undefined, undefined]);
  assert.deepEqual(object, other);
  assert.equal(JSON.stringify(object), '{"a":1}');
});

test('What is frozen, and lists, may have one too', () => {
  const names = beside<object, string>();
  for (const object of [Object.freeze({ a: 1 }), [1, 2], Object.create(null) as object]) {
    names.set(object, 'one');
    assert.equal(names.get(object), 'one');
  }
});
