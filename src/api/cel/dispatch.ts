import { noOverload } from './cel-error.ts';
import type { Overload } from './environment.ts';
import type { Frame, Step } from './frame.ts';
import type { CelType } from './type.ts';
import { isError, kindOf, Opaque, type Result, Structure, type Value } from './value.ts';

/** A call: arguments first, then the first signature that takes them. */
export function planDispatch(overloads: readonly Overload[], args: readonly Step[]): Step {
  const fitting = overloads.filter((overload) => overload.args.length === args.length);
  if (fitting.length === 0) return () => noOverload;
  if (args.length === 1) return planUnary(fitting, args[0] as Step);
  if (args.length === 2) return planBinary(fitting, args[0] as Step, args[1] as Step);
  return (frame) => {
    const values: Value[] = [];
    for (const arg of args) {
      const value = arg(frame);
      if (isError(value)) return value;
      values.push(value);
    }
    const overload = fitting.find((one) => one.args.every((type, index) => accepts(type, values[index] as Value)));
    return overload ? charged(frame, overload, values) : noOverload;
  };
}

function planUnary(overloads: readonly Overload[], arg: Step): Step {
  return (frame) => {
    const value = arg(frame);
    if (isError(value)) return value;
    for (const overload of overloads) {
      if (accepts(overload.args[0] as CelType, value)) return charged(frame, overload, [value]);
    }
    return noOverload;
  };
}

function planBinary(overloads: readonly Overload[], first: Step, second: Step): Step {
  return (frame) => {
    const left = first(frame);
    if (isError(left)) return left;
    const right = second(frame);
    if (isError(right)) return right;
    for (const overload of overloads) {
      const { args } = overload;
      if (accepts(args[0] as CelType, left) && accepts(args[1] as CelType, right)) {
        return charged(frame, overload, [left, right]);
      }
    }
    return noOverload;
  };
}

function charged(frame: Frame, overload: Overload, values: readonly Value[]): Result {
  if (overload.price) {
    frame.charge(overload.price(values));
    return overload.call(...values);
  }
  const result = overload.call(...values);
  frame.charge(overload.cost ? overload.cost(values, result) : 1);
  return result;
}

function accepts(type: CelType, value: Value): boolean {
  switch (type.kind) {
    case 'dyn':
    case 'parameter':
      return true;
    case 'int':
      return typeof value === 'bigint';
    case 'string':
      return typeof value === 'string';
    case 'bool':
      return typeof value === 'boolean';
    case 'double':
      return typeof value === 'number';
    case 'opaque':
      return value instanceof Opaque && value.typeName === type.name;
    case 'object':
      return value instanceof Structure || kindOf(value) === 'map';
    default:
      return kindOf(value) === type.kind;
  }
}
