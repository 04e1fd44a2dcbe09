import type { Instant } from '../../base/env.ts';
import type { Json } from '../../base/json.ts';
import { compareText, humanDuration, parseTime } from '../../base/text.ts';
import type { Column } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import type { LabelSelector } from '../selector.ts';
import { mapOf, type Part, partsOf } from './defaulting.ts';

export const nameColumn: Column = { name: 'Name', type: 'string', format: 'name' };

/** A column per word: `Data`, `Desired:integer`, `Images:wide`. */
export function columnsOf(...words: readonly string[]): readonly Column[] {
  return words.map((word) => {
    if (word === 'Name') return nameColumn;
    const [name = '', ...rest] = word.split(':');
    const type = rest.find((part) => part !== 'wide' && part !== 'name') as Column['type'] | undefined;
    return {
      name,
      type: type ?? 'string',
      ...(rest.includes('name') ? { format: 'name' } : {}),
      ...(rest.includes('wide') ? { priority: 1 } : {}),
    };
  });
}

export const workloadColumns = ['Containers:wide', 'Images:wide', 'Selector:wide'] as const;

/** How long ago a time was, as people read it. */
export function ageOf(time: unknown, now: Instant): string {
  return typeof time === 'string' && time ? humanDuration(now - parseTime(time)) : '<unknown>';
}
export const ageCell = (object: KubeObject, now: Instant): string => ageOf(object.metadata.creationTimestamp, now);

export function containerCells(podSpec: Part): readonly [string, string] {
  const containers = partsOf(podSpec.containers);
  return [containers.map(({ name }) => name).join(','), containers.map(({ image }) => image ?? '').join(',')];
}

export const labelsText = (labels: unknown, none = '<none>'): string => {
  const pairs = Object.entries(mapOf(labels)).sort(([a], [b]) => compareText(a, b));
  return pairs.length === 0 ? none : pairs.map(([key, value]) => `${key}=${value}`).join(',');
};

/** A selector in the text form of queries, as columns show it. */
export function selectorText(selector: LabelSelector | null | undefined): string {
  if (!selector) return '';
  const parts = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => ({ key, text: `${key}=${value}` }));
  for (const { key, operator, values = [] } of selector.matchExpressions ?? []) {
    const set = `(${[...values].sort(compareText).join(',')})`;
    const text =
      operator === 'In'
        ? `${key} in ${set}`
        : operator === 'NotIn'
          ? `${key} notin ${set}`
          : operator === 'Exists'
            ? key
            : `!${key}`;
    parts.push({ key, text });
  }
  parts.sort((a, b) => compareText(a.key, b.key));
  return parts.length === 0 ? '<none>' : parts.map(({ text }) => text).join(',');
}

/** true or false as a cell that is text shows it. */
export const orUnset = (value: unknown, unset = '<unset>'): Json =>
  value === undefined || value === null || value === '' ? unset : (value as Json);
