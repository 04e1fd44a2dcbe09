import type { CelError } from './cel-error.ts';
import type { Sized } from './cost-range.ts';
import type { CelType, ObjectTypeOf } from './type.ts';
import type { Result, Value } from './value.ts';

/** One signature of a function. A method's target is its first argument. */
export interface Overload {
  readonly id: string;
  readonly isMember: boolean;
  readonly args: readonly CelType[];
  readonly result: CelType;
  readonly call: (...args: Value[]) => Result;
  /** What a call costs; 1 where nothing is said. */
  readonly cost?: (args: readonly Value[], result: Result) => number;
  /** The same of a call that could take long or make something large: it is paid before. */
  readonly price?: (args: readonly Value[]) => number;
  /** What a call may cost at least and at most, and how large its result may be, before anything is known but sizes. */
  readonly estimate?: (args: readonly Sized[]) => Estimated;
}
export interface Estimated {
  readonly cost: Sized['size'];
  readonly size?: Sized['size'];
  /** Of a list's or map's elements. */
  readonly elementSize?: Sized['size'];
}

type TypeFamily = (name: string) => CelType | undefined;
export type Functions = Readonly<Record<string, readonly Overload[]>>;

/** What an expression may use: functions, variables with their types, and names of types. */
export class Environment {
  readonly #functions: ReadonlyMap<string, readonly Overload[]>;
  readonly #variables: ReadonlyMap<string, CelType>;
  readonly #types: ReadonlyMap<string, CelType>;
  readonly #family: TypeFamily | undefined;

  constructor(
    functions: ReadonlyMap<string, readonly Overload[]> = new Map(),
    variables: ReadonlyMap<string, CelType> = new Map(),
    types: ReadonlyMap<string, CelType> = new Map(),
    family?: TypeFamily,
  ) {
    this.#functions = functions;
    this.#variables = variables;
    this.#types = types;
    this.#family = family;
  }

  withFunctions(...libraries: readonly Functions[]): Environment {
    const functions = new Map(this.#functions);
    for (const library of libraries) {
      for (const [name, overloads] of Object.entries(library)) {
        functions.set(name, [...(functions.get(name) ?? []), ...overloads]);
      }
    }
    return new Environment(functions, this.#variables, this.#types, this.#family);
  }

  withVariables(variables: Readonly<Record<string, CelType>>): Environment {
    const all = new Map([...this.#variables, ...Object.entries(variables)]);
    return new Environment(this.#functions, all, this.#types, this.#family);
  }

  /** Types that expressions may name: opaque ones, and objects that literals make. */
  withTypes(...types: readonly (CelType & { readonly name: string })[]): Environment {
    const all = new Map([...this.#types, ...types.map((type) => [type.name, type] as const)]);
    return new Environment(this.#functions, this.#variables, all, this.#family);
  }

  /** Types that are too many to list: found by their names. */
  withFamily(family: TypeFamily): Environment {
    return new Environment(this.#functions, this.#variables, this.#types, family);
  }

  overloads(name: string): readonly Overload[] | undefined {
    return this.#functions.get(name);
  }
  variable(name: string): CelType | undefined {
    return this.#variables.get(name);
  }
  type(name: string): CelType | undefined {
    return this.#types.get(name) ?? this.#family?.(name);
  }
}

/** How a program gets what an expression's names stand for; undefined: there is nothing of that name. */
export type Inputs = (name: string) => Result | undefined;

/** A maker of object literals (`Object{...}`), where an environment has them. */
export type MakeStructure = (type: ObjectTypeOf, fields: ReadonlyMap<string, Value>) => Value | CelError;
