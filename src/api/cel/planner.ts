import { CelError, noOverload } from './cel-error.ts';
import type { Checked } from './checker.ts';
import { planDispatch } from './dispatch.ts';
import type { Environment, MakeStructure, Overload } from './environment.ts';
import type { Step } from './frame.ts';
import { joined, Loop, type LoopParts } from './loop.ts';
import { typeNameOf } from './parser.ts';
import { indexed, optionalIndexed, optionalSelected, present, selected } from './selection.ts';
import type { Call, Expression, Fold, ListLiteral, MapLiteral, Select } from './syntax.ts';
import { namedType } from './type-names.ts';
import { CelMap, isError, kindOf, Optional, type Result, TypeValue, type Value, ValueMap } from './value.ts';

const listCost = 10;
const mapCost = 30;
const structCost = 40;
const nameCost = 1;

/** Turns an expression into closures, once; each evaluation then only calls them. */
export class Planner {
  readonly #environment: Environment;
  readonly #checked: Checked | undefined;
  readonly #make: MakeStructure | undefined;
  readonly #scopes: { readonly name: string; readonly slot: number }[] = [];
  /** Parts that somebody else works out, and where they find what came of it. */
  readonly #lifted = new Map<Expression, number>();
  #slots = 0;

  constructor(environment: Environment, checked?: Checked, make?: MakeStructure) {
    this.#environment = environment;
    this.#checked = checked;
    this.#make = make;
  }

  plan(expression: Expression): Step {
    const lifted = this.#lifted.get(expression);
    return lifted === undefined ? this.#planned(expression) : (frame) => frame.slots[lifted] as Result;
  }

  /** The same of an expression with parts that are worked out before; where to put what comes of each. */
  planAround(expression: Expression, parts: readonly Expression[]): { readonly step: Step; readonly slots: number[] } {
    const slots = parts.map(() => this.#slots++);
    for (const [index, part] of parts.entries()) this.#lifted.set(part, slots[index] as number);
    const step = this.#planned(expression);
    for (const part of parts) this.#lifted.delete(part);
    return { step, slots };
  }

  #planned(expression: Expression): Step {
    switch (expression.kind) {
      case 'constant': {
        const { value } = expression;
        return () => value;
      }
      case 'name':
        return this.#name(expression.name, this.#checked?.nameOf(expression));
      case 'select':
        return this.#select(expression);
      case 'call':
        return this.#call(expression);
      case 'list':
        return this.#list(expression);
      case 'map':
        return this.#map(expression);
      case 'struct':
        return this.#struct(expression);
      case 'fold':
        return this.#fold(expression);
    }
  }

