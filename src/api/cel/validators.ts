import { parseDuration } from '../schema/scalars.ts';
import { CelError } from './cel-error.ts';
import type { Checked } from './checker.ts';
import { patternOf } from './library/regex.ts';
import { parseTimestamp } from './library/time-text.ts';
import type { Expression, Issue } from './syntax.ts';

/** Literals that could never work: durations, times and patterns that are none are refused before anything runs. */
export function literalIssues(expression: Expression, checked: Checked): readonly Issue[] {
  const issues: Issue[] = [];
  visit(expression, (part) => {
    if (part.kind !== 'call') return;
    const [first, second] = part.target ? [part.target, part.args[0]] : part.args;
    if (part.name === 'matches') judge(issues, second, (text) => patternProblem(text));
    if (checked.isNamespaced(part)) return;
    if (part.name === 'duration' && part.args.length === 1) {
      judge(issues, first, (text) => (parseDuration(text) === undefined ? 'invalid duration argument' : undefined));
    }
    if (part.name === 'timestamp' && part.args.length === 1) {
      judge(issues, first, (text) => (parseTimestamp(text) === undefined ? 'invalid timestamp argument' : undefined));
    }
  });
  return issues;
}

function judge(issues: Issue[], argument: Expression | undefined, problem: (text: string) => string | undefined): void {
  if (argument?.kind !== 'constant' || typeof argument.value !== 'string') return;
  const message = problem(argument.value);
  if (message !== undefined) issues.push({ at: argument.at, message });
}

const patternProblem = (text: string): string | undefined =>
  patternOf(text) instanceof CelError ? 'invalid matches argument' : undefined;

/** Every part of an expression, parents first. */
export function visit(expression: Expression, see: (part: Expression) => void): void {
  see(expression);
  for (const part of partsOf(expression)) visit(part, see);
}

function partsOf(expression: Expression): readonly Expression[] {
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
