import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded } from '../base/random.ts';
import { type Told, ToldOrder } from './told-order.ts';

interface Somebody extends Told<Somebody> {
  readonly name: number;
}

const somebody = (name: number): Somebody => ({ name, before: undefined, after: undefined });

function namesOf(order: ToldOrder<Somebody>): readonly number[] {
  const names: number[] = [];
  for (let one = order.first; one; one = one.after) names.push(one.name);
  return names;
}

test('whoever is told goes to the end, and whoever is gone is in no place', () => {
  const order = new ToldOrder<Somebody>();
  const all = [1, 2, 3].map(somebody) as [Somebody, Somebody, Somebody];
  for (const one of all) order.add(one);
  order.toEnd(all[0]);
  assert.deepEqual(namesOf(order), [2, 3, 1]);
  order.toEnd(all[0]);
  assert.deepEqual(namesOf(order), [2, 3, 1]);
  assert.equal(order.remove(all[2]), true);
  assert.equal(order.remove(all[2]), false);
  assert.deepEqual(namesOf(order), [2, 1]);
  assert.equal(order.size, 2);
  order.remove(all[1]);
  order.remove(all[0]);
  assert.deepEqual([order.first, order.size], [undefined, 0]);
});

test('it is the order of a set that is taken from and added to', () => {
  const random = seeded('told');
  const order = new ToldOrder<Somebody>();
  const known = new Set<Somebody>();
  const all = Array.from({ length: 8 }, (_, name) => somebody(name));
  for (let step = 0; step < 2_000; step++) {
    const one = all[random.below(all.length)] as Somebody;
    if (!known.has(one)) order.add(one);
    else if (random.below(3) === 0) {
      assert.equal(order.remove(one), known.delete(one));
      continue;
    } else order.toEnd(one);
    known.delete(one);
    known.add(one);
    assert.deepEqual(
      namesOf(order),
      [...known].map(({ name }) => name),
    );
    assert.equal(order.size, known.size);
  }
});
