import { equalJson, isObject, type Json } from '../../base/json.ts';
import { type Steps, Stride } from '../../base/steps.ts';
import { compareText } from '../../base/text.ts';
import { CelError, CostExceeded } from '../cel/cel-error.ts';
import type { Environment, Inputs } from '../cel/environment.ts';
import { baseEnvironment } from '../cel/kubernetes.ts';
import { type Compiled, compile, type Program } from '../cel/program.ts';
import { visit } from '../cel/syntax.ts';
import { bool, type CelType, optionalOf, string } from '../cel/type.ts';
import { none, Optional, type Value } from '../cel/value.ts';
import type { FieldError, FieldErrorType } from '../field-error.ts';
import { declaredOf } from './cel-type.ts';
import { valueOf } from './cel-value.ts';
import { additionalOf, type JsonSchema, propertyOf, rulesOf, somewhere, type ValidationRule } from './json-schema.ts';
import { correlatedItem } from './judge-value.ts';

/** What all rules of one object together may cost. */
const objectCostMax = 10_000_000;
/** To run a rule is as much work as to look at so many members. */
const membersPerRule = 32;
/** A message that an expression makes is cut off here. */
const messageMax = 5 * 1024;

/** One rule as programs. */
export interface CompiledRule {
  readonly rule: ValidationRule;
  readonly condition: Compiled;
  readonly message?: Compiled;
  /** Whether it speaks of what was before: it runs only where there is something. */
  readonly isTransition: boolean;
}

/** The environment of a schema's rules; undefined where expressions cannot see its values. */
export function ruleEnvironment(type: CelType, isOldOptional: boolean): Environment {
  return baseEnvironment.withVariables({ self: type, oldSelf: isOldOptional ? optionalOf(type) : type });
}

const compiledRules = new WeakMap<JsonSchema, readonly CompiledRule[]>();

/** The rules of one schema, compiled once. */
export function compileRules(schema: JsonSchema, isResource: boolean): readonly CompiledRule[] {
  let rules = compiledRules.get(schema);
  if (!rules) {
    const declared = declaredOf(schema, isResource);
    rules = declared ? rulesOf(schema).map((rule) => compileRule(rule, declared.type)) : [];
    compiledRules.set(schema, rules);
  }
  return rules;
}

function compileRule(rule: ValidationRule, type: CelType): CompiledRule {
  const environment = ruleEnvironment(type, rule.optionalOldSelf === true);
  const condition = compile(environment, rule.rule, { wanted: [bool] });
  const isTransition = condition.program !== undefined && namesOldSelf(condition.program);
  const { messageExpression } = rule;
  if (!messageExpression?.trim()) return { rule, condition, isTransition };
  return { rule, condition, isTransition, message: compile(environment, messageExpression, { wanted: [string] }) };
}

function namesOldSelf({ expression }: Program): boolean {
  let found = false;
  visit(expression, (part) => {
    found ||= part.kind === 'name' && part.name === 'oldSelf';
  });
  return found;
}

export const hasRules = (schema: JsonSchema): boolean => somewhere(schema, (part) => rulesOf(part).length > 0);

/** What an object's rules say about it. */
export function* judgeRules(schema: JsonSchema, value: Json, previous: Json | undefined): Steps<readonly FieldError[]> {
  const run = new Run();
  yield* run.visit({ schema, value, previous, path: '', isResource: true });
  return run.errors;
}

interface Place {
  readonly schema: JsonSchema;
  readonly value: Json;
  readonly previous: Json | undefined;
  readonly path: string;
  readonly isResource: boolean;
}

class Run {
  readonly errors: FieldError[] = [];
  #budget = objectCostMax;
  readonly #stride = new Stride();

