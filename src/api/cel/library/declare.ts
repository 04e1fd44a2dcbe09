import { type Range, type Sized, scaled } from '../cost-range.ts';
import type { Overload } from '../environment.ts';
import type { CelType } from '../type.ts';
import { type Result, sizeOf, type Value } from '../value.ts';

type Extra = Pick<Overload, 'cost' | 'estimate' | 'price'>;

// A table of functions is easier to read with its calls typed by their arguments: the dispatcher has checked these.
// biome-ignore lint/suspicious/noExplicitAny: each signature names its own argument types beside it
type AnyCall = (...args: any[]) => Result;

/** What it does, and what that costs where it is not 1. */
type How = AnyCall | readonly [AnyCall, Extra | undefined];

/** A function: `name(args)`. */
export function plain(id: string, args: readonly CelType[], result: CelType, how: How): Overload {
  const [call, extra] = typeof how === 'function' ? [how] : how;
  return { id, isMember: false, args, result, call, ...extra };
}

/** A method: `args[0].name(rest)`. */
export const method = (id: string, args: readonly CelType[], result: CelType, how: How): Overload => ({
  ...plain(id, args, result, how),
  isMember: true,
});

/** Reading a text costs a tenth per character. */
export const traversal = 0.1;
/** An expression is taken to have a part for each four of its characters. */
export const patternPart = 0.25;

/** Cost by the size of one argument; the result is at most as large. */
export const byTraversal = (index = 0, keepsSize = false): Extra => ({
  cost: (args) => Math.ceil(sizeOf(args[index] as Value) * traversal),
  estimate: (args) => {
    const { size } = args[index] as Sized;
    return { cost: scaled(size, traversal), ...(keepsSize ? { size: { min: 0, max: size.max } } : {}) };
  },
});

export const patternCost: Extra = {
  cost: ([text, pattern]) =>
    Math.ceil((1 + sizeOf(text as Value)) * traversal) * Math.ceil(sizeOf(pattern as Value) * patternPart),
  estimate: ([text, pattern]) => {
    const size = (text as Sized).size;
    const whole: Range = { min: Math.ceil((1 + size.min) * traversal), max: Math.ceil((1 + size.max) * traversal) };
    const parts = scaled((pattern as Sized).size, patternPart);
    return {
      cost: { min: whole.min * parts.min, max: Math.min(whole.max * parts.max, 2 ** 64) },
      size: { min: 0, max: size.max },
    };
  },
};
