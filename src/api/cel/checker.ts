import type { Environment, Overload } from './environment.ts';
import { typeNameOf } from './parser.ts';
import type { Call, Expression, Fold, Issue, Select } from './syntax.ts';
import * as types from './type.ts';
import { Bindings, type CelType, isMoreGeneral, typeText } from './type.ts';
import { namedType } from './type-names.ts';

/** What the checker found out about an expression. */
export interface Checked {
  readonly type: CelType;
  readonly issues: readonly Issue[];
  typeOf(expression: Expression): CelType;
  /** What a name or a chain of them stands for, where it is no select: a variable's or type's whole name. */
  nameOf(expression: Expression): string | undefined;
  overloadsOf(call: Expression): readonly Overload[] | undefined;
  /** Calls of functions with a dotted name (`sets.contains(a, b)`), whose target is no value. */
  isNamespaced(call: Call): boolean;
}

export function check(environment: Environment, expression: Expression): Checked {
  return new Checker(environment).run(expression);
}

class Checker {
  readonly #environment: Environment;
  readonly #bindings = new Bindings();
  readonly #issues: Issue[] = [];
  /** How many calls of `format` are around. */
  #formats = 0;
  readonly #types = new Map<Expression, CelType>();
  readonly #names = new Map<Expression, string>();
  readonly #overloads = new Map<Expression, readonly Overload[]>();
  readonly #namespaced = new Set<Expression>();
  readonly #scopes: Map<string, CelType>[] = [];
  #fresh = 0;

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  run(expression: Expression): Checked {
    const type = this.#check(expression);
    const bindings = this.#bindings;
    const final = new Map<Expression, CelType>();
    for (const [part, partType] of this.#types) final.set(part, bindings.filled(partType, true));
    return {
      type: bindings.filled(type, true),
      issues: this.#issues,
      typeOf: (part) => final.get(part) ?? types.dyn,
      nameOf: (part) => this.#names.get(part),
      overloadsOf: (call) => this.#overloads.get(call),
      isNamespaced: (call) => this.#namespaced.has(call),
    };
  }

  #check(expression: Expression): CelType {
    const type = this.#typeFor(expression);
    this.#types.set(expression, type);
    return type;
  }

