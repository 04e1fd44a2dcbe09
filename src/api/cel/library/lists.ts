import { compareCodePoints } from '../../../base/text.ts';
import { CelError } from '../cel-error.ts';
import { one, product, type Sized, scaled, sum, unknownSize } from '../cost-range.ts';
import type { Functions, Overload } from '../environment.ts';
import type { CelType } from '../type.ts';
import * as types from '../type.ts';
import { compareBytes, compareNumbers, Duration, equals, type Result, sizeOf, Uint, type Value } from '../value.ts';
import { method, plain, traversal } from './declare.ts';
import { checkedInt, checkedUint, pairwise } from './operators.ts';

const T = types.parameter('T');
const listT = types.listOf(T);
const { int, bool } = types;

/** Each element is looked at once. What that costs of long ones is only reckoned beforehand. */
const perElement = {
  cost: ([list]: readonly Value[]) => sizeOf(list as Value),
  estimate: ([list]: readonly Sized[]) => {
    const { size, elementSize, elementKind } = list as Sized;
    const isText = elementKind === 'string' || elementKind === 'bytes';
    const each = isText ? sum(one, scaled(elementSize ?? unknownSize, traversal)) : one;
    return { cost: product(size, each), ...(elementSize ? { size: elementSize } : {}) };
  },
};

export const orderable: readonly CelType[] = [
  types.int,
  types.uint,
  types.double,
  types.bool,
  types.duration,
  types.timestamp,
  types.string,
  types.bytes,
];
const addable: readonly CelType[] = [types.int, types.uint, types.double, types.duration];

export function compare(a: Value, b: Value): number {
  if (typeof a === 'string') return compareCodePoints(a, b as string);
  if (a instanceof Uint8Array) return compareBytes(a, b as Uint8Array);
  if (typeof a === 'boolean') return Number(a) - Number(b);
  if (typeof a === 'object' && a !== null && 'nanos' in a) {
    const other = (b as typeof a).nanos;
    return a.nanos < other ? -1 : a.nanos > other ? 1 : 0;
  }
  return compareNumbers(a as bigint, b as bigint) ?? 0;
}

const forEach = (
  name: string,
  kinds: readonly CelType[],
  result: CelType | undefined,
  call: (list: readonly Value[]) => Result,
) =>
  kinds.map(
    (kind): Overload => method(`list_${kind.kind}_${name}`, [types.listOf(kind)], result ?? kind, [call, perElement]),
  );

function extreme(name: string, wanted: number): (list: readonly Value[]) => Result {
  return (list) => {
    if (list.length === 0) return new CelError(`${name} called on empty list`);
    return list.reduce((best, item) => (Math.sign(compare(item, best)) === wanted ? item : best));
  };
}

const isSorted = (list: readonly Value[]): boolean =>
  list.every((item, index) => index === 0 || compare(list[index - 1] as Value, item) <= 0);

function total(list: readonly Value[], zero: Value): Result {
  if (list.length === 0) return zero;
  if (typeof list[0] === 'number') return (list as readonly number[]).reduce((a, b) => a + b);
  if (list[0] instanceof Uint) return checkedUint((list as readonly Uint[]).reduce((a, b) => a + b.value, 0n));
  if (typeof list[0] === 'bigint') return checkedInt((list as readonly bigint[]).reduce((a, b) => a + b, 0n));
  return new Duration((list as readonly Duration[]).reduce((a, b) => a + b.nanos, 0n));
}

function zeroOf(kind: CelType): Value {
  if (kind.kind === 'double') return 0;
  if (kind.kind === 'duration') return new Duration(0n);
  return kind.kind === 'uint' ? new Uint(0n) : 0n;
}

const place = (index: number): bigint => BigInt(index);
const indexOf = (list: readonly Value[], wanted: Value): Result =>
  place(list.findIndex((item) => equals(item, wanted)));
const lastIndexOf = (list: readonly Value[], wanted: Value): Result =>
  place(list.findLastIndex((item) => equals(item, wanted)));
const search = (id: string, call: (list: readonly Value[], wanted: Value) => Result): Overload =>
  method(id, [listT, T], int, [call, perElement]);

/** Upstream's own functions over lists. */
export const lists: Functions = {
  isSorted: forEach('is_sorted_bool', orderable, bool, isSorted),
  sum: addable.flatMap((kind) => forEach('sum', [kind], kind, (list) => total(list, zeroOf(kind)))),
  min: forEach('min', orderable, undefined, extreme('min', -1)),
  max: forEach('max', orderable, undefined, extreme('max', 1)),
  indexOf: [search('list_a_index_of_int', indexOf)],
  lastIndexOf: [search('list_a_last_index_of_int', lastIndexOf)],
};

const hasAll = (list: readonly Value[], other: readonly Value[]): boolean =>
  other.every((wanted) => list.some((item) => equals(item, wanted)));

const setCost = {
  cost: (args: readonly Value[]) => pairwise.cost(args) + 1,
  estimate: (args: readonly Sized[]) => ({ cost: sum(pairwise.estimate(args).cost, one) }),
};
const bothWays = {
  cost: (args: readonly Value[]) => 2 * pairwise.cost(args) + 1,
  estimate: (args: readonly Sized[]) => {
    const { cost } = pairwise.estimate(args);
    return { cost: sum(product(cost, { min: 2, max: 2 }), one) };
  },
};

/** Lists as sets. */
export const sets: Functions = {
  'sets.contains': [plain('list_sets_contains_list', [listT, listT], bool, [hasAll, setCost])],
  'sets.equivalent': [
    plain('list_sets_equivalent_list', [listT, listT], bool, [
      (a: readonly Value[], b: readonly Value[]) => hasAll(a, b) && hasAll(b, a),
      bothWays,
    ]),
  ],
  'sets.intersects': [
    plain('list_sets_intersects_list', [listT, listT], bool, [
      (a: readonly Value[], b: readonly Value[]) => a.some((item) => b.some((other) => equals(item, other))),
      setCost,
    ]),
  ],
};
