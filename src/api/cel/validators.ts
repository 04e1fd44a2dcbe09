import { parseDuration } from '../schema/scalars.ts';
import { CelError } from './cel-error.ts';
import type { Checked } from './checker.ts';
import { patternOf } from './library/regex.ts';
import { parseTimestamp } from './library/time-text.ts';
import { type Expression, type Issue, visit } from './syntax.ts';

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