  #typeFor(expression: Expression): CelType {
    switch (expression.kind) {
      case 'constant':
        return types.typeOfConstant(expression.value);
      case 'name':
        return this.#name(expression, expression.name);
      case 'select':
        return this.#select(expression);
      case 'call':
        return expression.name === 'format' ? this.#formatted(expression) : this.#call(expression);
      case 'list':
        return types.listOf(
          this.#joined(expression.items.map((item, index) => this.#item(item, expression.optional[index] ?? false))),
        );
      case 'map':
        return this.#map(expression);
      case 'struct':
        return this.#struct(expression);
      case 'fold':
        return this.#fold(expression);
    }
  }

  #report(at: number, message: string): CelType {
    this.#issues.push({ at, message });
    return types.errorType;
  }

  #found(name: string): CelType | undefined {
    if (name.startsWith('.')) return this.#global(name.slice(1));
    for (let index = this.#scopes.length - 1; index >= 0; index--) {
      const local = this.#scopes[index]?.get(name);
      if (local) return local;
    }
    return this.#global(name);
  }
  #global(name: string): CelType | undefined {
    const known = this.#environment.variable(name);
    if (known) return known;
    const type = namedType(name) ?? this.#environment.type(name);
    return type && types.typeOf(type);
  }

  #name(expression: Expression & { readonly at: number }, name: string): CelType {
    const type = this.#found(name);
    if (!type) return this.#report(expression.at, `undeclared reference to '${name}' (in container '')`);
    this.#names.set(expression, name.replace(/^\./, ''));
    return type;
  }

  #select(expression: Select): CelType {
    const { operand, field, isTest, at } = expression;
    const whole = isTest ? undefined : typeNameOf(expression);
    const known = whole?.includes('.') ? this.#found(whole) : undefined;
    if (known && whole && !this.#startsLocal(whole)) {
      this.#names.set(expression, whole);
      return known;
    }
    const type = this.#field(this.#check(operand), field, at);
    return isTest ? types.bool : type;
  }

  /** A variable of a loop hides dotted names that begin alike. */
  #startsLocal(name: string): boolean {
    const first = name.slice(0, name.indexOf('.'));
    return this.#scopes.some((scope) => scope.has(first));
  }

  #field(operandType: CelType, field: string, at: number): CelType {
    const type = this.#bindings.filled(operandType);
    switch (type.kind) {
      case 'error':
      case 'dyn':
        return types.dyn;
      case 'parameter':
        this.#bindings.assign(types.dyn, type);
        return types.dyn;
      case 'optional':
        return types.optionalOf(this.#field(type.of, field, at));
      case 'map':
        return type.value;
      case 'object':
        return type.field(field) ?? this.#report(at, `undefined field '${field}'`);
      default:
        return this.#report(at, `type '${typeText(type)}' does not support field selection`);
    }
  }

  #item(item: Expression, isOptional: boolean): readonly [CelType, number] {
    const type = this.#check(item);
    return [isOptional ? this.#unwrapped(type, item.at) : type, item.at];
  }

  /** What is inside of an optional element. */
  #unwrapped(type: CelType, at: number): CelType {
    const known = this.#bindings.filled(type);
    if (known.kind === 'optional') return known.of;
    if (known.kind === 'dyn' || known.kind === 'error') return types.dyn;
    return this.#report(at, `expected type 'optional_type' but found '${typeText(known)}'`);
  }

  /** One type for all elements of a literal: upstream takes a mixture only for what is written into a text. */
  #joined(elements: readonly (readonly [CelType, number])[]): CelType {
    let joined: CelType | undefined;
    for (const [type, at] of elements) {
      if (!joined) joined = type;
      else if (this.#bindings.assign(type, joined)) {
        if (!isMoreGeneral(this.#bindings.filled(joined), this.#bindings.filled(type))) joined = type;
      } else if (this.#formats > 0) return types.dyn;
      else {
        const expected = typeText(this.#bindings.filled(joined));
        this.#report(at, `expected type '${expected}' but found '${typeText(this.#bindings.filled(type))}'`);
      }
    }
    return joined ?? this.#parameter('E');
  }

  #formatted(call: Call): CelType {
    this.#formats++;
    const type = this.#call(call);
    this.#formats--;
    return type;
  }

  #parameter(name: string): CelType {
    return types.parameter(`${name}#${this.#fresh++}`);
  }

  #map({ entries }: Extract<Expression, { readonly kind: 'map' }>): CelType {
    const keys = entries.map(({ key }) => this.#item(key, false));
    const values = entries.map(({ value, optional }) => this.#item(value, optional));
    return types.mapOf(this.#joined(keys), this.#joined(values));
  }

  #struct({ name, fields, at }: Extract<Expression, { readonly kind: 'struct' }>): CelType {
    const type = this.#environment.type(name);
    if (type?.kind !== 'object') return this.#report(at, `undeclared reference to '${name}' (in container '')`);
    for (const { name: fieldName, value, optional, at: place } of fields) {
      const [given] = this.#item(value, optional);
      const declared = type.field(fieldName);
      if (!declared) this.#report(place, `undefined field '${fieldName}'`);
      else if (!this.#bindings.assign(given, declared)) {
        const found = typeText(this.#bindings.filled(given));
        this.#report(
          place,
          `expected type of field '${fieldName}' is '${typeText(declared)}' but provided type is '${found}'`,
        );
      }
    }
    return type;
  }

  #fold(fold: Fold): CelType {
    const range = this.#bindings.filled(this.#check(fold.range));
    const accumulator = this.#check(fold.init);
    this.#scopes.push(new Map([[fold.accumulator, accumulator]]));
    this.#scopes.push(this.#variables(fold, range));
    this.#expect(fold.condition, types.bool);
    this.#expect(fold.step, accumulator);
    this.#scopes.pop();
    const result = this.#check(fold.result);
    this.#scopes.pop();
    return result;
  }

  #variables(fold: Fold, range: CelType): Map<string, CelType> {
    const one = (type: CelType) => new Map([[fold.variable, type]]);
    const two = (first: CelType, second: CelType) =>
      fold.second === undefined
        ? undefined
        : new Map([
            [fold.variable, first],
            [fold.second, second],
          ]);
    switch (range.kind) {
      case 'list':
        return two(types.int, range.element) ?? one(range.element);
      case 'map':
        return two(range.key, range.value) ?? one(range.key);
      case 'dyn':
      case 'error':
      case 'parameter':
        return two(types.dyn, types.dyn) ?? one(types.dyn);
      default:
        this.#report(
          fold.range.at,
          `expression of type '${typeText(range)}' cannot be range of a comprehension (must be list, map, or dynamic)`,
        );
        return two(types.errorType, types.errorType) ?? one(types.errorType);
    }
  }

  #expect(expression: Expression, wanted: CelType): void {
    const type = this.#check(expression);
    if (this.#bindings.assign(type, wanted)) return;
    const expected = typeText(this.#bindings.filled(wanted));
    this.#report(expression.at, `expected type '${expected}' but found '${typeText(this.#bindings.filled(type))}'`);
  }

  #call(call: Call): CelType {
    const { name, target, args, at } = call;
    if (name === '_?._') return this.#optionalSelect(call);
    if (target) {
      const prefix = typeNameOf(target);
      const dotted = prefix === undefined ? undefined : `${prefix}.${name}`;
      const overloads = dotted === undefined ? undefined : this.#environment.overloads(dotted);
      if (dotted && overloads && !this.#startsLocal(dotted)) {
        this.#namespaced.add(call);
        return this.#resolved(
          call,
          overloads,
          args.map((arg) => this.#check(arg)),
        );
      }
    }
    const given = [...(target ? [target] : []), ...args].map((arg) => this.#check(arg));
    const overloads = this.#environment.overloads(name);
    if (!overloads) return this.#report(at, `undeclared reference to '${name}' (in container '')`);
    return this.#resolved(
      call,
      overloads.filter((overload) => overload.isMember === (target !== undefined)),
      given,
    );
  }

  #optionalSelect(call: Call): CelType {
    const [operand, field] = call.args as [Expression, Expression & { readonly value: string }];
    this.#check(field);
    const type = this.#bindings.filled(this.#check(operand));
    const inner = this.#field(type.kind === 'optional' ? type.of : type, field.value, call.at);
    return types.optionalOf(inner);
  }

  #resolved(call: Call, overloads: readonly Overload[], given: readonly CelType[]): CelType {
    const fitting: Overload[] = [];
    let result: CelType | undefined;
    for (const overload of overloads) {
      if (overload.args.length !== given.length) continue;
      const fresh = this.#renamed();
      const bindings = this.#bindings;
      const fits = () => overload.args.every((arg, index) => bindings.assign(given[index] as CelType, fresh(arg)));
      if (!bindings.attempt(fits)) continue;
      fitting.push(overload);
      const type = this.#bindings.filled(fresh(overload.result));
      if (result === undefined) result = type;
      else if (!sameType(result, type)) result = types.dyn;
    }
    if (result === undefined) return this.#noOverload(call, given);
    this.#overloads.set(call, fitting);
    return result;
  }

  #noOverload({ name, target, at }: Call, given: readonly CelType[]): CelType {
    if (given.some(({ kind }) => kind === 'error')) return types.errorType;
    const words = given.map((type) => typeText(this.#bindings.filled(type, true)));
    const shape = target ? `${words[0]}.(${words.slice(1).join(', ')})` : `(${words.join(', ')})`;
    return this.#report(at, `found no matching overload for '${name}' applied to '${shape}'`);
  }

  /** Each call has type parameters of its own. */
  #renamed(): (type: CelType) => CelType {
    const names = new Map<string, CelType>();
    const rename = (type: CelType): CelType => {
      switch (type.kind) {
        case 'parameter': {
          const known = names.get(type.name) ?? this.#parameter(type.name);
          names.set(type.name, known);
          return known;
        }
        case 'list':
          return types.listOf(rename(type.element));
        case 'map':
          return types.mapOf(rename(type.key), rename(type.value));
        case 'optional':
          return types.optionalOf(rename(type.of));
        case 'type':
          return types.typeOf(rename(type.of));
        default:
          return type;
      }
    };
    return rename;
  }
}

const sameType = (a: CelType, b: CelType): boolean => typeText(a) === typeText(b);
