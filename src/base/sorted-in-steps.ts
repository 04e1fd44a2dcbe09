import { type Steps, type Stride, stepMembersMax } from './steps.ts';

type Order = (a: string, b: string) => number;

/** Sorts names of which there may be many: runs that are sorted are merged two by two. By code units without an order. */
export function* sortedInSteps(names: readonly string[], stride: Stride, order?: Order): Steps<readonly string[]> {
  const { length } = names;
  // Two rooms for all of them, from one to the other and back: lists that grow would leave many times as much behind.
  let from: string[] = new Array(length);
  let to: string[] = new Array(length);
  for (let at = 0; at < length; at += stepMembersMax) {
    const run = names.slice(at, at + stepMembersMax).sort(order);
    for (let index = 0; index < run.length; index++) from[at + index] = run[index] as string;
    if (stride.isLong(stepMembersMax)) yield stride.taken();
  }
  for (let run = stepMembersMax; run < length; run *= 2) {
    for (let start = 0; start < length; start += run * 2) {
      const middle = Math.min(start + run, length);
      const end = Math.min(middle + run, length);
      for (let left = start, right = middle, at = start; at < end; at++) {
        const isLeft = right >= end || (left < middle && isFirst(from[left] as string, from[right] as string, order));
        to[at] = (isLeft ? from[left++] : from[right++]) as string;
        if (stride.isLong(1)) yield stride.taken();
      }
    }
    [from, to] = [to, from];
  }
  return from;
}

const isFirst = (one: string, other: string, order: Order | undefined): boolean =>
  order === undefined ? one <= other : order(one, other) <= 0;
