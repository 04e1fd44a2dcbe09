import { deepEqual, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { Type } from '@bufbuild/cel-spec/cel/expr/checked_pb.js';
import type { ExprValue } from '@bufbuild/cel-spec/cel/expr/eval_pb.js';
import type { Value as ProtoValue } from '@bufbuild/cel-spec/cel/expr/value_pb.js';
import { getConformanceSuite, type IncrementalTest } from '@bufbuild/cel-spec/testdata/tests.js';
import { finish } from '../../base/steps.ts';
import { CelError } from './cel-error.ts';
import { check } from './checker.ts';
import type { Inputs } from './environment.ts';
import { Frame } from './frame.ts';
import { baseEnvironment } from './kubernetes.ts';
import { LongPlanner } from './long-planner.ts';
import { parse } from './parser.ts';
import { Planner } from './planner.ts';
import * as types from './type.ts';
import { type CelType, typeText } from './type.ts';
import { CelMap, compareBytes, type Result, TypeValue, Uint, type Value, ValueMap } from './value.ts';

// The specification's own cases, except for what Kubernetes does not enable.
const suitesOutside: Readonly<Record<string, string>> = {
  proto2: 'protocol buffer messages are no values in Kubernetes',
  proto2_ext: 'protocol buffer messages are no values in Kubernetes',
  proto3: 'protocol buffer messages are no values in Kubernetes',
  enums: 'protocol buffer enums are no values in Kubernetes',
  dynamic: 'wrapper messages of protocol buffers',
  wrappers: 'wrapper messages of protocol buffers',
  bindings_ext: 'cel.bind is not enabled in Kubernetes',
  block_ext: 'cel.block is not enabled in Kubernetes',
  encoders_ext: 'base64 is not enabled in Kubernetes',
  math_ext: 'math is not enabled in Kubernetes',
};

const casesOutside: readonly RegExp[] = [
  // Functions that only the test's own environment declares.
  /\b(fn|tuple)\(/,
  // What is inside of lists and maps is written as expressions are: Kubernetes has an older version of this function.
  /^"%s"\.format\(\[(?:dyn\()?[[{]/,
];

// Cases inside a container are left out too: Kubernetes has none.
const messages =
  /TestAllTypes|google\.protobuf\.(?!Timestamp|Duration)|objectValue|"object"|wellKnown|messageType|proto[23]/;
const asText = (value: unknown): string =>
  JSON.stringify(value, (_key, member) => (typeof member === 'bigint' ? String(member) : member));
/** Whether a case speaks of protocol buffer messages, whatever its suite is about. */
const speaksOfMessages = ({ original }: IncrementalTest): boolean =>
  messages.test(
    asText([original.expr, original.typeEnv, original.bindings, original.resultMatcher, original.container]),
  );

interface Failure {
  readonly name: string;
  readonly why: string;
}

function run({ original }: IncrementalTest): string | undefined {
  let environment = baseEnvironment;
  for (const { name, declKind } of original.typeEnv) {
    if (declKind.case === 'ident' && declKind.value.type) {
      environment = environment.withVariables({ [name]: typeFromProto(declKind.value.type) });
    }
  }
  const wantsError = original.resultMatcher.case === 'evalError' || original.resultMatcher.case === 'anyEvalErrors';
  const parsed = parse(original.expr);
  if (!parsed.expression) return wantsError ? undefined : `parse: ${parsed.issues[0]?.message}`;
  let checked = original.disableCheck ? undefined : check(environment, parsed.expression);
  const issue = checked?.issues[0]?.message ?? '';
  if (issue && wantsError) return undefined;
  // Kubernetes refuses literals of mixed types; what they are worth shows without the checker.
  if (/^expected type '.*' but found/.test(issue)) checked = undefined;
  else if (issue) return `check: ${issue}`;
  if (original.checkOnly && original.resultMatcher.case === 'typedResult') {
    const wanted = typeText(typeFromProto(original.resultMatcher.value.deducedType as never));
    return typeText(checked?.type as never) === wanted
      ? undefined
      : `type ${typeText(checked?.type as never)}, not ${wanted}`;
  }
  const { expression } = parsed;
  const frame = () => new Frame(inputsOf(original.bindings), Number.POSITIVE_INFINITY);
  const result = new Planner(environment, checked).plan(expression)(frame());
  const long = new LongPlanner(new Planner(environment, checked)).plan(expression);
  const inSteps = long ? finish(long(frame())) : result;
  return judge(original, result, wantsError) ?? judge(original, inSteps, wantsError);
}

function judge(original: IncrementalTest['original'], result: Result, wantsError: boolean): string | undefined {
  if (result instanceof CelError) return wantsError ? undefined : `error: ${result.message}`;
  if (wantsError) return `no error but ${String(result)}`;
  const { resultMatcher } = original;
  const expected =
    resultMatcher.case === 'value'
      ? resultMatcher.value
      : resultMatcher.case === 'typedResult'
        ? resultMatcher.value.result
        : undefined;
  if (!expected)
    return result === true || resultMatcher.case === 'typedResult' ? undefined : `not true but ${String(result)}`;
  return sameValue(expected, result)
    ? undefined
    : `${String(result)} is not ${JSON.stringify(expected, (_k, v) => (typeof v === 'bigint' ? String(v) : v))}`;
}

test('The evaluator agrees with the specification in every case that Kubernetes enables.', () => {
  const failures: Failure[] = [];
  let total = 0;
  for (const suite of getConformanceSuite().suites) {
    if (Object.hasOwn(suitesOutside, suite.name)) continue;
    for (const section of suite.suites) {
      for (const one of section.tests) {
        if (speaksOfMessages(one) || casesOutside.some((pattern) => pattern.test(one.original.expr))) continue;
        if (one.original.container !== '') continue;
        total++;
        const why = run(one);
        if (why) failures.push({ name: `${suite.name}/${section.name}/${one.name} ${one.original.expr}`, why });
      }
    }
  }
  deepEqual(failures, []);
  ok(total > 1300, `only ${total} cases ran`);
});

/** Values of the specification's messages as ours. */
function valueFromProto({ kind }: ProtoValue): Value {
  switch (kind.case) {
    case 'nullValue':
      return null;
    case 'uint64Value':
      return new Uint(kind.value);
    case 'typeValue':
      return new TypeValue(kind.value);
    case 'listValue':
      return kind.value.values.map(valueFromProto);
    case 'mapValue': {
      const map = new ValueMap();
      for (const { key, value } of kind.value.entries)
        map.add(valueFromProto(key as never), valueFromProto(value as never));
      return map;
    }
    case 'boolValue':
    case 'int64Value':
    case 'doubleValue':
    case 'stringValue':
    case 'bytesValue':
      return kind.value;
    default:
      throw new Error(`no value of ours: ${kind.case}`);
  }
}

function inputsOf(bindings: Readonly<Record<string, ExprValue>>): Inputs {
  const values = new Map<string, Value>();
  for (const [name, { kind }] of Object.entries(bindings)) {
    if (kind.case === 'value') values.set(name, valueFromProto(kind.value));
  }
  return (name) => values.get(name);
}

/** The same value of the same type; NaN is NaN here. */
function sameValue(expected: ProtoValue, actual: Value): boolean {
  if (expected.kind.case === 'objectValue') return false;
  return same(valueFromProto(expected), actual);
}

function same(a: Value, b: Result): boolean {
  if (typeof a !== typeof b) return false;
  if (typeof a === 'number') return Object.is(a, b) || a === b;
  if (typeof a !== 'object' || a === null) return a === b;
  if (Array.isArray(a))
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => same(item, b[index]));
  if (a instanceof Uint) return b instanceof Uint && a.value === b.value;
  if (a instanceof TypeValue) return b instanceof TypeValue && a.name === b.name;
  if (a instanceof Uint8Array) return b instanceof Uint8Array && compareBytes(a, b) === 0;
  if (!(a instanceof CelMap && b instanceof CelMap)) return false;
  return (
    a.size === b.size &&
    a.keys().every((key) => b.get(key) !== undefined && same(a.get(key) as Value, b.get(key) as Value))
  );
}

const primitives = [types.dyn, types.bool, types.int, types.uint, types.double, types.string, types.bytes];

function typeFromProto({ typeKind }: Type): CelType {
  switch (typeKind.case) {
    case 'null':
      return types.nullType;
    case 'primitive':
      return primitives[typeKind.value] as CelType;
    case 'wellKnown':
      return typeKind.value === 2 ? types.timestamp : typeKind.value === 3 ? types.duration : types.dyn;
    case 'listType':
      return types.listOf(typeFromProto(typeKind.value.elemType as Type));
    case 'mapType':
      return types.mapOf(
        typeFromProto(typeKind.value.keyType as Type),
        typeFromProto(typeKind.value.valueType as Type),
      );
    case 'type':
      return types.typeOf(typeFromProto(typeKind.value));
    case 'typeParam':
      return types.dyn;
    case 'abstractType':
      return typeKind.value.name === 'optional_type'
        ? types.optionalOf(typeFromProto(typeKind.value.parameterTypes[0] as Type))
        : types.opaque(typeKind.value.name);
    default:
      return types.dyn;
  }
}
