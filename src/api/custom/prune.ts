import { isObject, type Json, type JsonObject } from '../../base/json.ts';
import { additionalOf, isEmbedded, type JsonSchema, preserves, propertyOf } from './json-schema.ts';

export interface Pruned {
  readonly value: Json;
  /** Paths of what the schema does not know. */
  readonly unknown: readonly string[];
}

/** What the schema knows of a value; an object's own identity is always known. */
export function pruned(schema: JsonSchema, value: Json, path = ''): Pruned {
  const unknown: string[] = [];
  return { value: prune({ schema, value, path, isResource: path === '' }, unknown), unknown };
}

interface Place {
  readonly schema: JsonSchema;
  readonly value: Json;
  readonly path: string;
  readonly isResource: boolean;
}
const identity = new Set(['apiVersion', 'kind', 'metadata']);

function prune({ schema, value, path, isResource }: Place, unknown: string[]): Json {
  if (Array.isArray(value)) {
    const { items } = schema;
    if (!items) return value;
    return (value as readonly Json[]).map((item, index) =>
      prune({ schema: items, value: item, path: `${path}[${index}]`, isResource: isEmbedded(items) }, unknown),
    );
  }
  if (!isObject(value)) return value;
  const out: Record<string, Json> = {};
  const additional = additionalOf(schema);
  for (const key of Object.keys(value)) {
    const member = value[key] as Json;
    const known = propertyOf(schema, key) ?? additional;
    const place = path === '' ? key : `${path}.${key}`;
    if (isResource && identity.has(key)) put(out, key, member);
    else if (known)
      put(out, key, prune({ schema: known, value: member, path: place, isResource: isEmbedded(known) }, unknown));
    else if (preserves(schema) || schema.additionalProperties === true) put(out, key, member);
    else unknown.push(place);
  }
  return out;
}

export function put(out: Record<string, Json>, key: string, value: Json): void {
  if (key !== '__proto__') out[key] = value;
  else Object.defineProperty(out, key, { value, enumerable: true, configurable: true, writable: true });
}

export const prunedObject = (schema: JsonSchema, value: JsonObject): JsonObject =>
  pruned(schema, value).value as JsonObject;
