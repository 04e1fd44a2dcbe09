import { decodeBase64 } from '../../base/base64.ts';
import { canonicalJson, equalJson, isObject, type Json, type JsonObject } from '../../base/json.ts';
import { CelError } from '../cel/cel-error.ts';
import { parseTimestamp } from '../cel/library/time-text.ts';
import { CelMap, Duration, equals, keyed, type Result, Structure, Timestamp, type Value } from '../cel/value.ts';
import { parseDuration } from '../schema/scalars.ts';
import { plainName } from './cel-type.ts';
import { additionalOf, isIntOrString, type JsonSchema, propertyOf } from './json-schema.ts';

/** A value as an expression sees it, by its schema; looked into only where the expression does. */
export function valueOf(value: Json, schema: JsonSchema): Result {
  if (value === null) return null;
  if (isIntOrString(schema)) return typeof value === 'number' ? integer(value) : (value as string);
  switch (schema.type) {
    case 'string':
      return textValue(String(value), schema.format);
    case 'integer':
      return typeof value === 'number' ? integer(value) : new CelError('not an integer');
    case 'number':
      return Number(value);
    case 'boolean':
      return value === true;
    case 'array':
      return listValue(value, schema);
    case 'object':
      return objectValue(value, schema);
    default:
      return anyValue(value);
  }
}

const integer = (value: number): Value => (Number.isInteger(value) ? BigInt(value) : value);

function textValue(text: string, format: string | undefined): Result {
  switch (format) {
    case 'byte':
      return decodeBase64(text);
    case 'duration': {
      const nanos = parseDuration(text);
      return nanos === undefined ? new CelError(`invalid duration ${JSON.stringify(text)}`) : new Duration(nanos);
    }
    case 'date':
    case 'date-time': {
      const nanos = parseTimestamp(format === 'date' ? `${text}T00:00:00Z` : text);
      return nanos === undefined ? new CelError(`invalid time ${JSON.stringify(text)}`) : new Timestamp(nanos);
    }
    default:
      return text;
  }
}

function listValue(value: Json, schema: JsonSchema): Result {
  if (!Array.isArray(value)) return new CelError('not a list');
  const { items = {} } = schema;
  const list: Value[] = [];
  for (const item of value) {
    const one = valueOf(item, items);
    if (one instanceof CelError) return one;
    list.push(one);
  }
  return identified(list, value, schema);
}

/** Items of sets are known by themselves, items of maps by their keys. */
function identified(list: readonly Value[], given: readonly Json[], schema: JsonSchema): readonly Value[] {
  const how = schema['x-kubernetes-list-type'];
  if (how !== 'set' && how !== 'map') return list;
  const names = schema['x-kubernetes-list-map-keys'] ?? [];
  const texts = new Map(
    list.map((item, index) => [item, textOf(given[index] as Json, how === 'map' ? names : undefined)]),
  );
  return keyed(list, (item) => texts.get(item) ?? keyText(item, names));
}

const textOf = (item: Json, names: readonly string[] | undefined): string =>
  names && isObject(item) ? canonicalJson(names.map((name) => item[name] ?? null)) : canonicalJson(item);

/** The same of an item that came from elsewhere: another list, or a literal. */
function keyText(item: Value, names: readonly string[]): string {
  if (item instanceof JsonStructure) return item.keyText(names);
  return typeof item === 'bigint' ? String(item) : canonicalJson(item as Json);
}

function objectValue(value: Json, schema: JsonSchema): Result {
  if (!isObject(value)) return new CelError('not an object');
  const additional = additionalOf(schema);
  return additional ? new JsonMap(value, (member) => valueOf(member, additional)) : new JsonStructure(value, schema);
}

/** Any JSON, where no schema says more. */
export function anyValue(value: Json): Value {
  if (Array.isArray(value)) return value.map(anyValue);
  if (isObject(value)) return new JsonMap(value, anyValue);
  return typeof value === 'number' ? integer(value) : (value as null | boolean | string);
}

class JsonMap extends CelMap {
  readonly #object: JsonObject;
  readonly #member: (value: Json) => Result;
  constructor(object: JsonObject, member: (value: Json) => Result) {
    super();
    this.#object = object;
    this.#member = member;
  }
  get size(): number {
    return Object.keys(this.#object).length;
  }
  get(key: Value): Value | undefined {
    if (typeof key !== 'string' || !Object.hasOwn(this.#object, key)) return undefined;
    const member = this.#member(this.#object[key] as Json);
    return member instanceof CelError ? undefined : member;
  }
  keys(): readonly Value[] {
    return Object.keys(this.#object);
  }
}

const metadataSchema: JsonSchema = {
  type: 'object',
  properties: { name: { type: 'string' }, generateName: { type: 'string' } },
};
const textSchema: JsonSchema = { type: 'string' };
const identity: Readonly<Record<string, JsonSchema>> = {
  apiVersion: textSchema,
  kind: textSchema,
  metadata: metadataSchema,
};

class JsonStructure extends Structure {
  readonly typeName = 'object';
  readonly #object: JsonObject;
  readonly #schema: JsonSchema;
  constructor(object: JsonObject, schema: JsonSchema) {
    super();
    this.#object = object;
    this.#schema = schema;
  }
  get(field: string): Result | undefined {
    const name = plainName(field);
    // A null, where it may be, counts as absent: its type has none.
    if (!Object.hasOwn(this.#object, name) || this.#object[name] === null) return undefined;
    const schema = this.#schemaOf(name);
    return schema ? valueOf(this.#object[name] as Json, schema) : undefined;
  }
  /** What every resource has, it has without being declared. */
  #schemaOf(name: string): JsonSchema | undefined {
    const declared = propertyOf(this.#schema, name);
    const own = Object.hasOwn(identity, name) ? identity[name] : undefined;
    if (name !== 'metadata' || !declared) return declared ?? own;
    return { ...declared, properties: { ...own?.properties, ...declared.properties } };
  }
  keyText(names: readonly string[]): string {
    return textOf(this.#object, names);
  }
  equals(other: Structure): boolean {
    if (!(other instanceof JsonStructure)) return false;
    if (this.#schema === other.#schema) return equalJson(this.#object, other.#object);
    return equals(anyValue(this.#object), anyValue(other.#object));
  }
}
