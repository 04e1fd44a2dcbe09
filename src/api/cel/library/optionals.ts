import { CelError, noOverload } from '../cel-error.ts';
import type { Functions } from '../environment.ts';
import * as types from '../type.ts';
import { none, Optional, type Value } from '../value.ts';
import { isZero } from './conversions.ts';
import { method, plain } from './declare.ts';

const V = types.parameter('V');
const optionalV = types.optionalOf(V);

const listV = types.listOf(V);

function at(list: readonly Value[], index: number): Optional {
  const value = list[index];
  return value === undefined ? none : new Optional(value);
}

const unwrapped = (list: readonly Optional[]): readonly Value[] =>
  list.flatMap(({ value }) => (value === undefined ? [] : [value]));

export const optionals: Functions = {
  'optional.none': [plain('optional_none', [], optionalV, () => none)],
  'optional.of': [plain('optional_of', [V], optionalV, (value: Value) => new Optional(value))],
  'optional.ofNonZeroValue': [
    plain('optional_ofNonZeroValue', [V], optionalV, (value: Value) => (isZero(value) ? none : new Optional(value))),
  ],
  value: [
    method('optional_value', [optionalV], V, ({ value }: Optional) =>
      value === undefined ? new CelError('optional.none() dereference') : value,
    ),
  ],
  hasValue: [method('optional_hasValue', [optionalV], types.bool, ({ value }: Optional) => value !== undefined)],
  first: [method('list_first', [listV], optionalV, (list: readonly Value[]) => at(list, 0))],
  last: [method('list_last', [listV], optionalV, (list: readonly Value[]) => at(list, list.length - 1))],
  'optional.unwrap': [plain('optional_unwrap', [types.listOf(optionalV)], listV, unwrapped)],
  unwrapOpt: [method('optional_unwrapOpt', [types.listOf(optionalV)], listV, unwrapped)],
  // The planner's own: the other value is looked at only where it is needed.
  or: [method('optional_or_optional', [optionalV, optionalV], optionalV, () => noOverload)],
  orValue: [method('optional_orValue_value', [optionalV, V], V, () => noOverload)],
};
