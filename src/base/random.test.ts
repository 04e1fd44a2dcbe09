import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded } from './random.ts';

test('seeded gives the same for the same seed, and something else for another', () => {
  const draw = (seed: string) => Array.from({ length: 5 }, seeded(seed).float);
  assert.deepEqual(draw('a'), draw('a'));
  assert.notDeepEqual(draw('a'), draw('b'));
});

test('seeded forks streams by name, whatever else was drawn', () => {
  const quiet = seeded('seed');
  const busy = seeded('seed');
  for (let n = 0; n < 100; n++) busy.float();
  assert.equal(quiet.fork('pods').uid(), busy.fork('pods').uid());
  assert.notEqual(quiet.fork('pods').uid(), quiet.fork('nodes').uid());
});

test('seeded draws every number below the bound about equally often', () => {
  const random = seeded('fair');
  const counts = new Array<number>(10).fill(0);
  for (let n = 0; n < 10_000; n++) {
    const drawn = random.below(10);
    assert(Number.isInteger(drawn) && drawn >= 0 && drawn < 10);
    counts[drawn] = (counts[drawn] ?? 0) + 1;
  }
  for (const count of counts) assert(count > 850 && count < 1150, `${count} of 1000 expected`);
});

test('seeded makes suffixes and uids of the shape Kubernetes has', () => {
  const random = seeded('shape');
  assert.match(random.suffix(5), /^[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  assert.match(random.uid(), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});
