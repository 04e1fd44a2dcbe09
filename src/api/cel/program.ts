import type { Steps } from '../../base/steps.ts';
import { type Checked, check } from './checker.ts';
import type { Environment, Inputs, MakeStructure } from './environment.ts';
import { Frame } from './frame.ts';
import { hasLoop, LongPlanner } from './long-planner.ts';
import { parse } from './parser.ts';
import { Planner } from './planner.ts';
import { type Expression, type Issue, issuesText } from './syntax.ts';
import { Bindings, type CelType, typeText } from './type.ts';
import { literalIssues } from './validators.ts';
import type { Result } from './value.ts';

/** Upstream's limit of one evaluation. */
export const perCallCostMax = 1_000_000;

/** An expression that fits its environment, ready to run. */
export interface Program {
  readonly source: string;
  readonly type: CelType;
  readonly expression: Expression;
  readonly checked: Checked;
  /** Only then it may take long. */
  readonly hasLoops: boolean;
  evaluate(inputs: Inputs, costMax?: number): Evaluation;
  /** The same, and others have their turn in between: an expression may cost as much as a hundred requests. */
  evaluateInSteps(inputs: Inputs): Steps<Evaluation>;
}
export interface Evaluation {
  readonly result: Result;
  readonly cost: number;
}
export type Compiled =
  | { readonly program: Program; readonly error?: undefined }
  | { readonly error: string; readonly program?: undefined };

export interface CompileOptions {
  readonly make?: MakeStructure;
  /** The kinds of type that the result may be. */
  readonly wanted?: readonly CelType[];
}

/** From text to a program, or to the text of what is wrong with it. */
export function compile(environment: Environment, source: string, options: CompileOptions = {}): Compiled {
  const parsed = parse(source);
  if (!parsed.expression) return { error: compilationText(source, parsed.issues) };
  const { expression } = parsed;
  const checked = check(environment, expression);
  const issues = checked.issues.length > 0 ? checked.issues : literalIssues(expression, checked);
  if (issues.length > 0) return { error: compilationText(source, issues) };
  const { wanted } = options;
  if (wanted && !wanted.some((type) => new Bindings().assign(checked.type, type))) {
    return { error: `must evaluate to ${wanted.map(typeText).join(' or ')}` };
  }
  return { program: programOf({ environment, source, expression, checked }, options.make) };
}

const compilationText = (source: string, issues: readonly Issue[]): string =>
  `compilation failed: ${issuesText(source, issues)}`;

interface Parts {
  readonly environment: Environment;
  readonly source: string;
  readonly expression: Expression;
  readonly checked: Checked;
}

function programOf({ environment, source, expression, checked }: Parts, make?: MakeStructure): Program {
  const planner = () => new Planner(environment, checked, make);
  const step = planner().plan(expression);
  const hasLoops = hasLoop(expression);
  // Not before it is needed.
  let long: ReturnType<LongPlanner['plan']>;
  return {
    source,
    type: checked.type,
    expression,
    checked,
    hasLoops,
    evaluate: (inputs, costMax = perCallCostMax) => {
      const frame = new Frame(inputs, costMax);
      const result = step(frame);
      return { result, cost: frame.cost };
    },
    *evaluateInSteps(inputs) {
      if (hasLoops) long ??= new LongPlanner(planner()).plan(expression);
      const frame = new Frame(inputs, perCallCostMax);
      const result = long ? yield* long(frame) : step(frame);
      return { result, cost: frame.cost };
    },
  };
}
