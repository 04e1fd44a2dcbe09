import { estimateCost } from '../cel/cost.ts';
import type { Compiled } from '../cel/program.ts';
import { type FieldError, forbidden, invalid, notSupported, required } from '../field-error.ts';
import { type Declared, declaredOf, plainName, requestBytesMax } from './cel-type.ts';
import { additionalOf, isEmbedded, type JsonSchema, propertyOf, rulesOf, type ValidationRule } from './json-schema.ts';
import { type CompiledRule, compileRules } from './rules.ts';

/** What one rule may cost for one object, and all rules of a schema together. */
const ruleCostMax = 10_000_000;
export const schemaCostMax = 100_000_000;

interface Totals {
  /** Rules of a schema that is not structural are not compiled. */
  readonly compiles: boolean;
  cost: number;
  readonly dear: Expense[];
}
/** An expression, and what it may cost at most. */
interface Expense {
  readonly path: string;
  readonly cost: number;
}
/** So many are named when all of them together are too dear. */
const dearestMax = 4;
interface Standing {
  readonly isResource: boolean;
  readonly count: number | undefined;
  readonly uncorrelated: string | undefined;
}

/** Where in a schema a rule stands: how often it may run for one object, and whether it can know the past. */
export class Nesting {
  readonly isResource: boolean;
  /** How many values of this schema one object may hold; undefined: as many as a request has room for. */
  readonly count: number | undefined;
  /** The list around it whose items have no identity. */
  readonly uncorrelated: string | undefined;
  readonly #totals: Totals;

  constructor(
    totals: { readonly compiles: boolean },
    standing: Standing = { isResource: true, count: 1, uncorrelated: undefined },
  ) {
    this.isResource = standing.isResource;
    this.count = standing.count;
    this.uncorrelated = standing.uncorrelated;
    this.#totals = 'cost' in totals ? (totals as Totals) : { ...totals, cost: 0, dear: [] };
  }

  get compiles(): boolean {
    return this.#totals.compiles;
  }
  get totalCost(): number {
    return this.#totals.cost;
  }
  /** Those that cost most and matter, the dearest first. */
  get dearest(): readonly Expense[] {
    return this.#totals.dear.toSorted((one, other) => other.cost - one.cost).slice(0, dearestMax);
  }
  add(path: string, cost: number): void {
    this.#totals.cost += cost;
    if (cost >= schemaCostMax / 100) this.#totals.dear.push({ path, cost });
  }

  inside(): Nesting {
    return this.#with(this.count, this.uncorrelated);
  }
  inValues({ maxProperties }: JsonSchema): Nesting {
    return this.#with(times(this.count, maxProperties), this.uncorrelated);
  }
  inItems(list: JsonSchema, path: string): Nesting {
    const isKeyed = list['x-kubernetes-list-type'] === 'map';
    return this.#with(times(this.count, list.maxItems), this.uncorrelated ?? (isKeyed ? undefined : path));
  }
  #with(count: number | undefined, uncorrelated: string | undefined): Nesting {
    return new Nesting(this.#totals, { isResource: false, count, uncorrelated });
  }
}

const times = (count: number | undefined, more: number | undefined): number | undefined =>
  count === undefined || more === undefined ? undefined : count * more;

const reasons = ['FieldValueRequired', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueDuplicate'];
const breaks = /[\r\n]/;

const placeOf = (path: string, index: number): string => `${path}.x-kubernetes-validations[${index}]`;

/** What is wrong with how a schema's rules are written, before anybody reads the expressions. */
export const judgeForms = (schema: JsonSchema, path: string): readonly FieldError[] =>
  rulesOf(schema).flatMap((rule, index) => judgeForm(rule, schema, placeOf(path, index)));

/** What is wrong with the expressions of a schema that is fine. */
export function judgeExpressions(schema: JsonSchema, path: string, nesting: Nesting): readonly FieldError[] {
  const errors: FieldError[] = [];
  if (rulesOf(schema).length === 0 || !nesting.compiles) return errors;
  const isResource = nesting.isResource || isEmbedded(schema);
  const declared = declaredOf(schema, isResource);
  if (!declared) return errors;
  for (const [index, compiled] of compileRules(schema, isResource).entries()) {
    if (compiled.rule.rule.trim() === '') continue;
    errors.push(...judgeCompiled(compiled, { declared, nesting, path: placeOf(path, index) }));
  }
  return errors;
}

function judgeForm(rule: ValidationRule, schema: JsonSchema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const { message = '', messageExpression = '', fieldPath = '', reason } = rule;
  const text = rule.rule?.trim() ?? '';
  if (text === '') errors.push(required(`${path}.rule`, 'rule is not specified'));
  else if (message !== '' && message.trim() === '') {
    errors.push(invalid(`${path}.message`, message, 'message must be non-empty if specified'));
  } else if (breaks.test(message.trim())) {
    errors.push(invalid(`${path}.message`, message, 'message must not contain line breaks'));
  } else if (breaks.test(text) && message.trim() === '') {
    errors.push(required(`${path}.message`, 'message must be specified if rule contains line breaks'));
  }
  if (messageExpression !== '' && messageExpression.trim() === '') {
    errors.push(required(`${path}.messageExpression`, 'messageExpression must be non-empty if specified'));
  }
  if (reason !== undefined && !reasons.includes(reason)) errors.push(notSupported(`${path}.reason`, reason, reasons));
  if (fieldPath !== '' && fieldPath.trim() === '') {
    errors.push(invalid(`${path}.fieldPath`, fieldPath, 'fieldPath must be non-empty if specified'));
  }
  if (breaks.test(fieldPath)) {
    errors.push(invalid(`${path}.fieldPath`, fieldPath, 'fieldPath must not contain line breaks'));
  }
  if (fieldPath.trim() !== '' && !isFieldPath(fieldPath, schema)) {
    errors.push(invalid(`${path}.fieldPath`, fieldPath, 'must be a valid path'));
  }
  return errors;
}

const stepForm = /\.([A-Za-z_][A-Za-z0-9_]*)|\['([^']+)'\]/y;

