import type { CelType } from './type.ts';

/** At least and at most: of a size or a cost. */
export interface Range {
  readonly min: number;
  readonly max: number;
}
/** What is known of an argument before anything runs. */
export interface Sized {
  readonly size: Range;
  /** Of the elements of a list, the values of a map. */
  readonly elementSize?: Range;
  /** The number itself, where it is written in the expression. */
  readonly written?: number;
  /** What sort of values they are. */
  readonly elementKind?: CelType['kind'];
}

/** Nothing costs more: upstream's counters are 64 bits wide. */
export const rangeMax = 2 ** 64;
const capped = (value: number): number => Math.min(value, rangeMax);

export const exactly = (value: number): Range => ({ min: value, max: value });
export const zero: Range = exactly(0);
export const one: Range = exactly(1);
export const unknownSize: Range = { min: 0, max: rangeMax };

export const sum = (...ranges: readonly Range[]): Range => ({
  min: capped(ranges.reduce((total, { min }) => total + min, 0)),
  max: capped(ranges.reduce((total, { max }) => total + max, 0)),
});
export const product = (a: Range, b: Range): Range => ({ min: times(a.min, b.min), max: times(a.max, b.max) });
const times = (a: number, b: number): number => (a === 0 || b === 0 ? 0 : capped(a * b));
export const scaled = ({ min, max }: Range, factor: number): Range => ({
  min: capped(Math.ceil(min * factor)),
  max: capped(Math.ceil(max * factor)),
});
export const either = (a: Range, b: Range): Range => ({ min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) });
export const smaller = (a: Range, b: Range): Range => ({ min: Math.min(a.min, b.min), max: Math.min(a.max, b.max) });
