import type { Checked } from './checker.ts';
import { either, exactly, one, product, type Range, type Sized, sum, unknownSize, zero } from './cost-range.ts';
import type { Overload } from './environment.ts';
import type { Call, Expression, Fold } from './syntax.ts';
import { sizeOf } from './value.ts';

/** How large the data behind a name may be: made from a schema. */
export interface Shape {
  readonly size: Range;
  readonly element?: Shape;
  readonly key?: Shape;
  field?(name: string): Shape | undefined;
}
export interface Estimate {
  readonly cost: Range;
  readonly shape: Shape;
}

const unknownShape: Shape = { size: unknownSize };
const scalarShape: Shape = { size: one };
const listCost = exactly(10);
const mapCost = exactly(30);
const structCost = exactly(40);

/** What a program may cost at least and at most, before it ever runs: as upstream judges rules when they are written. */
export function estimateCost(
  expression: Expression,
  checked: Checked,
  variables: (name: string) => Shape | undefined,
): Estimate {
  return new Estimator(checked, variables).of(expression);
}

class Estimator {
  readonly #checked: Checked;
  readonly #variables: (name: string) => Shape | undefined;
  readonly #scopes: ReadonlyMap<string, Shape>[] = [];

  constructor(checked: Checked, variables: (name: string) => Shape | undefined) {
    this.#checked = checked;
    this.#variables = variables;
  }

  of(expression: Expression): Estimate {
    switch (expression.kind) {
      case 'constant':
        return { cost: zero, shape: { size: exactly(sizeOf(expression.value)) } };
      case 'name':
        return { cost: one, shape: this.#named(expression) };
      case 'select':
        return this.#select(expression);
      case 'call':
        return this.#call(expression);
      case 'list': {
        const items = expression.items.map((item) => this.of(item));
        const element = items.map(({ shape }) => shape).reduce(joined, undefined);
        const size = { min: expression.items.length - expression.optional.filter(Boolean).length, max: items.length };
        const shape = element ? { size, element } : { size };
        return { cost: sum(listCost, ...items.map(({ cost }) => cost)), shape };
      }
      case 'map': {
        const keys = expression.entries.map(({ key }) => this.of(key));
        const values = expression.entries.map(({ value }) => this.of(value));
        const cost = sum(mapCost, ...keys.map((key) => key.cost), ...values.map((value) => value.cost));
        return { cost, shape: { size: exactly(keys.length) } };
      }
      case 'struct': {
        const fields = expression.fields.map(({ value }) => this.of(value).cost);
        return { cost: sum(structCost, ...fields), shape: scalarShape };
      }
      case 'fold':
        return this.#fold(expression);
    }
  }

  #named(expression: Expression & { readonly kind: 'name' }): Shape {
    for (let index = this.#scopes.length - 1; index >= 0; index--) {
      const local = this.#scopes[index]?.get(expression.name);
      if (local) return local;
    }
    return this.#variables(expression.name) ?? this.#byType(expression);
  }

