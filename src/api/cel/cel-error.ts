/** Why an expression has no value. A value itself: `||` and `&&` may outvote it. */
export class CelError {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
}

/** Thrown out of an evaluation that went beyond its budget: nothing outvotes it. */
export class CostExceeded extends Error {
  constructor() {
    super('operation cancelled: actual cost limit exceeded');
    this.name = 'CostExceeded';
  }
}

export const noOverload = new CelError('no such overload');
export const overflow = new CelError('return error for overflow');
