import type { Steps } from '../../base/steps.ts';
import { noOverload } from './cel-error.ts';
import type { Frame, Step } from './frame.ts';
import { joined, Loop } from './loop.ts';
import type { Planner } from './planner.ts';
import { type Call, type Expression, type Fold, partsOf } from './syntax.ts';
import { isError, type Result } from './value.ts';

type LongStep = (frame: Frame) => Steps<Result>;
/** What has no loop in it is short, and done in one go. */
type Part = { readonly short: Step; readonly long?: undefined } | { readonly long: LongStep };

/**
 * Turns an expression into steps: its loops give way, those that stand in other loops too. What stands around them is
 * planned as always, and finds what they came to where it would have worked it out.
 */
export class LongPlanner {
  readonly #planner: Planner;

  constructor(planner: Planner) {
    this.#planner = planner;
  }

  /** Nothing for an expression without loops. */
  plan(expression: Expression): LongStep | undefined {
    if (!hasLoop(expression)) return undefined;
    if (expression.kind === 'fold') return this.#fold(expression);
    if (!isChoice(expression)) return this.#around(expression);
    return expression.name === '_?_:_' ? this.#conditional(expression) : this.#logical(expression);
  }

  #part(expression: Expression): Part {
    const long = this.plan(expression);
    return long ? { long } : { short: this.#planner.plan(expression) };
  }

  #fold(fold: Fold): LongStep {
    const { range, init, condition, step, result, ...slots } = this.#planner.loopOf(fold, (part) => this.#part(part));
    return function* (frame) {
      const over = range.long ? yield* range.long(frame) : range.short(frame);
      if (isError(over)) return over;
      const loop = Loop.over(over, frame, slots);
      if (!loop) return noOverload;
      loop.accumulate(init.long ? yield* init.long(frame) : init.short(frame));
      while (loop.next()) {
        if ((condition.long ? yield* condition.long(frame) : condition.short(frame)) !== true) break;
        loop.accumulate(step.long ? yield* step.long(frame) : step.short(frame));
        if (frame.isLong) yield frame.taken();
      }
      return result.long ? yield* result.long(frame) : result.short(frame);
    };
  }

  #logical({ name, args }: Call): LongStep {
    const decisive = name === '_||_';
    const [left, right] = args.map((part) => this.#part(part)) as [Part, Part];
    return function* (frame) {
      const one = left.long ? yield* left.long(frame) : left.short(frame);
      if (one === decisive) return decisive;
      return joined(one, right.long ? yield* right.long(frame) : right.short(frame), decisive);
    };
  }

  #conditional({ args }: Call): LongStep {
    const [condition, yes, no] = args.map((part) => this.#part(part)) as [Part, Part, Part];
    return function* (frame) {
      const value = condition.long ? yield* condition.long(frame) : condition.short(frame);
      if (typeof value !== 'boolean') return isError(value) ? value : noOverload;
      const chosen = value ? yes : no;
      return chosen.long ? yield* chosen.long(frame) : chosen.short(frame);
    };
  }

  /** Everything that wants all its parts, whatever they are: those with loops are worked out first. */
  #around(expression: Expression): LongStep {
    const parts = this.#loopsIn(expression);
    const long = parts.map((part) => this.plan(part) as LongStep);
    const { step, slots } = this.#planner.planAround(expression, parts);
    return function* (frame) {
      for (const [index, part] of long.entries()) frame.slots[slots[index] as number] = yield* part(frame);
      return step(frame);
    };
  }

  /** The outermost parts that are planned here. The other value of an optional is looked at only where there is none. */
  #loopsIn(expression: Expression): readonly Expression[] {
    const isLazy = expression.kind === 'call' && (expression.name === 'orValue' || expression.name === 'or');
    const parts = isLazy ? (expression.target ? [expression.target] : []) : partsOf(expression);
    return parts
      .filter(hasLoop)
      .flatMap((part) => (part.kind === 'fold' || isChoice(part) ? [part] : this.#loopsIn(part)));
  }
}

/** A call that may leave some of its parts alone. */
const isChoice = (expression: Expression): expression is Call =>
  expression.kind === 'call' && ['_&&_', '_||_', '_?_:_'].includes(expression.name);

const known = new WeakMap<Expression, boolean>();

/** Whether there is a loop anywhere in it: only then it may take long. */
export function hasLoop(expression: Expression): boolean {
  let has = known.get(expression);
  if (has === undefined) {
    has = expression.kind === 'fold' || partsOf(expression).some(hasLoop);
    known.set(expression, has);
  }
  return has;
}
