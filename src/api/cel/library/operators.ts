import { compareCodePoints } from '../../../base/text.ts';
import { CelError, noOverload, overflow } from '../cel-error.ts';
import { product, type Range, type Sized, scaled, smaller, sum } from '../cost-range.ts';
import type { Functions, Overload } from '../environment.ts';
import type { CelType } from '../type.ts';
import * as types from '../type.ts';
import {
  type CelMap,
  compareBytes,
  compareNumbers,
  Duration,
  equals,
  joinedLists,
  type Result,
  sizeOf,
  Timestamp,
  textLength,
  Uint,
  type Value,
  type ValueMap,
} from '../value.ts';
import { method, plain, traversal } from './declare.ts';
import { inDurationRange, inTimestampRange } from './time-text.ts';

const A = types.parameter('A');
const B = types.parameter('B');
const listA = types.listOf(A);
const mapAB = types.mapOf(A, B);

export const checkedInt = (value: bigint): Result => (BigInt.asIntN(64, value) === value ? value : overflow);
export const checkedUint = (value: bigint): Result =>
  value >= 0n && BigInt.asUintN(64, value) === value ? new Uint(value) : overflow;

const divisionByZero = new CelError('division by zero');
const modulusByZero = new CelError('modulus by zero');

const onInts = (id: string, compute: (a: bigint, b: bigint) => Result): Overload =>
  plain(id, [types.int, types.int], types.int, compute);
const onUints = (id: string, compute: (a: bigint, b: bigint) => bigint | CelError): Overload =>
  plain(id, [types.uint, types.uint], types.uint, (a: Uint, b: Uint) => {
    const value = compute(a.value, b.value);
    return value instanceof CelError ? value : checkedUint(value);
  });
const onDoubles = (id: string, compute: (a: number, b: number) => number): Overload =>
  plain(id, [types.double, types.double], types.double, compute);

const sizeCost = {
  cost: (args: readonly Value[]) => Math.ceil((sizeOf(args[0] as Value) + sizeOf(args[1] as Value)) * traversal),
  estimate: ([a, b]: readonly Sized[]) => {
    const size = sum((a as Sized).size, (b as Sized).size);
    return { cost: scaled(size, traversal), size };
  },
};
const listAdded = {
  estimate: ([a, b]: readonly Sized[]) => ({
    cost: { min: 1, max: 1 },
    size: sum((a as Sized).size, (b as Sized).size),
  }),
};
const smallerCost = {
  cost: (args: readonly Value[]) => Math.ceil(Math.min(sizeOf(args[0] as Value), sizeOf(args[1] as Value)) * traversal),
  estimate: ([a, b]: readonly Sized[]) => {
    const size: Range = smaller((a as Sized).size, (b as Sized).size);
    return { cost: scaled(size, traversal) };
  },
};

type Order = (order: number) => boolean;
const numeric = [types.int, types.uint, types.double] as const;
const text = { string: types.string, bytes: types.bytes };

/** One comparison for all types that have an order. */
function ordered(name: string, holds: Order): readonly Overload[] {
  const numbers = numeric.flatMap((a) =>
    numeric.map((b) =>
      plain(`${name}_${a.kind}_${b.kind}`, [a, b], types.bool, (x: bigint, y: bigint) => {
        const order = compareNumbers(x, y);
        return order !== undefined && holds(order);
      }),
    ),
  );
  const same = (type: CelType, order: (a: never, b: never) => number, extra = {}) =>
    plain(`${name}_${type.kind}`, [type, type], types.bool, [
      (a: Value, b: Value) => holds(order(a as never, b as never)),
      extra,
    ]);
  const byNanos = (a: Timestamp, b: Timestamp) => (a.nanos < b.nanos ? -1 : a.nanos > b.nanos ? 1 : 0);
  return [
    ...numbers,
    same(types.bool, (a: boolean, b: boolean) => Number(a) - Number(b)),
    same(text.string, compareCodePoints as never, smallerCost),
    same(text.bytes, compareBytes as never, smallerCost),
    same(types.timestamp, byNanos as never),
    same(types.duration, byNanos as never),
  ];
}

const inTime = (nanos: bigint): Result => (inTimestampRange(nanos) ? new Timestamp(nanos) : overflow);
const inDuration = (nanos: bigint): Result => (inDurationRange(nanos) ? new Duration(nanos) : overflow);
const { timestamp, duration } = types;

const plus: readonly Overload[] = [
  onInts('add_int64', (a, b) => checkedInt(a + b)),
  onUints('add_uint64', (a, b) => a + b),
  onDoubles('add_double', (a, b) => a + b),
  plain('add_string', [types.string, types.string], types.string, [(a: string, b: string) => a + b, sizeCost]),
  plain('add_bytes', [types.bytes, types.bytes], types.bytes, [joined, sizeCost]),
  plain('add_list', [listA, listA], listA, [joinedLists, listAdded]),
  plain('add_timestamp_duration', [timestamp, duration], timestamp, (a: Timestamp, b: Duration) =>
    inTime(a.nanos + b.nanos),
  ),
  plain('add_duration_timestamp', [duration, timestamp], timestamp, (a: Duration, b: Timestamp) =>
    inTime(a.nanos + b.nanos),
  ),
  plain('add_duration_duration', [duration, duration], duration, (a: Duration, b: Duration) =>
    inDuration(a.nanos + b.nanos),
  ),
];
const minus: readonly Overload[] = [
  onInts('subtract_int64', (a, b) => checkedInt(a - b)),
  onUints('subtract_uint64', (a, b) => a - b),
  onDoubles('subtract_double', (a, b) => a - b),
  plain('subtract_timestamp_timestamp', [timestamp, timestamp], duration, (a: Timestamp, b: Timestamp) =>
    inDuration(a.nanos - b.nanos),
  ),
  plain('subtract_timestamp_duration', [timestamp, duration], timestamp, (a: Timestamp, b: Duration) =>
    inTime(a.nanos - b.nanos),
  ),
  plain('subtract_duration_duration', [duration, duration], duration, (a: Duration, b: Duration) =>
    inDuration(a.nanos - b.nanos),
  ),
];

