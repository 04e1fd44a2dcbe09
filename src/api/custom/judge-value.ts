import { canonicalJson, equalJson, isObject, type Json, type JsonObject } from '../../base/json.ts';
import { CelError } from '../cel/cel-error.ts';
import { patternOf } from '../cel/library/regex.ts';
import { textLength } from '../cel/value.ts';
import { type FieldError, notSupported, required, tooLong } from '../field-error.ts';
import { fitsFormat } from './formats.ts';
import { additionalOf, isIntOrString, type JsonSchema, propertyOf } from './json-schema.ts';

/** What stands for the whole object, where an error has no field. */
const nowhere = '<nil>';

/**
 * What is wrong with a value by its schema, in the words of upstream's validator. Where the value is what it was
 * before, nothing is: a schema that became stricter does not stand in the way of other changes.
 */
export function judgeValue(schema: JsonSchema, value: Json, path: string, previous?: Json): readonly FieldError[] {
  if (previous !== undefined && equalJson(value, previous)) return [];
  const errors: FieldError[] = [];
  if (value === null) {
    if (schema.nullable || (schema.type === undefined && !isIntOrString(schema))) return [];
    return [wrongType(schema, 'null', path)];
  }
  const wanted = wordsOf(schema);
  const given = wordOf(value);
  const fits = wanted.length === 0 || wanted.includes(given) || (given === 'integer' && wanted.includes('number'));
  if (!fits) errors.push(wrongType(schema, given === 'integer' && isWhole(value) ? 'integer' : given, path));
  if (typeof value === 'string') errors.push(...judgeText(schema, value, path));
  else if (typeof value === 'number') errors.push(...judgeNumber(schema, value, path));
  else if (Array.isArray(value)) errors.push(...judgeList(schema, value, path, previous));
  else if (isObject(value)) errors.push(...judgeObject(schema, value, path, previous));
  if (schema.enum && !schema.enum.some((one) => equalJson(one, value))) {
    errors.push(notSupported(path, value, schema.enum.map(String)));
  }
  return [...errors, ...judgeJunctions(schema, value, path)];
}

const isWhole = (value: Json): boolean => typeof value === 'number' && Number.isInteger(value);

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
  const { format } = schema;
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

function judgeNumber(schema: JsonSchema, value: number, path: string): readonly FieldError[] {
  const { minimum, maximum, multipleOf } = schema;
  const errors: FieldError[] = [];
  const isBounded = minimum !== undefined || maximum !== undefined || multipleOf !== undefined;
  if (isBounded && schema.type === 'integer' && !Number.isInteger(value)) {
    return [bare(`Checked value must be of type integer (default format) in ${path}`)];
  }
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

function judgeList(schema: JsonSchema, value: readonly Json[], path: string, previous?: Json): readonly FieldError[] {
  const errors: FieldError[] = [];
  const { items, maxItems, minItems } = schema;
  if (maxItems !== undefined && value.length > maxItems) errors.push(tooMany(path, value.length, maxItems));
  if (minItems !== undefined && value.length < minItems) {
    errors.push(wrong(path, value.length, `should have at least ${minItems} items`));
  }
  if (!items) return errors;
  for (const [index, item] of value.entries()) {
    errors.push(...judgeValue(items, item, `${path}[${index}]`, correlatedItem(schema, item, previous)));
  }
  return errors;
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

function judgeObject(schema: JsonSchema, value: JsonObject, path: string, previous?: Json): readonly FieldError[] {
  const errors: FieldError[] = [];
  const { maxProperties, minProperties } = schema;
  const keys = Object.keys(value);
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
    if (known) errors.push(...judgeValue(known, value[key] as Json, at(key), old[key]));
  }
  return errors;
}

function judgeJunctions(schema: JsonSchema, value: Json, path: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  const judged = (list: readonly JsonSchema[]) => list.map((one) => judgeValue(one, value, path));
  const name = JSON.stringify(path);
  if (schema.anyOf) {
    const results = judged(schema.anyOf);
    if (!results.some((result) => result.length === 0)) {
      errors.push(bare(`${name} must validate at least one schema (anyOf)`), ...(results[0] ?? []));
    }
  }
  if (schema.oneOf) {
    const results = judged(schema.oneOf);
    const valid = results.filter((result) => result.length === 0).length;
    if (valid !== 1) {
      const found = valid === 0 ? 'Found none valid' : `Found ${valid} valid alternatives`;
      errors.push(bare(`${name} must validate one and only one schema (oneOf). ${found}`));
      if (valid === 0) errors.push(...(results[0] ?? []));
    }
  }
  if (schema.allOf) {
    const failures = judged(schema.allOf).filter((result) => result.length > 0);
    errors.push(...failures.flat());
    if (failures.length > 0) errors.push(bare(`${name} must validate all the schemas (allOf)`));
  }
  if (schema.not && judgeValue(schema.not, value, path).length === 0) {
    errors.push(bare(`${name} must not validate the schema (not)`));
  }
  return errors;
}

/** Lists that are sets or maps hold nothing twice. */
export function judgeListTypes(schema: JsonSchema, value: Json, path: string): readonly FieldError[] {
  if (Array.isArray(value)) {
    const errors = [...duplicates(schema, value, path)];
    const { items } = schema;
    if (items)
      for (const [index, item] of value.entries()) errors.push(...judgeListTypes(items, item, `${path}[${index}]`));
    return errors;
  }
  if (!isObject(value)) return [];
  const additional = additionalOf(schema);
  return Object.keys(value).flatMap((key) => {
    const known = propertyOf(schema, key) ?? additional;
    return known ? judgeListTypes(known, value[key] as Json, path === '' ? key : `${path}.${key}`) : [];
  });
}

function duplicates(schema: JsonSchema, list: readonly Json[], path: string): readonly FieldError[] {
  const how = schema['x-kubernetes-list-type'];
  if (how !== 'set' && how !== 'map') return [];
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const seen = new Set<string>();
  const errors: FieldError[] = [];
  for (const [index, item] of list.entries()) {
    const identity = how === 'set' ? item : keyOf(item, keys);
    const text = canonical(identity);
    if (seen.has(text)) {
      errors.push({ path: `${path}[${index}]`, type: 'Duplicate', text: `Duplicate value: ${text}` });
    }
    seen.add(text);
  }
  return errors;
}

const keyOf = (item: Json, keys: readonly string[]): Json =>
  isObject(item) ? Object.fromEntries(keys.filter((key) => key in item).map((key) => [key, item[key] as Json])) : item;
const canonical = (value: Json): string => JSON.stringify(value);
