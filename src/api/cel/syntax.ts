import type { Value } from './value.ts';

/** A parsed expression. Macros are expanded already; `at` is the offset in the source that messages point at. */
export type Expression =
  | { readonly kind: 'constant'; readonly at: number; readonly value: Value }
  | { readonly kind: 'name'; readonly at: number; readonly name: string }
  | Select
  | Call
  | ListLiteral
  | MapLiteral
  | StructLiteral
  | Fold;

export interface Select {
  readonly kind: 'select';
  readonly at: number;
  readonly operand: Expression;
  readonly field: string;
  /** has(a.b): whether the field is there. */
  readonly isTest: boolean;
}
export interface Call {
  readonly kind: 'call';
  readonly at: number;
  /** `_+_`, `size`, `startsWith`: operators have names with underscores. */
  readonly name: string;
  readonly target?: Expression;
  readonly args: readonly Expression[];
}
export interface ListLiteral {
  readonly kind: 'list';
  readonly at: number;
  readonly items: readonly Expression[];
  /** Which items are written with `?`. */
  readonly optional: readonly boolean[];
}
interface Entry {
  readonly key: Expression;
  readonly value: Expression;
  readonly optional: boolean;
  readonly at: number;
}
export interface MapLiteral {
  readonly kind: 'map';
  readonly at: number;
  readonly entries: readonly Entry[];
}
export interface StructLiteral {
  readonly kind: 'struct';
  readonly at: number;
  readonly name: string;
  readonly fields: readonly {
    readonly name: string;
    readonly value: Expression;
    readonly optional: boolean;
    readonly at: number;
  }[];
}
/** What all macros over lists and maps become: a loop with an accumulator. */
export interface Fold {
  readonly kind: 'fold';
  readonly at: number;
  readonly range: Expression;
  /** The element; of a map the key. With `second` the index or key. */
  readonly variable: string;
  readonly second?: string;
  readonly accumulator: string;
  readonly init: Expression;
  readonly condition: Expression;
  readonly step: Expression;
  readonly result: Expression;
}

/** What is wrong with an expression, and where. */
export interface Issue {
  readonly at: number;
  readonly message: string;
}

/** The accumulator's name: no source can contain it. */
export const accumulatorName = '@result';

/** Every issue with its line and a caret, as upstream prints them. */
export function issuesText(source: string, issues: readonly Issue[]): string {
  const ordered = [...issues].sort((a, b) => a.at - b.at);
  return ordered.map((issue) => issueText(source, issue)).join('\n');
}

function issueText(source: string, { at, message }: Issue): string {
  const before = source.slice(0, at);
  const start = before.lastIndexOf('\n') + 1;
  const line = before.split('\n').length;
  const column = [...source.slice(start, at)].length;
  const end = source.indexOf('\n', at);
  const text = source.slice(start, end < 0 ? source.length : end).replaceAll('\t', ' ');
  const head = `ERROR: <input>:${line}:${column + 1}: ${message}`;
  return `${head}\n | ${text}\n | ${'.'.repeat(column)}^`;
}

/** Every part of an expression, parents first. */
export function visit(expression: Expression, see: (part: Expression) => void): void {
  see(expression);
  for (const part of partsOf(expression)) visit(part, see);
}

/** What an expression is made of, each part once. */
export function partsOf(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case 'select':
      return [expression.operand];
    case 'call':
      return expression.target ? [expression.target, ...expression.args] : expression.args;
    case 'list':
      return expression.items;
    case 'map':
      return expression.entries.flatMap(({ key, value }) => [key, value]);
    case 'struct':
      return expression.fields.map(({ value }) => value);
    case 'fold':
      return [expression.range, expression.init, expression.condition, expression.step, expression.result];
    default:
      return [];
  }
}
