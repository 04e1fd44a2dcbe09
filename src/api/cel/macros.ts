import { SyntaxIssue } from './lexer.ts';
import { accumulatorName, type Call, type Expression } from './syntax.ts';

type Macro = (call: Call) => Expression;

/** The macro that a call is, by its name, number of arguments and whether it has a target. */
export function macroOf(call: Call): Macro | undefined {
  const key = `${call.target ? '.' : ''}${call.name}/${call.args.length}`;
  return Object.hasOwn(macros, key) ? macros[key] : undefined;
}

const constant = (at: number, value: boolean | bigint): Expression => ({ kind: 'constant', at, value });
const named = (at: number, name: string): Expression => ({ kind: 'name', at, name });
const called = (at: number, name: string, ...args: Expression[]): Expression => ({ kind: 'call', at, name, args });
const listed = (at: number, ...items: Expression[]): Expression => ({
  kind: 'list',
  at,
  items,
  optional: items.map(() => false),
});
const emptyMap = (at: number): Expression => ({ kind: 'map', at, entries: [] });

interface Loop {
  readonly init: Expression;
  readonly condition: Expression;
  readonly step: Expression;
  readonly result?: Expression;
}

/** The loop over a call's target; `count` of its arguments are variables. */
function loop(call: Call, count: 1 | 2, { init, condition, step, result }: Loop): Expression {
  const { at, args, target } = call;
  const variables = args.slice(0, count).map(variableName);
  if (count === 2 && variables[0] === variables[1]) {
    throw new SyntaxIssue((args[1] as Expression).at, `duplicate variable name: ${variables[0]}`);
  }
  return {
    kind: 'fold',
    at,
    range: target as Expression,
    variable: variables[0] as string,
    ...(count === 2 ? { second: variables[1] as string } : {}),
    accumulator: accumulatorName,
    init,
    condition,
    step,
    result: result ?? named(at, accumulatorName),
  };
}

function variableName(argument: Expression): string {
  const isSimple = argument.kind === 'name' && !argument.name.startsWith('.');
  if (!isSimple) throw new SyntaxIssue(argument.at, 'argument must be a simple name');
  if (argument.name === accumulatorName)
    throw new SyntaxIssue(argument.at, 'iteration variable overwrites accumulator variable');
  return argument.name;
}

function all(count: 1 | 2): Macro {
  return (call) => {
    const { at } = call;
    const accumulator = named(at, accumulatorName);
    return loop(call, count, {
      init: constant(at, true),
      condition: called(at, '@not_strictly_false', accumulator),
      step: called(at, '_&&_', accumulator, call.args[count] as Expression),
    });
  };
}

function exists(count: 1 | 2): Macro {
  return (call) => {
    const { at } = call;
    const accumulator = named(at, accumulatorName);
    return loop(call, count, {
      init: constant(at, false),
      condition: called(at, '@not_strictly_false', called(at, '!_', accumulator)),
      step: called(at, '_||_', accumulator, call.args[count] as Expression),
    });
  };
}

function existsOne(count: 1 | 2): Macro {
  return (call) => {
    const { at } = call;
    const accumulator = named(at, accumulatorName);
    const more = called(at, '_+_', accumulator, constant(at, 1n));
    return loop(call, count, {
      init: constant(at, 0n),
      condition: constant(at, true),
      step: called(at, '_?_:_', call.args[count] as Expression, more, accumulator),
      result: called(at, '_==_', accumulator, constant(at, 1n)),
    });
  };
}

/** map, filter and their kin: what is added to the accumulator for each element, perhaps only where a filter holds. */
function gathering(
  count: 1 | 2,
  init: (at: number) => Expression,
  add: (at: number, args: readonly Expression[]) => readonly [added: Expression, filter?: Expression | undefined],
): Macro {
  return (call) => {
    const { at } = call;
    const [added, filter] = add(at, call.args);
    const step = filter ? called(at, '_?_:_', filter, added, named(at, accumulatorName)) : added;
    return loop(call, count, { init: init(at), condition: constant(at, true), step });
  };
}

const append = (at: number, item: Expression): Expression =>
  called(at, '_+_', named(at, accumulatorName), listed(at, item));