/** Names only, each a property of what stands before it. */
function isFieldPath(path: string, schema: JsonSchema): boolean {
  let at: JsonSchema | undefined = schema;
  stepForm.lastIndex = 0;
  while (stepForm.lastIndex < path.length) {
    const match = stepForm.exec(path);
    const name = match?.[1] === undefined ? match?.[2] : plainName(match[1]);
    if (name === undefined || at === undefined) return false;
    at = propertyOf(at, name) ?? additionalOf(at);
    if (!at) return false;
  }
  return path !== '';
}

interface Place {
  readonly declared: Declared;
  readonly nesting: Nesting;
  readonly path: string;
}

function judgeCompiled(compiled: CompiledRule, place: Place): readonly FieldError[] {
  const { rule, condition, message, isTransition } = compiled;
  const { path, nesting } = place;
  const errors: FieldError[] = [];
  if (condition.error !== undefined) errors.push(invalid(`${path}.rule`, goRule(rule), compileText(condition)));
  errors.push(...judgeCost(condition, `${path}.rule`, 'estimated rule cost', place));
  if (message?.error !== undefined) {
    errors.push(invalid(`${path}.messageExpression`, goRule(rule), `messageExpression ${compileText(message)}`));
  } else if (message)
    errors.push(...judgeCost(message, `${path}.messageExpression`, 'estimated messageExpression cost', place));
  if (rule.optionalOldSelf !== undefined && condition.program && !isTransition) {
    const why = 'option optionalOldSelf may only be set when a rule uses oldSelf';
    errors.push(invalid(`${path}.optionalOldSelf`, rule.optionalOldSelf, why));
  }
  if (isTransition && nesting.uncorrelated !== undefined) {
    const why = `oldSelf cannot be used on the uncorrelatable portion of the schema within ${nesting.uncorrelated}`;
    errors.push(invalid(`${path}.rule`, rule.rule, why));
  }
  return errors;
}

/** As upstream prints what it holds. */
const goRule = ({ rule, message, messageExpression, reason, fieldPath, optionalOldSelf }: ValidationRule) => ({
  Rule: rule,
  Message: message ?? '',
  MessageExpression: messageExpression ?? '',
  Reason: reason ?? null,
  FieldPath: fieldPath ?? '',
  OptionalOldSelf: optionalOldSelf ?? null,
});

function compileText({ error = '' }: Compiled): string {
  return error.replace(/^must evaluate to (?=\w+$)/, 'cel expression must evaluate to a ');
}

function judgeCost({ program }: Compiled, path: string, what: string, place: Place): readonly FieldError[] {
  if (!program) return [];
  const { declared, nesting } = place;
  const shape = (name: string) => (name === 'self' || name === 'oldSelf' ? declared.shape : undefined);
  const once = estimateCost(program.expression, program.checked, shape).cost.max;
  const count = nesting.count ?? Math.floor(requestBytesMax / (declared.bytesMin + 1));
  const cost = once * count;
  nesting.add(path, cost);
  return cost > ruleCostMax ? [forbidden(path, costText(what, cost, ruleCostMax))] : [];
}

function costText(what: string, cost: number, max: number): string {
  const factor = cost / max;
  const times = factor > 100 ? 'more than 100x' : factor < 1.5 ? `${factor.toFixed(6)}x` : `${factor.toFixed(1)}x`;
  const advice =
    'try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared';
  return `${what} exceeds budget by factor of ${times} (${advice})`;
}

/** All rules of one schema together. */
export function judgeTotalCost({ totalCost, dearest }: Nesting, path: string): readonly FieldError[] {
  if (totalCost <= schemaCostMax) return [];
  const share = 'contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema';
  const what = 'x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema';
  const shares = dearest.map((expense) => forbidden(expense.path, share));
  return [...shares, forbidden(path, costText(what, totalCost, schemaCostMax))];
}
