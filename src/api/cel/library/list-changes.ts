import { CelError } from '../cel-error.ts';
import { exactly, product, type Range, rangeMax, type Sized, scaled, sum, unknownSize } from '../cost-range.ts';
import type { Functions } from '../environment.ts';
import * as types from '../type.ts';
import { equals, type Result, sizeOf, type Value } from '../value.ts';
import { method, plain, traversal } from './declare.ts';
import { compare, orderable } from './lists.ts';

// Lists made of lists: CEL's own extension.

const T = types.parameter('T');
const listT = types.listOf(T);
const { int } = types;
/** Whoever makes a list pays for it, beside the call. */
const making = 11;

type Lists = readonly Value[];
const made = (count: number, factor = 1): number => Math.floor(count * factor) + making;
const estimated = (size: Range, factor = 1) => ({
  cost: sum(scaled(size, factor), exactly(making)),
  size,
  // Of what the elements were, nobody keeps account.
  elementSize: unknownSize,
});
const squared = (size: Range): Range => product(size, size);

/** All elements with each other, and what two texts cost. */
const comparing = (list: Value): number => {
  const [first] = list as Lists;
  const isText = typeof first === 'string' || first instanceof Uint8Array;
  return made(sizeOf(list) ** 2, isText ? 2 + traversal : 2);
};

function slice(list: Lists, from: bigint, to: bigint): Result {
  const asked = `cannot slice(${from}, ${to})`;
  if (from < 0n || to < 0n) return new CelError(`${asked}, negative indexes not supported`);
  if (from > to) return new CelError(`${asked}, start index must be less than or equal to end index`);
  if (BigInt(list.length) < to) return new CelError(`${asked}, list is length ${list.length}`);
  return list.slice(Number(from), Number(to));
}

function flat(list: Lists, depth: bigint): Result {
  if (depth < 0n) return new CelError('level must be non-negative');
  return list.flatMap((item) => (Array.isArray(item) && depth > 0n ? (flat(item, depth - 1n) as Lists) : [item]));
}

function distinct(list: Lists): Result {
  // Texts are told apart at once, others by looking at each.
  const texts = new Set<string>();
  const others: Value[] = [];
  return list.filter((item) => {
    if (typeof item === 'string') return texts.size < texts.add(item).size;
    const isNew = !others.some((known) => equals(known, item));
    if (isNew) others.push(item);
    return isNew;
  });
}

function sortedBy(list: Lists, keys: Lists): Result {
  if (list.length !== keys.length) {
    const sizes = `${list.length} and ${keys.length} elements respectively`;
    return new CelError(
      `@sortByAssociatedKeys() expected a list of the same size as the associated keys list, but got ${sizes}`,
    );
  }
  const sort = typeof keys[0];
  if (keys.some((key) => typeof key !== sort)) return new CelError('list elements must have the same type');
  const order = keys.map((_, index) => index);
  order.sort((a, b) => compare(keys[a] as Value, keys[b] as Value));
  return order.map((index) => list[index] as Value);
}

const sortCost = (index: number, kind: types.CelType) => ({
  price: (args: Lists) => comparing(args[index] as Value),
  estimate: (args: readonly Sized[]) => {
    const factor = kind.kind === 'string' || kind.kind === 'bytes' ? 2 + traversal : 2;
    return estimated(squared((args[index] as Sized).size), factor);
  },
});

const flatCost = {
  price: ([list, depth]: Lists) => made(sizeOf(list as Value), depth === undefined ? 1 : Number(depth)),
  estimate: ([list, depth]: readonly Sized[]) =>
    estimated((list as Sized).size, depth === undefined ? 1 : (depth.written ?? rangeMax)),
};

export const listChanges: Functions = {
  slice: [
    method('list_slice', [listT, int, int], listT, [
      slice,
      {
        price: ([, from, to]) => made(Math.max(0, Number(to) - Number(from))),
        estimate: ([list, from, to]) => {
          const size = (to?.written ?? (list as Sized).size.max) - (from?.written ?? 0);
          // Upstream counts without a sign: less than nothing is more than anything.
          return estimated(exactly(size < 0 ? rangeMax : size));
        },
      },
    ]),
  ],
  flatten: [
    method('list_flatten', [types.listOf(listT)], listT, [(list: Lists) => flat(list, 1n), flatCost]),
    method('list_flatten_int', [types.listOf(types.dyn), int], types.listOf(types.dyn), [flat, flatCost]),
  ],
  'lists.range': [
    plain('lists_range', [int], types.listOf(int), [
      (count: bigint) => Array.from({ length: Math.max(0, Number(count)) }, (_, index) => BigInt(index)),
      {
        price: ([count]) => made(Math.max(0, Number(count))),
        estimate: ([count]) => estimated(exactly(count?.written ?? rangeMax)),
      },
    ]),
  ],
  reverse: [
    method('list_reverse', [listT], listT, [
      (list: Lists) => [...list].reverse(),
      { price: ([list]) => made(sizeOf(list as Value)), estimate: ([list]) => estimated((list as Sized).size) },
    ]),
  ],
  distinct: [
    method('list_distinct', [listT], listT, [
      distinct,
      {
        price: ([list]) => comparing(list as Value),
        estimate: ([list]) => estimated(squared((list as Sized).size), 2),
      },
    ]),
  ],
  sort: orderable.map((kind) =>
    method(`list_${kind.kind}_sort`, [types.listOf(kind)], types.listOf(kind), [
      (list: Lists) => sortedBy(list, list),
      sortCost(0, kind),
    ]),
  ),
  '@sortByAssociatedKeys': orderable.map((kind) =>
    method(`list_${kind.kind}_sortByAssociatedKeys`, [listT, types.listOf(kind)], listT, [sortedBy, sortCost(1, kind)]),
  ),
};