  *visit(place: Place): Steps<void> {
    if (this.#stride.isLong(1)) yield this.#stride.taken();
    if (this.#budget < 0 || place.value === null) return;
    for (const rule of compileRules(place.schema, place.isResource)) {
      if (this.#stride.isLong(membersPerRule)) yield this.#stride.taken();
      yield* this.#judge(rule, place);
      if (this.#budget < 0) return;
    }
    yield* this.#descend(place);
  }

  *#descend({ schema, value, previous, path }: Place): Steps<void> {
    if (Array.isArray(value)) {
      const { items } = schema;
      if (!items) return;
      for (const [index, item] of value.entries()) {
        const old = correlatedItem(schema, item, previous);
        yield* this.visit({ schema: items, value: item, previous: old, path: `${path}[${index}]`, isResource: false });
      }
    } else if (isObject(value)) {
      const additional = additionalOf(schema);
      const old = isObject(previous) ? previous : {};
      for (const key of Object.keys(value).sort(compareText)) {
        const known = propertyOf(schema, key) ?? additional;
        if (!known) continue;
        const at = additional ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`;
        yield* this.visit({
          schema: known,
          value: value[key] as Json,
          previous: old[key],
          path: at,
          isResource: false,
        });
      }
    }
  }

  *#judge(compiled: CompiledRule, place: Place): Steps<void> {
    const { program } = compiled.condition;
    const { rule, isTransition } = compiled;
    const { previous, value } = place;
    if (!program) {
      this.#add('Invalid', place, `rule compile error: ${compiled.condition.error}`);
      return;
    }
    if (isTransition && previous === undefined && !rule.optionalOldSelf) return;
    // What was accepted as it stands stays accepted, however strict the rule has become.
    if (!isTransition && previous !== undefined && equalJson(previous, value)) return;
    const inputs = inputsOf(place, rule.optionalOldSelf === true);
    try {
      const { result, cost } = yield* program.evaluateInSteps(inputs);
      this.#spend(cost, place);
      if (result === true) return;
      if (result instanceof CelError) this.#failed(result, rule, place);
      else this.#broken(compiled, place, inputs);
    } catch (error) {
      if (!(error instanceof CostExceeded)) throw error;
      this.#budget = -1;
      const why = `call cost exceeds limit for rule: ${ruleText(rule)}`;
      const text = `'operation cancelled: actual cost limit exceeded': no further validation rules will be run due to ${why}`;
      this.#unjudged(place, text);
    }
  }

  #spend(cost: number, place: Place): void {
    this.#budget -= cost;
    if (this.#budget >= 0) return;
    const text = 'validation failed due to running out of cost budget, no further validation rules will be run';
    this.#unjudged(place, text);
  }

  /** What stands for the value is its type: of the value itself nobody can say that it is wrong. */
  #unjudged(place: Place, text: string): void {
    this.#add('Invalid', place, `${JSON.stringify(place.schema.type ?? '')}: ${text}`);
  }

  #failed({ message }: CelError, rule: ValidationRule, place: Place): void {
    const text = message.startsWith('no such overload')
      ? `'${message}': call arguments did not match a supported operator, function or macro signature for rule: ${ruleText(rule)}`
      : `${message} evaluating rule: ${ruleText(rule)}`;
    this.#unjudged(place, text);
  }

  #broken(compiled: CompiledRule, place: Place, inputs: Inputs): void {
    const { rule } = compiled;
    const type = types[rule.reason ?? ''] ?? 'Invalid';
    const at = rule.fieldPath ? { ...place, path: joinedPath(place.path, rule.fieldPath) } : place;
    const detail = this.#message(compiled, place, inputs) ?? (rule.message?.trim() || `failed rule: ${ruleText(rule)}`);
    // A structure would make the sentence unreadable; a scalar says what is wrong with it.
    const shown = type === 'Invalid' && typeof place.value !== 'object' ? `${JSON.stringify(place.value)}: ` : '';
    this.#add(type, at, shown + detail);
  }

  /** What the message expression says, where it says something that can be shown. */
  #message({ message }: CompiledRule, place: Place, inputs: Inputs): string | undefined {
    if (!message?.program) return undefined;
    try {
      const { result, cost } = message.program.evaluate(inputs);
      this.#spend(cost, place);
      if (typeof result !== 'string') return undefined;
      const text = result.trim();
      return text === '' || text.includes('\n') || text.length > messageMax ? undefined : text;
    } catch (error) {
      if (error instanceof CostExceeded) return undefined;
      throw error;
    }
  }

  #add(type: FieldErrorType, { path }: Pick<Place, 'path'>, detail: string): void {
    this.errors.push({ path: path || nowhere, type, text: `${headings[type] ?? 'Invalid value'}: ${detail}` });
  }
}

const nowhere = '<nil>';
const types: Readonly<Record<string, FieldErrorType>> = {
  FieldValueInvalid: 'Invalid',
  FieldValueForbidden: 'Forbidden',
  FieldValueRequired: 'Required',
  FieldValueDuplicate: 'Duplicate',
};
const headings: Readonly<Partial<Record<FieldErrorType, string>>> = {
  Forbidden: 'Forbidden',
  Required: 'Required value',
  Duplicate: 'Duplicate value',
};

const ruleText = ({ rule }: ValidationRule): string => rule.trim();
const joinedPath = (path: string, fieldPath: string): string => {
  const rest = fieldPath.replace(/\['([^']*)'\]/g, '[$1]');
  return path === '' ? rest.replace(/^\./, '') : `${path}${rest}`;
};

function inputsOf({ schema, value, previous }: Place, isOldOptional: boolean): Inputs {
  const self = valueOf(value, schema);
  let old: Value | CelError | undefined;
  return (name) => {
    if (name === 'self') return self;
    if (name !== 'oldSelf') return undefined;
    old ??= previous === undefined ? none : asOld(valueOf(previous, schema), isOldOptional);
    return old;
  };
}

const asOld = (value: Value | CelError, isOptional: boolean): Value | CelError =>
  isOptional && !(value instanceof CelError) ? new Optional(value) : value;