  #slotOf(name: string): number | undefined {
    for (let index = this.#scopes.length - 1; index >= 0; index--) {
      const scope = this.#scopes[index] as { readonly name: string; readonly slot: number };
      if (scope.name === name) return scope.slot;
    }
    return undefined;
  }

  #name(written: string, resolved = written.replace(/^\./, '')): Step {
    const slot = this.#slotOf(written);
    if (slot !== undefined) {
      return (frame) => {
        frame.charge(nameCost);
        return frame.slots[slot] as Result;
      };
    }
    const isVariable = this.#environment.variable(resolved) !== undefined;
    const type = isVariable ? undefined : (namedType(resolved) ?? this.#environment.type(resolved));
    if (type) {
      const value = new TypeValue(resolved);
      return () => value;
    }
    const missing = new CelError(`no such attribute(s): ${resolved}`);
    return (frame) => {
      frame.charge(nameCost);
      const value = frame.inputs(resolved);
      return value === undefined ? missing : value;
    };
  }

  #select(expression: Select): Step {
    const { operand, field, isTest } = expression;
    const whole = this.#checked?.nameOf(expression);
    if (whole !== undefined) return this.#name(whole, whole);
    const before = this.plan(operand);
    if (isTest) {
      return (frame) => {
        const value = before(frame);
        return isError(value) ? value : present(value, field);
      };
    }
    const step: Step = (frame) => {
      const value = before(frame);
      if (isError(value)) return value;
      frame.charge(nameCost);
      return selected(value, field);
    };
    return this.#checked ? step : this.#dotted(expression, step);
  }

  /** Unchecked, a dotted name may be a variable or a type; the longest one wins. */
  #dotted(expression: Select, step: Step): Step {
    const name = typeNameOf(expression)?.replace(/^\./, '');
    if (name === undefined || this.#slotOf(name.slice(0, name.indexOf('.'))) !== undefined) return step;
    const type = namedType(name) ?? this.#environment.type(name);
    if (type) return this.#name(name, name);
    return (frame) => {
      const value = frame.inputs(name);
      return value === undefined ? step(frame) : value;
    };
  }

  #call(call: Call): Step {
    const { name, args } = call;
    switch (name) {
      case '_&&_':
        return this.#logical(args, false);
      case '_||_':
        return this.#logical(args, true);
      case '_?_:_':
        return this.#conditional(args);
      case '@not_strictly_false':
        return this.#notStrictlyFalse(args[0] as Expression);
      case '_[_]':
        return this.#access(args, indexed);
      case '_[?_]':
        return this.#access(args, optionalIndexed);
      case '_?._':
        return this.#access(args, optionalSelected);
    }
    const built = this.#accumulated(call);
    if (built) return built;
    if (name === 'orValue' || name === 'or') return this.#orElse(call);
    return this.#function(call);
  }

  #function(call: Call): Step {
    const { name, target, args } = call;
    const dotted = target && typeNameOf(target) !== undefined ? `${typeNameOf(target)}.${name}` : undefined;
    const isNamespaced = this.#checked
      ? this.#checked.isNamespaced(call)
      : dotted !== undefined && this.#environment.overloads(dotted) !== undefined;
    const planned = (target && !isNamespaced ? [target, ...args] : args).map((arg) => this.plan(arg));
    const overloads = this.#checked?.overloadsOf(call) ?? this.#candidates(call, isNamespaced ? dotted : undefined);
    return planDispatch(overloads, planned);
  }

  #candidates({ name, target }: Call, dotted: string | undefined): readonly Overload[] {
    if (dotted !== undefined) return this.#environment.overloads(dotted) ?? [];
    const all = this.#environment.overloads(name.replace(/^\./, '')) ?? [];
    return all.filter(({ isMember }) => isMember === (target !== undefined));
  }

  #logical([first, second]: readonly Expression[], decisive: boolean): Step {
    const left = this.plan(first as Expression);
    const right = this.plan(second as Expression);
    return (frame) => {
      const one = left(frame);
      return one === decisive ? decisive : joined(one, right(frame), decisive);
    };
  }

  #conditional([test, first, second]: readonly Expression[]): Step {
    const condition = this.plan(test as Expression);
    const yes = this.plan(first as Expression);
    const no = this.plan(second as Expression);
    return (frame) => {
      const value = condition(frame);
      if (value === true) return yes(frame);
      if (value === false) return no(frame);
      return isError(value) ? value : noOverload;
    };
  }

  #notStrictlyFalse(expression: Expression): Step {
    const inside = this.plan(expression);
    return (frame) => {
      const value = inside(frame);
      frame.charge(1);
      return value !== false;
    };
  }

  #access([first, second]: readonly Expression[], access: (value: Value, key: Value) => Result): Step {
    const operand = this.plan(first as Expression);
    const key = this.plan(second as Expression);
    return (frame) => {
      const value = operand(frame);
      if (isError(value)) return value;
      const wanted = key(frame);
      if (isError(wanted)) return wanted;
      frame.charge(nameCost);
      return access(value, wanted);
    };
  }

  /** The other value of an optional is looked at only where there is none. */
  #orElse(call: Call): Step {
    const target = call.target && this.plan(call.target);
    const other = this.plan(call.args[0] as Expression);
    const isValue = call.name === 'orValue';
    if (!target) return () => noOverload;
    return (frame) => {
      const value = target(frame);
      if (isError(value)) return value;
      if (!(value instanceof Optional)) return noOverload;
      frame.charge(1);
      if (value.value !== undefined) return isValue ? value.value : value;
      return other(frame);
    };
  }

  /** What macros add to their accumulator is added in place: nobody else sees it. */
  #accumulated({ name, args }: Call): Step | undefined {
    const [first, second] = args;
    if (name === 'cel.@mapInsert') return this.#inserted(args);
    if (name !== '_+_' || first?.kind !== 'name' || second?.kind !== 'list') return undefined;
    if (first.name !== '@result') return undefined;
    const slot = this.#slotOf(first.name) as number;
    const item = this.plan(second.items[0] as Expression);
    return (frame) => {
      const value = item(frame);
      const list = frame.slots[slot] as Result;
      if (isError(list)) return list;
      if (isError(value)) return value;
      frame.charge(nameCost + listCost + 1);
      (list as Value[]).push(value);
      return list;
    };
  }

  #inserted([accumulator, first, second]: readonly Expression[]): Step {
    const slot = this.#slotOf((accumulator as { readonly name: string }).name) as number;
    const key = this.plan(first as Expression);
    const value = second && this.plan(second);
    return (frame) => {
      const map = frame.slots[slot] as Result;
      if (isError(map)) return map;
      const one = key(frame);
      if (isError(one)) return one;
      const other = value?.(frame);
      if (other !== undefined && isError(other)) return other;
      frame.charge(nameCost + 1);
      return inserted(map as ValueMap, one, other);
    };
  }

  #list({ items, optional }: ListLiteral): Step {
    const planned = items.map((item) => this.plan(item));
    const constants = items.every(({ kind }) => kind === 'constant') && !optional.includes(true);
    if (constants && items.length > 0) {
      const value = items.map((item) => (item as { readonly value: Value }).value);
      return () => value;
    }
    return (frame) => {
      const list: Value[] = [];
      for (let index = 0; index < planned.length; index++) {
        const value = (planned[index] as Step)(frame);
        if (isError(value)) return value;
        if (!optional[index]) list.push(value);
        else if (!(value instanceof Optional)) return noOverload;
        else if (value.value !== undefined) list.push(value.value);
      }
      if (planned.length > 0) frame.charge(listCost);
      return list;
    };
  }

  #map({ entries }: MapLiteral): Step {
    const planned = entries.map(({ key, value, optional }) => ({
      key: this.plan(key),
      value: this.plan(value),
      optional,
    }));
    return (frame) => {
      const map = new ValueMap();
      for (const { key, value, optional } of planned) {
        const one = key(frame);
        if (isError(one)) return one;
        const other = value(frame);
        if (isError(other)) return other;
        const added = optional ? optionalEntry(map, one, other) : entry(map, one, other);
        if (added) return added;
      }
      if (planned.length > 0) frame.charge(mapCost);
      return map;
    };
  }

  #struct({ name, fields }: Extract<Expression, { readonly kind: 'struct' }>): Step {
    const type = this.#environment.type(name);
    const make = this.#make;
    const planned = fields.map((field) => ({ ...field, step: this.plan(field.value) }));
    if (type?.kind !== 'object' || !make) return () => new CelError(`unknown type: ${name}`);
    return (frame) => {
      const values = new Map<string, Value>();
      for (const { name: fieldName, optional, step } of planned) {
        const value = step(frame);
        if (isError(value)) return value;
        if (!optional) values.set(fieldName, value);
        else if (!(value instanceof Optional)) return noOverload;
        else if (value.value !== undefined) values.set(fieldName, value.value);
      }
      frame.charge(structCost);
      return make(type, values);
    };
  }

  #fold(fold: Fold): Step {
    const { range, init, condition, step, result, ...slots } = this.loopOf(fold, (part) => this.plan(part));
    return (frame) => {
      const over = range(frame);
      if (isError(over)) return over;
      const loop = Loop.over(over, frame, slots);
      if (!loop) return noOverload;
      loop.accumulate(init(frame));
      while (loop.next() && condition(frame) === true) loop.accumulate(step(frame));
      return result(frame);
    };
  }

  /** The parts of a loop, each planned where it sees the variables that are its own to see. */
  loopOf<P>(fold: Fold, plan: (part: Expression) => P): LoopParts<P> {
    const range = plan(fold.range);
    const init = plan(fold.init);
    const accumulator = this.#enter(fold.accumulator);
    const variable = this.#enter(fold.variable);
    const second = fold.second === undefined ? -1 : this.#enter(fold.second);
    const condition = plan(fold.condition);
    const step = plan(fold.step);
    this.#scopes.length -= second < 0 ? 1 : 2;
    const result = plan(fold.result);
    this.#scopes.length -= 1;
    return { range, init, condition, step, result, accumulator, variable, second };
  }

  #enter(name: string): number {
    const slot = this.#slots++;
    this.#scopes.push({ name, slot });
    return slot;
  }
}

function entry(map: ValueMap, key: Value, value: Value): CelError | undefined {
  if (!['string', 'int', 'uint', 'bool'].includes(kindOf(key))) return new CelError('unsupported key type');
  return map.add(key, value) ? undefined : new CelError(`Failed with repeated key: ${String(key)}`);
}

function optionalEntry(map: ValueMap, key: Value, value: Value): CelError | undefined {
  if (!(value instanceof Optional)) return noOverload;
  return value.value === undefined ? undefined : entry(map, key, value.value);
}

function inserted(map: ValueMap, key: Value, value: Value | undefined): Result {
  const entries: readonly (readonly [Value, Value])[] =
    value === undefined && key instanceof CelMap
      ? key.keys().map((name) => [name, key.get(name) as Value] as const)
      : [[key, value as Value]];
  for (const [name, member] of entries) {
    if (!map.add(name, member)) return new CelError(`insert failed: key ${String(name)} already exists`);
  }
  return map;
}
