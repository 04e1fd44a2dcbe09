import type { Environment, MakeStructure } from '../cel/environment.ts';
import { type CompileOptions, compile, type Program } from '../cel/program.ts';
import type { CelType } from '../cel/type.ts';
import * as types from '../cel/type.ts';
import { type FieldError, invalid } from '../field-error.ts';
import { objectType, patchType, policyEnvironment, withMutation, withVariables } from './environment.ts';
import { makeStructure } from './structure.ts';

export interface Named {
  readonly name: string;
  readonly program: Program;
}
export interface Validation {
  readonly program: Program;
  readonly source: string;
  readonly message?: string;
  readonly messageProgram?: Program;
  readonly reason?: string;
}
export interface Mutation {
  readonly type: 'ApplyConfiguration' | 'JSONPatch';
  readonly program: Program;
}
/** A policy as programs. What could not be compiled is missing, and told in `errors`. */
export interface CompiledPolicy {
  readonly conditions: readonly Named[];
  readonly variables: readonly Named[];
  readonly validations: readonly Validation[];
  readonly annotations: readonly Named[];
  readonly mutations: readonly Mutation[];
  readonly errors: readonly FieldError[];
}

interface Expression {
  readonly name?: string;
  readonly expression?: string;
}
export interface PolicySpec {
  readonly paramKind?: object;
  readonly matchConditions?: readonly Expression[];
  readonly variables?: readonly Expression[];
  readonly validations?: readonly {
    readonly expression?: string;
    readonly message?: string;
    readonly messageExpression?: string;
    readonly reason?: string;
  }[];
  readonly auditAnnotations?: readonly { readonly key?: string; readonly valueExpression?: string }[];
  readonly mutations?: readonly {
    readonly patchType?: string;
    readonly applyConfiguration?: { readonly expression?: string };
    readonly jsonPatch?: { readonly expression?: string };
  }[];
}

class Compiler {
  readonly errors: FieldError[] = [];
  readonly #make: MakeStructure | undefined;
  environment: Environment;

  constructor(environment: Environment, make?: MakeStructure) {
    this.environment = environment;
    this.#make = make;
  }

  /** undefined where there is nothing to compile, or it does not compile. */
  program(source: string | undefined, path: string, wanted?: readonly CelType[]): Program | undefined {
    if (source === undefined || source.trim() === '') return undefined;
    const options: CompileOptions = {
      ...(this.#make ? { make: this.#make } : {}),
      ...(wanted ? { wanted } : {}),
    };
    const { program, error } = compile(this.environment, source, options);
    if (error !== undefined) this.errors.push(invalid(path, source, error));
    return program;
  }

  named(list: readonly Expression[] | undefined, path: string, wanted?: readonly CelType[]): readonly Named[] {
    return (list ?? []).flatMap(({ name = '', expression }, index) => {
      const program = this.program(expression, `${path}[${index}].expression`, wanted);
      return program ? [{ name, program }] : [];
    });
  }
}

/** The match conditions of a webhook. */
export function compileConditions(
  list: readonly Expression[],
  path: string,
): Pick<CompiledPolicy, 'conditions' | 'errors'> {
  const compiler = new Compiler(policyEnvironment({ hasParams: false, hasAuthorizer: true }));
  return { conditions: compiler.named(list, path, [types.bool]), errors: compiler.errors };
}

const compiledPolicies = new WeakMap<object, CompiledPolicy>();

/** A validating or mutating policy, compiled once. */
export function compilePolicy(spec: PolicySpec): CompiledPolicy {
  let policy = compiledPolicies.get(spec);
  if (!policy) {
    policy = compiled(spec);
    compiledPolicies.set(spec, policy);
  }
  return policy;
}

function compiled(spec: PolicySpec): CompiledPolicy {
  const mutates = spec.mutations !== undefined;
  const base = policyEnvironment({ hasParams: spec.paramKind !== undefined, hasAuthorizer: true });
  const compiler = mutates ? new Compiler(withMutation(base), makeStructure) : new Compiler(base);
  const conditions = compiler.named(spec.matchConditions, 'spec.matchConditions', [types.bool]);
  const variables = compileVariables(compiler, spec.variables ?? []);
  const validations = compileValidations(compiler, spec.validations ?? []);
  const annotations = (spec.auditAnnotations ?? []).flatMap(({ key = '', valueExpression }, index) => {
    const path = `spec.auditAnnotations[${index}].valueExpression`;
    const program = compiler.program(valueExpression, path, [types.string, types.nullType]);
    return program ? [{ name: key, program }] : [];
  });
  const mutations = compileMutations(compiler, spec.mutations ?? []);
  return { conditions, variables, validations, annotations, mutations, errors: compiler.errors };
}

/** Each variable sees those before it. */
function compileVariables(compiler: Compiler, list: readonly Expression[]): readonly Named[] {
  const base = compiler.environment;
  const known = new Map<string, CelType>();
  const out: Named[] = [];
  if (list.length > 0) compiler.environment = withVariables(base, known);
  for (const [index, { name = '', expression }] of list.entries()) {
    const program = compiler.program(expression, `spec.variables[${index}].expression`);
    if (name.trim() === '' || !expression?.trim()) continue;
    // One mistake is told once: whoever uses the variable may use it as anything.
    known.set(name, program?.type ?? types.dyn);
    if (program) out.push({ name, program });
  }
  return out;
}

function compileValidations(compiler: Compiler, list: PolicySpec['validations'] = []): readonly Validation[] {
  return list.flatMap(({ expression = '', message, messageExpression, reason }, index) => {
    const path = `spec.validations[${index}]`;
    const program = compiler.program(expression, `${path}.expression`, [types.bool]);
    const said = compiler.program(messageExpression, `${path}.messageExpression`, [types.string]);
    if (!program) return [];
    return [
      {
        program,
        source: expression.trim(),
        ...(message ? { message: message.trim() } : {}),
        ...(said ? { messageProgram: said } : {}),
        ...(reason ? { reason } : {}),
      },
    ];
  });
}

function compileMutations(compiler: Compiler, list: PolicySpec['mutations'] = []): readonly Mutation[] {
  return list.flatMap(({ patchType: type, applyConfiguration, jsonPatch }, index): readonly Mutation[] => {
    const path = `spec.mutations[${index}]`;
    if (type === 'ApplyConfiguration') {
      const at = `${path}.applyConfiguration.expression`;
      const program = compiler.program(applyConfiguration?.expression, at, [objectType]);
      return program ? [{ type, program }] : [];
    }
    if (type !== 'JSONPatch') return [];
    const program = compiler.program(jsonPatch?.expression, `${path}.jsonPatch.expression`, [types.listOf(patchType)]);
    return program ? [{ type, program }] : [];
  });
}
