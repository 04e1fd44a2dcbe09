import { CelError } from '../../../api/cel/cel-error.ts';
import type { Program } from '../../../api/cel/program.ts';
import { visit } from '../../../api/cel/syntax.ts';
import { type Result, Structure } from '../../../api/cel/value.ts';
import type { Named } from '../../../api/policy/compile-policy.ts';

export const variablesName = 'variables';

/** A policy's own variables, each worked out when it is first asked for. */
export class Variables extends Structure {
  readonly typeName = 'kubernetes.variables';
  readonly #programs: ReadonlyMap<string, Program>;
  readonly #run: (program: Program) => Result;
  readonly #known = new Map<string, Result>();

  constructor(variables: readonly Named[], run: (program: Program) => Result) {
    super();
    this.#programs = new Map(variables.map(({ name, program }) => [name, program]));
    this.#run = run;
  }

  get(name: string): Result | undefined {
    let value = this.#known.get(name);
    const program = this.#programs.get(name);
    if (value === undefined && program) {
      value = this.#run(program);
      if (value instanceof CelError)
        value = new CelError(`composited variable ${JSON.stringify(name)} fails to evaluate: ${value.message}`);
      this.#known.set(name, value);
    }
    return value;
  }

  equals(other: Structure): boolean {
    return this === other;
  }
}

const used = new WeakMap<Program, readonly string[]>();

/** The names of the variables that an expression may ask for. */
export function variablesIn(program: Program): readonly string[] {
  let names = used.get(program);
  if (!names) {
    const found = new Set<string>();
    visit(program.expression, (part) => {
      const isVariable = part.kind === 'select' && part.operand.kind === 'name' && part.operand.name === variablesName;
      if (isVariable) found.add(part.field);
    });
    names = [...found];
    used.set(program, names);
  }
  return names;
}
