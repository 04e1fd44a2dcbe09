import { isObject, type Json, type JsonObject } from '../../base/json.ts';
import { finish, isLarge, membersIn, namedAs, namesIn, type Steps, Stride, stepMembersMax } from '../../base/steps.ts';
import { additionalOf, isEmbedded, type JsonSchema, preserves, propertyOf } from './json-schema.ts';

export interface Pruned {
  readonly value: Json;
  /** Paths of what the schema does not know. */
  readonly unknown: readonly string[];
}

/** What the schema knows of a value; an object's own identity is always known. */
export function* prunedInSteps(schema: JsonSchema, value: Json, path = ''): Steps<Pruned> {
  const pruning = new Pruning();
  const place = { schema, value, path, isResource: path === '' };
  const known = isLarge(value) ? yield* pruning.inSteps(place) : pruning.whole(place);
  return { value: known, unknown: pruning.unknown };
}

export const pruned = (schema: JsonSchema, value: Json, path = ''): Pruned =>
  finish(prunedInSteps(schema, value, path));

interface Place {
  readonly schema: JsonSchema;
  readonly value: Json;
  readonly path: string;
  readonly isResource: boolean;
}
const identity = new Set(['apiVersion', 'kind', 'metadata']);

class Pruning {
  readonly unknown: string[] = [];
  readonly #stride = new Stride();

  whole(place: Place): Json {
    const { schema, value, path } = place;
    if (Array.isArray(value)) {
      const { items } = schema;
      if (!items) return value;
      return (value as readonly Json[]).map((item, index) => this.whole(itemOf(items, item, `${path}[${index}]`)));
    }
    if (!isObject(value)) return value;
    const out: Record<string, Json> = {};
    const additional = additionalOf(schema);
    for (const key of namesIn(value)) {
      const inner = this.#member(place, key, additional, out);
      if (inner) put(out, key, this.whole(inner));
    }
    return out;
  }

  *inSteps(place: Place): Steps<Json> {
    const { schema, value, path } = place;
    const members = membersIn(value);
    if (this.#stride.isLong(members)) yield this.#stride.taken();
    if (members < stepMembersMax) return this.whole(place);
    if (Array.isArray(value)) {
      const { items } = schema;
      if (!items) return value;
      const list: Json[] = [];
      for (const item of value as readonly Json[]) {
        list.push(yield* this.inSteps(itemOf(items, item, `${path}[${list.length}]`)));
      }
      return list;
    }
    if (!isObject(value)) return value;
    const out: Record<string, Json> = {};
    const additional = additionalOf(schema);
    const { length } = this.unknown;
    for (const key of namesIn(value)) {
      if (this.#stride.isLong(1)) yield this.#stride.taken();
      const inner = this.#member(place, key, additional, out);
      if (inner) put(out, key, yield* this.inSteps(inner));
    }
    if (this.unknown.length === length) namedAs(out, value);
    return out;
  }

  /** Where a member is to be looked into; what is kept or dropped as it is is done with. */
  #member(
    { schema, value, path, isResource }: Place,
    key: string,
    additional: JsonSchema | undefined,
    out: Record<string, Json>,
  ): Place | undefined {
    const member = (value as JsonObject)[key] as Json;
    const known = propertyOf(schema, key) ?? additional;
    const at = path === '' ? key : `${path}.${key}`;
    if (isResource && identity.has(key)) put(out, key, member);
    else if (known) return itemOf(known, member, at);
    else if (preserves(schema) || schema.additionalProperties === true) put(out, key, member);
    else this.unknown.push(at);
    return undefined;
  }
}

const itemOf = (schema: JsonSchema, value: Json, path: string): Place => ({
  schema,
  value,
  path,
  isResource: isEmbedded(schema),
});

export function put(out: Record<string, Json>, key: string, value: Json): void {
  if (key !== '__proto__') out[key] = value;
  else Object.defineProperty(out, key, { value, enumerable: true, configurable: true, writable: true });
}

export const prunedObject = (schema: JsonSchema, value: JsonObject): JsonObject =>
  pruned(schema, value).value as JsonObject;
