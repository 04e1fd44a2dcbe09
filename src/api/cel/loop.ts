import { noOverload } from './cel-error.ts';
import type { Frame } from './frame.ts';
import { CelMap, isError, type Result, type Value } from './value.ts';

/** Where a loop keeps its variables. */
export interface LoopSlots {
  readonly accumulator: number;
  readonly variable: number;
  /** Less than 0 where there is none. */
  readonly second: number;
}
export interface LoopParts<P> extends LoopSlots {
  readonly range: P;
  readonly init: P;
  readonly condition: P;
  readonly step: P;
  readonly result: P;
}

/** A loop under way: one element after the other is put where its step looks for it. */
export class Loop {
  readonly #over: Value;
  readonly #elements: readonly Value[];
  readonly #values: Result[];
  readonly #slots: LoopSlots;
  #next = 0;

  private constructor(over: Value, elements: readonly Value[], values: Result[], slots: LoopSlots) {
    this.#over = over;
    this.#elements = elements;
    this.#values = values;
    this.#slots = slots;
  }

  /** Nothing for a value that has no elements. */
  static over(over: Value, frame: Frame, slots: LoopSlots): Loop | undefined {
    const elements = Array.isArray(over) ? over : over instanceof CelMap ? over.keys() : undefined;
    return elements && new Loop(over, elements, frame.slots, slots);
  }

  accumulate(value: Result): void {
    this.#values[this.#slots.accumulator] = value;
  }

  /** Whether there was one more. */
  next(): boolean {
    if (this.#next >= this.#elements.length) return false;
    const index = this.#next++;
    const element = this.#elements[index] as Value;
    const { variable, second } = this.#slots;
    const isList = this.#over === this.#elements;
    this.#values[variable] = second >= 0 && isList ? BigInt(index) : element;
    if (second >= 0) this.#values[second] = isList ? element : ((this.#over as CelMap).get(element) as Value);
    return true;
  }
}

/** What `&&` and `||` make of two sides, the first of which does not decide. */
export function joined(one: Result, other: Result, decisive: boolean): Result {
  if (other === decisive) return decisive;
  if (one === !decisive && other === !decisive) return !decisive;
  if (isError(one)) return one;
  return isError(other) ? other : noOverload;
}