  /** Without a schema: one for what has a fixed size, anything for the rest. */
  #byType(expression: Expression): Shape {
    const { kind } = this.#checked.typeOf(expression);
    const isOpen = ['string', 'bytes', 'list', 'map', 'dyn', 'parameter', 'object', 'optional'].includes(kind);
    return isOpen ? unknownShape : scalarShape;
  }

  #select(expression: Extract<Expression, { readonly kind: 'select' }>): Estimate {
    const { operand, field, isTest } = expression;
    const before = this.of(operand);
    // Asking whether a field is there is free.
    if (isTest) return { cost: before.cost, shape: scalarShape };
    const shape = before.shape.field?.(field) ?? before.shape.element ?? this.#byType(expression);
    return { cost: sum(before.cost, one), shape };
  }

  #call(call: Call): Estimate {
    const { name, args } = call;
    const given = this.#given(call).map((arg) => this.of(arg));
    const before = sum(...given.map(({ cost }) => cost));
    switch (name) {
      case '_&&_':
      case '_||_':
        return { cost: { min: given[0]?.cost.min ?? 0, max: before.max }, shape: scalarShape };
      case '_?_:_': {
        const [test, yes, no] = given as [Estimate, Estimate, Estimate];
        return { cost: sum(test.cost, either(yes.cost, no.cost)), shape: joined(yes.shape, no.shape) };
      }
      case '_[_]':
      case '_[?_]':
        return { cost: sum(before, one), shape: given[0]?.shape.element ?? this.#byType(call) };
      case '_?._': {
        const field = (args[1] as { readonly value: string }).value;
        return { cost: sum(before, one), shape: given[0]?.shape.field?.(field) ?? this.#byType(call) };
      }
      case 'value':
      case 'orValue':
      case 'or':
        return {
          cost: sum(before, one),
          shape: given.map(({ shape }) => shape).reduce(joined, undefined) ?? unknownShape,
        };
    }
    return this.#function(call, given, before);
  }

  #given(call: Call): readonly Expression[] {
    return call.target && !this.#checked.isNamespaced(call) ? [call.target, ...call.args] : call.args;
  }

  #function(call: Call, given: readonly Estimate[], before: Range): Estimate {
    const overloads: readonly Overload[] = this.#checked.overloadsOf(call) ?? [];
    const parts = this.#given(call);
    const sized = given.map(({ shape }, index) => this.#sized(shape, parts[index] as Expression));
    let cost: Range | undefined;
    let shape: Shape | undefined;
    for (const overload of overloads) {
      const estimated = overload.estimate?.(sized) ?? { cost: one };
      cost = cost ? either(cost, estimated.cost) : estimated.cost;
      if (estimated.size) {
        const element = estimated.elementSize ? { size: estimated.elementSize } : given[0]?.shape.element;
        shape = joined(shape, element ? { size: estimated.size, element } : { size: estimated.size });
      }
    }
    return { cost: sum(before, cost ?? one), shape: shape ?? this.#byType(call) };
  }

  #sized({ size, element }: Shape, expression: Expression): Sized {
    const type = this.#checked.typeOf(expression);
    const isWritten = expression.kind === 'constant' && typeof expression.value === 'bigint';
    return {
      size,
      ...(isWritten ? { written: Math.max(0, Number(expression.value)) } : {}),
      ...(element ? { elementSize: element.size } : {}),
      ...(type.kind === 'list' ? { elementKind: type.element.kind } : {}),
    };
  }

  #fold(fold: Fold): Estimate {
    const range = this.of(fold.range);
    const init = this.of(fold.init);
    const accumulates = fold.init.kind === 'list' || fold.init.kind === 'map';
    const accumulator: Shape = accumulates ? { size: { min: 0, max: range.shape.size.max } } : init.shape;
    this.#scopes.push(new Map([[fold.accumulator, accumulator]]));
    this.#scopes.push(this.#elements(fold, range.shape));
    const condition = this.of(fold.condition);
    const step = this.of(fold.step);
    this.#scopes.pop();
    const grown = accumulates && step.shape.element ? { ...accumulator, element: step.shape.element } : accumulator;
    this.#scopes.pop();
    this.#scopes.push(new Map([[fold.accumulator, grown]]));
    const result = this.of(fold.result);
    this.#scopes.pop();
    const isRun = fold.condition.kind !== 'constant' || fold.condition.value !== false;
    const body = isRun ? product(range.shape.size, sum(condition.cost, step.cost)) : zero;
    return { cost: sum(range.cost, init.cost, body, result.cost), shape: result.shape };
  }

  #elements(fold: Fold, range: Shape): ReadonlyMap<string, Shape> {
    const element = range.element ?? unknownShape;
    const isMap = this.#checked.typeOf(fold.range).kind === 'map';
    const first = isMap ? (range.key ?? unknownShape) : fold.second === undefined ? element : scalarShape;
    const all = new Map([[fold.variable, first]]);
    if (fold.second !== undefined) all.set(fold.second, element);
    return all;
  }
}

function joined(a: Shape | undefined, b: Shape): Shape {
  if (!a) return b;
  const element = a.element && b.element ? joined(a.element, b.element) : (a.element ?? b.element);
  return { size: either(a.size, b.size), ...(element ? { element } : {}) };
}
