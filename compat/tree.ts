import { isDeepStrictEqual } from 'node:util';

/** A change of a JSON tree: put a value, take one away, insert one into a list. */
export type Edit = readonly [op: 'set' | 'del' | 'ins', path: readonly (string | number)[], value?: unknown];
export type Tree = Record<string | number, unknown>;

export const isObject = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === 'object' && !Array.isArray(value);

export const at = (root: unknown, path: readonly (string | number)[]): unknown =>
  path.reduce<unknown>((value, key) => (value as Tree | undefined)?.[key], root);

export function edited(root: unknown, edits: readonly Edit[] = []): unknown {
  let top = structuredClone(root);
  for (const [op, path, value] of edits) {
    const last = path.at(-1);
    if (last === undefined) {
      top = structuredClone(value);
      continue;
    }
    const parent = at(top, path.slice(0, -1));
    if (parent === null || typeof parent !== 'object') continue;
    if (op === 'set') (parent as Tree)[last] = structuredClone(value);
    else if (op === 'ins') (parent as unknown[]).splice(Number(last), 0, structuredClone(value));
    else if (Array.isArray(parent)) parent.splice(Number(last), 1);
    else delete (parent as Tree)[last];
  }
  return top;
}

/** The same tree with every list in one order, for answers whose order says nothing. */
export function sortedTree(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedTree).sort(byText);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, sortedTree(item)]));
}
export const byText = (a: unknown, b: unknown): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);

export interface Difference {
  readonly place: string;
  readonly expected: unknown;
  readonly actual: unknown;
}

/** Where two trees differ: the deepest places. */
export function differences(expected: unknown, actual: unknown, place = ''): readonly Difference[] {
  if (isDeepStrictEqual(expected, actual)) return [];
  if (!isObject(expected) || !isObject(actual)) return [{ place, expected, actual }];
  const keys = new Set([...Object.keys(expected), ...Object.keys(actual)]);
  return [...keys].flatMap((key) => differences(expected[key], actual[key], `${place}/${key}`));
}
