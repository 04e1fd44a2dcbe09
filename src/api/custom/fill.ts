import { isObject, type Json, type JsonObject } from '../../base/json.ts';
import { membersIn, namesIn, type Steps, Stride, stepMembersMax } from '../../base/steps.ts';
import { additionalOf, type JsonSchema, propertiesOf, propertyOf } from './json-schema.ts';
import { put } from './prune.ts';

/** The value with the schema's defaults; a null where none may be counts as absent. The same value if nothing changes. */
export function filledIn(schema: JsonSchema, value: Json): Json {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items ? mapped(value, (item) => filledIn(items, item)) : value;
  }
  if (!isObject(value)) return value;
  const out: Record<string, Json> = {};
  const additional = additionalOf(schema);
  let same = true;
  for (const key of Object.keys(value)) {
    const member = value[key] as Json;
    const known = propertyOf(schema, key) ?? additional;
    if (isDropped(known, member)) {
      same = false;
      continue;
    }
    const next = known ? filledIn(known, member) : member;
    same &&= next === member;
    put(out, key, next);
  }
  for (const [key, property] of defaultsOf(schema)) {
    if (Object.hasOwn(out, key)) continue;
    put(out, key, filledIn(property, property.default as Json));
    same = false;
  }
  return same ? value : out;
}

/** The same for a value that may be long. */
export function* filledInSteps(schema: JsonSchema, value: Json, stride: Stride = new Stride()): Steps<Json> {
  const members = membersIn(value);
  if (stride.isLong(members)) yield stride.taken();
  if (members < stepMembersMax || typeof value !== 'object' || value === null) return filledIn(schema, value);
  if (isObject(value)) return yield* objectInSteps(schema, value, stride);
  const { items } = schema;
  if (!items) return value;
  let same = true;
  const out: Json[] = [];
  for (const item of value) {
    const next = yield* filledInSteps(items, item, stride);
    same &&= next === item;
    out.push(next);
  }
  return same ? value : out;
}

function* objectInSteps(schema: JsonSchema, value: JsonObject, stride: Stride): Steps<Json> {
  const additional = additionalOf(schema);
  const names = namesIn(value);
  // Put together only where something changes.
  let out: Record<string, Json> | undefined;
  for (let index = 0; index < names.length; index++) {
    const key = names[index] as string;
    const member = value[key] as Json;
    const known = propertyOf(schema, key) ?? additional;
    if (stride.isLong(1)) yield stride.taken();
    const dropped = isDropped(known, member);
    const next = known && typeof member === 'object' ? yield* filledInSteps(known, member, stride) : member;
    if (!dropped && next === member && !out) continue;
    out ??= yield* firstOf(value, index, stride);
    if (!dropped) put(out, key, next);
  }
  for (const [key, property] of defaultsOf(schema)) {
    if (Object.hasOwn(out ?? value, key)) continue;
    out ??= yield* firstOf(value, names.length, stride);
    put(out, key, filledIn(property, property.default as Json));
  }
  return out ?? value;
}

/** As many members of an object, to be added to. */
function* firstOf(value: JsonObject, count: number, stride: Stride): Steps<Record<string, Json>> {
  const out: Record<string, Json> = {};
  const names = namesIn(value);
  for (let index = 0; index < count; index++) {
    if (stride.isLong(1)) yield stride.taken();
    put(out, names[index] as string, value[names[index] as string] as Json);
  }
  return out;
}

const isDropped = (known: JsonSchema | undefined, member: Json): boolean =>
  known !== undefined && member === null && !known.nullable;

type Properties = readonly (readonly [string, JsonSchema])[];
const found = new WeakMap<JsonSchema, Properties>();

/** The properties that have a default: most schemas have none. */
function defaultsOf(schema: JsonSchema): Properties {
  let known = found.get(schema);
  if (!known) {
    known = Object.entries(propertiesOf(schema)).filter(([, property]) => property.default !== undefined);
    found.set(schema, known);
  }
  return known;
}

function mapped(list: readonly Json[], change: (item: Json) => Json): Json {
  let same = true;
  const out = list.map((item) => {
    const next = change(item);
    same &&= next === item;
    return next;
  });
  return same ? list : out;
}
