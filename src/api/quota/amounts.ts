import type { Labels } from '../object.ts';
import { addQuantity, compareQuantity, formatQuantity, parseQuantity, type Quantity } from '../quantity.ts';

/** Amounts by the name of what they are of. */
export type Amounts = ReadonlyMap<string, Quantity>;

export const whole = (count: number): Quantity => parseQuantity(String(count));
export const amountsOf = (texts: Labels | undefined): Amounts =>
  new Map(Object.entries(texts ?? {}).map(([name, text]) => [name, parseQuantity(text)]));
export const amountTexts = (amounts: Amounts): Labels =>
  Object.fromEntries([...amounts].map(([name, amount]) => [name, formatQuantity(amount)]));

export function sum(a: Amounts, b: Amounts): Amounts {
  const all = new Map(a);
  for (const [name, amount] of b) {
    const before = all.get(name);
    all.set(name, before ? addQuantity(before, amount) : amount);
  }
  return all;
}

export function larger(a: Amounts, b: Amounts): Amounts {
  const most = new Map(a);
  for (const [name, amount] of b) {
    const before = most.get(name);
    if (!before || compareQuantity(amount, before) > 0) most.set(name, amount);
  }
  return most;
}

/** What the first has more than the second, and nothing where it has less. */
export function excess(a: Amounts, b: Amounts): Amounts {
  const more = new Map<string, Quantity>();
  for (const [name, { nanos, format }] of a) {
    const left = nanos - (b.get(name)?.nanos ?? 0n);
    if (left > 0n) more.set(name, { nanos: left, format });
  }
  return more;
}

export const only = (amounts: Amounts, names: (name: string) => boolean): Amounts =>
  new Map([...amounts].filter(([name]) => names(name)));

/** As a refusal shows them. */
export const shown = (amounts: Amounts): string =>
  [...amounts]
    .map(([name, amount]) => `${name}=${formatQuantity(amount)}`)
    .sort()
    .join(',');
