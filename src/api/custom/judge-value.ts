import { canonicalJson, equalJson, equalJsonInSteps, isObject, type Json, type JsonObject } from '../../base/json.ts';
import { finish, namesIn, type Steps, Stride } from '../../base/steps.ts';
import { CelError } from '../cel/cel-error.ts';
import { patternOf } from '../cel/library/regex.ts';
import { textLength } from '../cel/value.ts';
import { type FieldError, notSupported, required, tooLong } from '../field-error.ts';
import { fitsFormat, formatOf } from '../text-formats.ts';
import { additionalOf, isIntOrString, type JsonSchema, propertyOf } from './json-schema.ts';

/** What stands for the whole object, where an error has no field. */
const nowhere = '<nil>';

/**
 * What is wrong with a value by its schema, in the words of upstream's validator. Where the value is what it was
 * before, nothing is: a schema that became stricter does not stand in the way of other changes.
 */
export const judgeValue = (schema: JsonSchema, value: Json, path: string, previous?: Json): readonly FieldError[] =>
  finish(judgeValueInSteps(schema, value, path, previous));

/** The same for a value that may be long. */
export function* judgeValueInSteps(
  schema: JsonSchema,
  value: Json,
  path: string,
  previous: Json | undefined,
): Steps<readonly FieldError[]> {
  const errors: FieldError[] = [];
  yield* judgePlace({ schema, value, path, previous }, { errors, stride: new Stride() });
  return errors;
}

interface Place {
  readonly schema: JsonSchema;
  readonly value: Json;
  readonly path: string;
  readonly previous: Json | undefined;
}
interface Told {
  readonly errors: FieldError[];
  readonly stride: Stride;
}

function* judgePlace({ schema, value, path, previous }: Place, told: Told): Steps<void> {
  const { errors, stride } = told;
  if (stride.isLong(1)) yield stride.taken();
  if (previous !== undefined && (yield* equalJsonInSteps(value, previous, stride))) return;
  if (value === null) {
    if (schema.nullable || (schema.type === undefined && !isIntOrString(schema))) return;
    errors.push(wrongType(schema, 'null', path));
    return;
  }
  const mistyped = judgeType(schema, value, path);
  if (mistyped) errors.push(mistyped);
  if (typeof value === 'string') errors.push(...judgeText(schema, value, path));
  else if (typeof value === 'number') errors.push(...judgeNumber(schema, value, path));
  else if (Array.isArray(value)) yield* judgeList({ schema, value, path, previous }, told);
  else if (isObject(value)) yield* judgeObject({ schema, value, path, previous }, told);
  if (schema.enum && !schema.enum.some((one) => equalJson(one, value))) {
    errors.push(notSupported(path, value, schema.enum.map(String)));
  }
  yield* judgeJunctions(schema, value, path, told);
}

/** What the format of a text is about, texts and lists alike are left to; of anything else the format is told. */
function judgeType(schema: JsonSchema, value: Json, path: string): FieldError | undefined {
  const wanted = wordsOf(schema);
  const given = wordOf(value);
  if (wanted.length === 0 || wanted.includes(given) || (given === 'integer' && wanted.includes('number')))
    return undefined;
  const format = formatOf(schema);
  if (format === undefined) return wrongType(schema, given, path);
  const isLeft = typeof value === 'string' || Array.isArray(value);
  if (isLeft)
    return wanted.includes('number') || wanted.includes('integer') ? wrongType(schema, given, path) : undefined;
  const of = given === 'integer' ? 'int64' : given === 'number' ? 'float64' : '';
  return typeInvalid(path, of, `${path} in body must be of type ${format}: ${JSON.stringify(of)}`);
}

