import { addQuantity, compareQuantity, type Quantity, tryParseQuantity } from '../../quantity.ts';
import { CelError } from '../cel-error.ts';
import type { Functions, Overload } from '../environment.ts';
import * as types from '../type.ts';
import { Opaque, type Result } from '../value.ts';
import { byTraversal, method, plain } from './declare.ts';

export const quantityType = { kind: 'opaque', name: 'kubernetes.Quantity' } as const;
const { string, bool, int, double } = types;
const one = 1_000_000_000n;

class Amount extends Opaque {
  readonly typeName = quantityType.name;
  readonly quantity: Quantity;
  constructor(quantity: Quantity) {
    super();
    this.quantity = quantity;
  }
  equals(other: Opaque): boolean {
    return compareQuantity(this.quantity, (other as Amount).quantity) === 0;
  }
}

function toAmount(text: string): Result {
  const parsed = tryParseQuantity(text);
  return 'error' in parsed ? new CelError(parsed.error) : new Amount(parsed.quantity);
}

const fromInt = (value: bigint): Quantity => ({ nanos: value * one, format: 'decimal' });
const negated = ({ nanos, format }: Quantity): Quantity => ({ nanos: -nanos, format });
const isWhole = ({ nanos }: Quantity): boolean => nanos % one === 0n && BigInt.asIntN(64, nanos / one) === nanos / one;

const both = [quantityType, quantityType];
const compared = (id: string, holds: (order: number) => boolean): Overload =>
  method(id, both, bool, (a: Amount, b: Amount) => holds(compareQuantity(a.quantity, b.quantity)));
const total = (a: Quantity, b: Quantity): Amount => new Amount(addQuantity(a, b));

export const quantities: Functions = {
  quantity: [plain('string_to_quantity', [string], quantityType, [toAmount, byTraversal()])],
  isQuantity: [
    plain('is_quantity_string', [string], bool, [
      (text: string) => !('error' in tryParseQuantity(text)),
      byTraversal(),
    ]),
  ],
  sign: [
    method('quantity_sign', [quantityType], int, ({ quantity: { nanos } }: Amount) =>
      nanos > 0n ? 1n : nanos < 0n ? -1n : 0n,
    ),
  ],
  isInteger: [method('quantity_is_integer', [quantityType], bool, ({ quantity }: Amount) => isWhole(quantity))],
  asInteger: [
    method('quantity_as_integer', [quantityType], int, ({ quantity }: Amount) =>
      isWhole(quantity) ? quantity.nanos / one : new CelError('cannot convert value to integer'),
    ),
  ],
  asApproximateFloat: [
    method('quantity_as_float', [quantityType], double, ({ quantity }: Amount) => Number(quantity.nanos) / 1e9),
  ],
  add: [
    method('quantity_add', both, quantityType, (a: Amount, b: Amount) => total(a.quantity, b.quantity)),
    method('quantity_add_int', [quantityType, int], quantityType, (a: Amount, b: bigint) =>
      total(a.quantity, fromInt(b)),
    ),
  ],
  sub: [
    method('quantity_sub', both, quantityType, (a: Amount, b: Amount) => total(a.quantity, negated(b.quantity))),
    method('quantity_sub_int', [quantityType, int], quantityType, (a: Amount, b: bigint) =>
      total(a.quantity, fromInt(-b)),
    ),
  ],
  isLessThan: [compared('quantity_is_less_than', (order) => order < 0)],
  isGreaterThan: [compared('quantity_is_greater_than', (order) => order > 0)],
  compareTo: [
    method('quantity_compare_to', both, int, (a: Amount, b: Amount) => BigInt(compareQuantity(a.quantity, b.quantity))),
  ],
};