const insert = (at: number, key: Expression, value: Expression): Expression =>
  called(at, 'cel.@mapInsert', named(at, accumulatorName), key, value);
const insertEntry = (at: number, entry: Expression): Expression =>
  called(at, 'cel.@mapInsert', named(at, accumulatorName), entry);

/** The field is told to be where the call is. */
const has: Macro = ({ at, args }) => {
  const argument = args[0] as Expression;
  if (argument.kind !== 'select') throw new SyntaxIssue(at, 'invalid argument to has() macro');
  return { ...argument, at, isTest: true };
};

const targetName = '#target';

/** A value under a name: a loop that never runs. */
function bound(at: number, name: string, value: Expression, result: Expression): Expression {
  return {
    kind: 'fold',
    at,
    range: listed(at),
    variable: '#unused',
    accumulator: name,
    init: value,
    condition: constant(at, false),
    step: named(at, name),
    result,
  };
}

/** optMap and optFlatMap: the value, where there is one, under a name. The optional itself is worked out once. */
function optional(wrap: (at: number, value: Expression) => Expression): Macro {
  return ({ at, target, args }) => {
    const [variable, value] = args as [Expression, Expression];
    const method = (name: string, on: Expression): Expression => ({ kind: 'call', at, name, target: on, args: [] });
    const it = named(at, targetName);
    const inner = bound(at, variableName(variable), method('value', it), value);
    const nothing = method('none', named(at, 'optional'));
    const choice = called(at, '_?_:_', method('hasValue', it), wrap(at, inner), nothing);
    return bound(at, targetName, target as Expression, choice);
  };
}

/** The name is out of reach for whoever writes expressions, as the function is. */
const sortedName = '#sorted';

/** By what an expression makes of each element. The list itself is worked out once. */
const sortBy: Macro = (call) => {
  const { at, target } = call;
  const it = named(at, sortedName);
  const keys = gathering(1, listed, (place, [, value]) => [append(place, value as Expression)])({
    ...call,
    target: it,
  });
  const sorted: Expression = { kind: 'call', at, name: '@sortByAssociatedKeys', target: it, args: [keys] };
  return bound(at, sortedName, target as Expression, sorted);
};

const macros: Readonly<Record<string, Macro>> = {
  'has/1': has,
  '.all/2': all(1),
  '.exists/2': exists(1),
  '.exists_one/2': existsOne(1),
  '.existsOne/2': existsOne(1),
  '.map/2': gathering(1, listed, (at, [, value]) => [append(at, value as Expression)]),
  '.map/3': gathering(1, listed, (at, [, filter, value]) => [append(at, value as Expression), filter]),
  '.filter/2': gathering(1, listed, (at, [variable, filter]) => [append(at, variable as Expression), filter]),
  '.all/3': all(2),
  '.exists/3': exists(2),
  '.existsOne/3': existsOne(2),
  '.exists_one/3': existsOne(2),
  '.transformList/3': gathering(2, listed, (at, [, , value]) => [append(at, value as Expression)]),
  '.transformList/4': gathering(2, listed, (at, [, , filter, value]) => [append(at, value as Expression), filter]),
  '.transformMap/3': gathering(2, emptyMap, (at, [key, , value]) => [insert(at, ...pair(key, value))]),
  '.transformMap/4': gathering(2, emptyMap, (at, [key, , filter, value]) => [insert(at, ...pair(key, value)), filter]),
  '.transformMapEntry/3': gathering(2, emptyMap, (at, [, , entry]) => [insertEntry(at, entry as Expression)]),
  '.transformMapEntry/4': gathering(2, emptyMap, (at, [, , filter, entry]) => [
    insertEntry(at, entry as Expression),
    filter,
  ]),
  '.sortBy/2': sortBy,
  '.optMap/2': optional((at, value) => ({
    kind: 'call',
    at,
    name: 'of',
    target: named(at, 'optional'),
    args: [value],
  })),
  '.optFlatMap/2': optional((_at, value) => value),
};

const pair = (key: Expression | undefined, value: Expression | undefined): [Expression, Expression] => [
  key as Expression,
  value as Expression,
];
