import { stepMembersMax } from '../../base/steps.ts';
import { CostExceeded } from './cel-error.ts';
import type { Inputs } from './environment.ts';
import type { Result } from './value.ts';

/** One evaluation: what names stand for, loop variables, and what it has cost so far. */
export class Frame {
  readonly inputs: Inputs;
  readonly slots: Result[] = [];
  cost = 0;
  readonly costMax: number;
  #rested = 0;

  constructor(inputs: Inputs, costMax: number) {
    this.inputs = inputs;
    this.costMax = costMax;
  }

  charge(cost: number): void {
    this.cost += cost;
    if (this.cost > this.costMax) throw new CostExceeded();
  }

  /** Whether so much was done since it was last taken that others may have a turn. */
  get isLong(): boolean {
    return this.cost - this.#rested >= stepMembersMax;
  }

  taken(): number {
    const members = this.cost - this.#rested;
    this.#rested = this.cost;
    return members;
  }
}

export type Step = (frame: Frame) => Result;