const sizeFor = (type: CelType, count: (value: never) => number): readonly Overload[] => {
  const call = (value: Value) => BigInt(count(value as never));
  return [plain(`size_${type.kind}`, [type], types.int, call), method(`${type.kind}_size`, [type], types.int, call)];
};

const containsCost = {
  cost: ([, list]: readonly Value[]) => sizeOf(list as Value),
  estimate: ([, list]: readonly Sized[]) => ({ cost: (list as Sized).size }),
};

/** Operators, and what every language has. Logic and selection are the planner's own; here are their types. */
export const operators: Functions = {
  '_&&_': [plain('logical_and', [types.bool, types.bool], types.bool, () => noOverload)],
  '_||_': [plain('logical_or', [types.bool, types.bool], types.bool, () => noOverload)],
  '_?_:_': [plain('conditional', [types.bool, A, A], A, () => noOverload)],
  '@not_strictly_false': [plain('not_strictly_false', [types.bool], types.bool, () => noOverload)],
  'cel.@mapInsert': [
    plain('map_insert', [mapAB, A, B], mapAB, (map: ValueMap) => map),
    plain('map_insert_map', [mapAB, mapAB], mapAB, (map: ValueMap) => map),
  ],
  '!_': [plain('logical_not', [types.bool], types.bool, (value: boolean) => !value)],
  '-_': [
    plain('negate_int64', [types.int], types.int, (value: bigint) => checkedInt(-value)),
    plain('negate_double', [types.double], types.double, (value: number) => -value),
  ],
  '_+_': plus,
  '_-_': minus,
  '_*_': [
    onInts('multiply_int64', (a, b) => checkedInt(a * b)),
    onUints('multiply_uint64', (a, b) => a * b),
    onDoubles('multiply_double', (a, b) => a * b),
  ],
  '_/_': [
    onInts('divide_int64', (a, b) => (b === 0n ? divisionByZero : checkedInt(a / b))),
    onUints('divide_uint64', (a, b) => (b === 0n ? divisionByZero : a / b)),
    onDoubles('divide_double', (a, b) => a / b),
  ],
  '_%_': [
    onInts('modulo_int64', (a, b) => (b === 0n ? modulusByZero : checkedInt(a % b))),
    onUints('modulo_uint64', (a, b) => (b === 0n ? modulusByZero : a % b)),
  ],
  '_==_': [plain('equals', [A, A], types.bool, [equals, smallerCost])],
  '_!=_': [plain('not_equals', [A, A], types.bool, [(a: Value, b: Value) => !equals(a, b), smallerCost])],
  '_<_': ordered('less', (order) => order < 0),
  '_<=_': ordered('less_equals', (order) => order <= 0),
  '_>_': ordered('greater', (order) => order > 0),
  '_>=_': ordered('greater_equals', (order) => order >= 0),
  '@in': [
    plain('in_list', [A, listA], types.bool, [
      (a: Value, list: readonly Value[]) => list.some((b) => equals(a, b)),
      containsCost,
    ]),
    plain('in_map', [A, mapAB], types.bool, (key: Value, map: CelMap) => map.get(key) !== undefined),
  ],
  '_[_]': [
    plain('index_list', [listA, types.int], A, () => noOverload),
    plain('index_map', [mapAB, A], B, () => noOverload),
    plain('optional_list_index_int', [types.optionalOf(listA), types.int], types.optionalOf(A), () => noOverload),
    plain('optional_map_index_value', [types.optionalOf(mapAB), A], types.optionalOf(B), () => noOverload),
  ],
  '_[?_]': [
    plain('list_optindex_optional_int', [listA, types.int], types.optionalOf(A), () => noOverload),
    plain(
      'optional_list_optindex_optional_int',
      [types.optionalOf(listA), types.int],
      types.optionalOf(A),
      () => noOverload,
    ),
    plain('map_optindex_optional_value', [mapAB, A], types.optionalOf(B), () => noOverload),
    plain('optional_map_optindex_optional_value', [types.optionalOf(mapAB), A], types.optionalOf(B), () => noOverload),
  ],
  size: [
    ...sizeFor(types.string, textLength),
    ...sizeFor(types.bytes, (value: Uint8Array) => value.length),
    ...sizeFor(listA, (value: readonly Value[]) => value.length),
    ...sizeFor(mapAB, (value: CelMap) => value.size),
  ],
};

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const out = new Uint8Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}

/** The cost of comparing each element of one list with each of another. */
export const pairwise = {
  cost: ([a, b]: readonly Value[]) => sizeOf(a as Value) * sizeOf(b as Value),
  estimate: ([a, b]: readonly Sized[]) => ({ cost: product((a as Sized).size, (b as Sized).size) }),
};
