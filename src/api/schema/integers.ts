/** One more than the largest integer that upstream's int64 holds. */
const int64End = 2n ** 63n;
/** The largest number of JavaScript that is still an int64. */
const int64Max = 2 ** 63 - 1024;

/**
 * An exact integer as a number. Above 2^53 numbers have gaps: the nearest one stands for it, but what an int64 holds
 * never becomes a number that it does not hold.
 */
export function nearestNumber(exact: bigint): number {
  const value = Number(exact);
  return exact < int64End && value > int64Max ? int64Max : value;
}

export const isInt64 = (value: number): boolean => Number.isInteger(value) && value <= int64Max && value >= -(2 ** 63);
