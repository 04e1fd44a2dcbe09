import { type Steps, type Stride, stepMembersMax } from './steps.ts';

type Order = (a: string, b: string) => number;

/** Sorts names of which there may be many: runs that are sorted are merged two by two. By code units without an order. */
export function* sortedInSteps(names: readonly string[], stride: Stride, order?: Order): Steps<readonly string[]> {
  let runs: (readonly string[])[] = [];
  for (let at = 0; at < names.length; at += stepMembersMax) {
    runs.push(names.slice(at, at + stepMembersMax).sort(order));
    if (stride.isLong(stepMembersMax)) yield stride.taken();
  }
  while (runs.length > 1) {
    const longer: (readonly string[])[] = [];
    for (let index = 0; index < runs.length; index += 2) {
      const [left = [], right = []] = runs.slice(index, index + 2);
      longer.push(yield* mergedInSteps(left, right, { stride, order }));
    }
    runs = longer;
  }
  return runs[0] ?? [];
}

function* mergedInSteps(
  a: readonly string[],
  b: readonly string[],
  { stride, order }: { readonly stride: Stride; readonly order: Order | undefined },
): Steps<readonly string[]> {
  const out: string[] = [];
  for (let left = 0, right = 0; left < a.length || right < b.length; ) {
    const isLeft = right >= b.length || (left < a.length && isFirst(a[left] as string, b[right] as string, order));
    out.push((isLeft ? a[left++] : b[right++]) as string);
    if (stride.isLong(1)) yield stride.taken();
  }
  return out;
}

const isFirst = (one: string, other: string, order: Order | undefined): boolean =>
  order === undefined ? one <= other : order(one, other) <= 0;
