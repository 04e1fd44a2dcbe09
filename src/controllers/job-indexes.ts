import type { Pod } from '../api/kinds/pod.ts';

export const indexAnnotation = 'batch.kubernetes.io/job-completion-index';

/** Sorted, without repetition: `1,3-5,7` as statuses and policies write it. */
export type Indexes = readonly number[];

/** The index that a pod works on; undefined where it says none. */
export function indexOf(pod: Pod): number | undefined {
  const text = pod.metadata.annotations?.[indexAnnotation];
  return text !== undefined && /^[0-9]+$/.test(text) ? Number(text) : undefined;
}

/** What is not below `bound` is left out. */
export function parseIndexes(text: string | undefined, bound: number): Indexes {
  const found: number[] = [];
  for (const part of (text ?? '').split(',')) {
    if (part === '') continue;
    const [first = Number.NaN, last = first] = part.split('-').map(Number);
    for (let index = first; index <= Math.min(last, bound - 1); index++) found.push(index);
  }
  return merged(found);
}

/** Three or more in a row are written as a range. */
export function indexesText(indexes: Indexes): string {
  const parts: string[] = [];
  for (let start = 0; start < indexes.length; ) {
    let end = start;
    while (indexes[end + 1] === (indexes[end] as number) + 1) end++;
    if (end - start >= 2) parts.push(`${indexes[start]}-${indexes[end]}`);
    else parts.push(...indexes.slice(start, end + 1).map(String));
    start = end + 1;
  }
  return parts.join(',');
}

export const merged = (...lists: readonly Indexes[]): Indexes =>
  [...new Set(lists.flat())].sort((first, second) => first - second);

/** The first so many below `bound` that are not taken. */
export function pendingIndexes(taken: Indexes, count: number, bound: number): Indexes {
  const known = new Set(taken);
  const found: number[] = [];
  for (let index = 0; index < bound && found.length < count; index++) if (!known.has(index)) found.push(index);
  return found;
}
