import assert from 'node:assert/strict';
import { test } from 'node:test';
import { afterPrefix, OrderedKeys } from './ordered-keys.ts';

/** The same for every run: what fails once fails again. */
function chance(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const letters = ['a', 'b', '-', '/', '0', 'z', '\u0000', '\u00fe', '\u00ff', '\u0100', '\u0200', '\u{1f600}'];
const folders = ['/pods/a/', '/pods/a-b/', '/pods/', '/p', '', '/pods/default/web-7d4b9c-', '\u0200'];

function same(keys: OrderedKeys, all: ReadonlySet<string>, probe: string): void {
  const sorted = [...all].sort();
  assert.equal(keys.size, sorted.length);
  assert.deepEqual([...keys.from('')], sorted);
  const smaller = sorted.filter((key) => key < probe);
  assert.equal(keys.rank(probe), smaller.length);
  assert.deepEqual([...keys.from(probe)], sorted.slice(smaller.length));
}

test('whatever is added and deleted, keys stand in the order of their code units', () => {
  for (let seed = 1; seed <= 6; seed++) {
    const random = chance(seed);
    const one = (): string => {
      const folder = folders[random(folders.length)] as string;
      return folder + Array.from({ length: 1 + random(6) }, () => letters[random(letters.length)]).join('');
    };
    const [keys, all] = [new OrderedKeys(), new Set<string>()];
    for (let step = 0; step < 12_000; step++) {
      const key = one();
      // First it grows beyond several chunks, then it shrinks to nearly nothing.
      if (random(10) < (step < 6_000 ? 9 : 2)) {
        keys.add(key);
        all.add(key);
      } else {
        const gone = step < 6_000 ? key : ([...all][random(all.size)] ?? key);
        keys.delete(gone);
        all.delete(gone);
      }
      if (step % 1_000 === 0) same(keys, all, one());
    }
    same(keys, all, one());
    for (const key of all) keys.delete(key);
    same(keys, new Set(), one());
  }
});

test('a set that was filled at once is the same as one that grew', () => {
  const names = Array.from({ length: 4_000 }, (_, index) => `/things/default/thing-${(index * 7_919) % 4_000}`);
  const keys = new OrderedKeys();
  keys.fill(names);
  same(keys, new Set(names), '/things/default/thing-5');
  keys.add('/a');
  keys.add('/things/default/thing-0/more');
  keys.add('/things/default/thing-0');
  same(keys, new Set([...names, '/a', '/things/default/thing-0/more']), '/b');
});

test('afterPrefix is the first text behind all that begin alike', () => {
  assert.equal(afterPrefix('/pods/'), '/pods0');
  assert.equal(afterPrefix('a\uffff'), 'b');
  assert.equal(afterPrefix('\uffff'), undefined);
});