function wordOf(value: Json): string {
  if (Array.isArray(value)) return 'array';
  if (isObject(value)) return 'object';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

const wordsOf = (schema: JsonSchema): readonly string[] =>
  isIntOrString(schema) ? ['integer', 'string'] : schema.type ? [schema.type] : [];

function wrongType(schema: JsonSchema, given: string, path: string): FieldError {
  return typeInvalid(
    path,
    given,
    `${path} in body must be of type ${wordsOf(schema).join(',')}: ${JSON.stringify(given)}`,
  );
}
const typeInvalid = (path: string, given: string, detail: string): FieldError => ({
  path,
  type: 'TypeInvalid',
  text: `Invalid value: ${JSON.stringify(given)}: ${detail}`,
});
const wrong = (path: string, value: Json, detail: string): FieldError => ({
  path,
  type: 'Invalid',
  text: `Invalid value: ${JSON.stringify(value)}: ${path} in body ${detail}`,
});
const bare = (detail: string): FieldError => ({ path: nowhere, type: 'Invalid', text: `Invalid value: "": ${detail}` });
const tooMany = (path: string, count: number, max: number): FieldError => ({
  path,
  type: 'TooMany',
  text: `Too many: ${count}: must have at most ${max} items`,
});

/** The first thing that is wrong with the text itself, and then its format. */
function judgeText(schema: JsonSchema, value: string, path: string): readonly FieldError[] {
  const format = formatOf(schema);
  const errors: FieldError[] = [];
  const first = judgeLetters(schema, value, path);
  if (first) errors.push(first);
  if (format !== undefined && !fitsFormat(format, value)) {
    errors.push(typeInvalid(path, value, `${path} in body must be of type ${format}: ${JSON.stringify(value)}`));
  }
  return errors;
}

function judgeLetters(
  { maxLength, minLength, pattern }: JsonSchema,
  value: string,
  path: string,
): FieldError | undefined {
  const length = maxLength === undefined && minLength === undefined ? 0 : textLength(value);
  if (maxLength !== undefined && length > maxLength) return tooLong(path, maxLength);
  if (minLength !== undefined && length < minLength) {
    return wrong(path, value, `should be at least ${minLength} chars long`);
  }
  return pattern === undefined || matches(pattern, value) ? undefined : wrong(path, value, `should match '${pattern}'`);
}

function matches(pattern: string, value: string): boolean {
  const compiled = patternOf(pattern);
  return compiled instanceof CelError ? false : compiled.matcher(value).find();
}

const int32Max = 2 ** 31;
const int64Max = 2 ** 63;

/** What a number of its type and format cannot say is told beside everything else. */
function judgeRange(schema: JsonSchema, value: number, path: string): FieldError | undefined {
  const format = formatOf(schema);
  const { type } = schema;
  if (type === 'integer') {
    const max = format === 'int32' ? int32Max : int64Max;
    if (Number.isInteger(value) && value >= -max && value < max) return undefined;
  } else if (format !== 'float' || Number.isFinite(Math.fround(value))) return undefined;
  const said = format === undefined ? '(default format)' : `with format ${format}`;
  return bare(`Checked value must be of type ${type} ${said} in ${path}`);
}

function judgeNumber(schema: JsonSchema, value: number, path: string): readonly FieldError[] {
  const { minimum, maximum, multipleOf } = schema;
  const errors: FieldError[] = [];
  const outside = judgeRange(schema, value, path);
  if (outside) errors.push(outside);
  if (multipleOf !== undefined) errors.push(...judgeMultiple(multipleOf, value, path));
  if (maximum !== undefined && (schema.exclusiveMaximum ? value >= maximum : value > maximum)) {
    errors.push(wrong(path, value, `should be less than ${schema.exclusiveMaximum ? '' : 'or equal to '}${maximum}`));
  }
  if (minimum !== undefined && (schema.exclusiveMinimum ? value <= minimum : value < minimum)) {
    errors.push(
      wrong(path, value, `should be greater than ${schema.exclusiveMinimum ? '' : 'or equal to '}${minimum}`),
    );
  }
  return errors;
}

/** Whole numbers are divided by whole factors: upstream cuts the factor's fraction off, and zero divides nothing. */
function judgeMultiple(factor: number, value: number, path: string): readonly FieldError[] {
  const used = Number.isInteger(value) ? Math.trunc(factor) : factor;
  if (used <= 0) {
    const detail = `factor MultipleOf declared for ${path} must be positive: ${used}`;
    return [{ path, type: 'Invalid', text: `Invalid value: ${used}: ${detail}` }];
  }
  const times = value / used;
  return Math.abs(times - Math.round(times)) < 1e-9 ? [] : [wrong(path, value, `should be a multiple of ${factor}`)];
}

function* judgeList(place: Place & { readonly value: readonly Json[] }, told: Told): Steps<void> {
  const { schema, value, path, previous } = place;
  const { errors } = told;
  const { items, maxItems, minItems } = schema;
  if (maxItems !== undefined && value.length > maxItems) errors.push(tooMany(path, value.length, maxItems));
  if (minItems !== undefined && value.length < minItems) {
    errors.push(wrong(path, value.length, `should have at least ${minItems} items`));
  }
  if (!items) return;
  for (const [index, item] of value.entries()) {
    const old = correlatedItem(schema, item, previous);
    yield* judgePlace({ schema: items, value: item, path: `${path}[${index}]`, previous: old }, told);
  }
}

/** The item of the old list that an item of the new one is: only keyed lists say. */
export function correlatedItem(schema: JsonSchema, item: Json, previous: Json | undefined): Json | undefined {
  if (schema['x-kubernetes-list-type'] !== 'map' || !Array.isArray(previous) || !isObject(item)) return undefined;
  return itemsByKeys(schema, previous).get(keysText(schema, item));
}

/** Of a list's items by their keys: each list is looked through once, however many items ask for it. */
const byKeys = new WeakMap<readonly Json[], WeakMap<JsonSchema, ReadonlyMap<string, Json>>>();

function itemsByKeys(schema: JsonSchema, list: readonly Json[]): ReadonlyMap<string, Json> {
  let bySchema = byKeys.get(list);
  if (!bySchema) {
    bySchema = new WeakMap();
    byKeys.set(list, bySchema);
  }
  let found = bySchema.get(schema);
  if (!found) {
    const items = new Map<string, Json>();
    for (const item of list) {
      const text = isObject(item) ? keysText(schema, item) : undefined;
      // Of several with the same keys the first counts.
      if (text !== undefined && !items.has(text)) items.set(text, item);
    }
    found = items;
    bySchema.set(schema, found);
  }
  return found;
}

const keysText = (schema: JsonSchema, item: JsonObject): string =>
  canonicalJson((schema['x-kubernetes-list-map-keys'] ?? []).map((key) => item[key] ?? null));

function* judgeObject(place: Place & { readonly value: JsonObject }, told: Told): Steps<void> {
  const { schema, value, path, previous } = place;
  const { errors } = told;
  const { maxProperties, minProperties } = schema;
  const keys = namesIn(value);
  const at = (key: string) => (path === '' ? key : `${path}.${key}`);
  if (maxProperties !== undefined && keys.length > maxProperties) {
    errors.push(tooMany(path, keys.length, maxProperties));
  }
  if (minProperties !== undefined && keys.length < minProperties) {
    errors.push(wrong(path, keys.length, `should have at least ${minProperties} properties`));
  }
  for (const name of schema.required ?? []) if (!Object.hasOwn(value, name)) errors.push(required(at(name)));
  const additional = additionalOf(schema);
  const old = isObject(previous) ? previous : {};
  for (const key of keys) {
    const known = propertyOf(schema, key) ?? additional;
    if (known) {
      yield* judgePlace({ schema: known, value: value[key] as Json, path: at(key), previous: old[key] }, told);
    }
  }
}

function* judgeJunctions(schema: JsonSchema, value: Json, path: string, told: Told): Steps<void> {
  const { errors } = told;
  const name = JSON.stringify(path);
  const judgedBy = function* (list: readonly JsonSchema[]): Steps<(readonly FieldError[])[]> {
    const results: (readonly FieldError[])[] = [];
    for (const one of list) {
      const own = { errors: [], stride: told.stride };
      yield* judgePlace({ schema: one, value, path, previous: undefined }, own);
      results.push(own.errors);
    }
    return results;
  };
  if (schema.anyOf) {
    const results = yield* judgedBy(schema.anyOf);
    if (!results.some((result) => result.length === 0)) {
      errors.push(bare(`${name} must validate at least one schema (anyOf)`), ...(results[0] ?? []));
    }
  }
  if (schema.oneOf) {
    const results = yield* judgedBy(schema.oneOf);
    const valid = results.filter((result) => result.length === 0).length;
    if (valid !== 1) {
      const found = valid === 0 ? 'Found none valid' : `Found ${valid} valid alternatives`;
      errors.push(bare(`${name} must validate one and only one schema (oneOf). ${found}`));
      if (valid === 0) errors.push(...(results[0] ?? []));
    }
  }
  if (schema.allOf) {
    const failures = (yield* judgedBy(schema.allOf)).filter((result) => result.length > 0);
    errors.push(...failures.flat());
    if (failures.length > 0) errors.push(bare(`${name} must validate all the schemas (allOf)`));
  }
  if (!schema.not) return;
  const [result] = yield* judgedBy([schema.not]);
  if (result?.length === 0) errors.push(bare(`${name} must not validate the schema (not)`));
}
