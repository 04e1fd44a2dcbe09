import { isObject, type Json, type JsonObject } from '../../base/json.ts';
import { namesIn, type Steps, Stride } from '../../base/steps.ts';
import { type ObjectType, typeNamed } from '../schema/schema.ts';
import { type Walked, walkInSteps } from '../schema/walker.ts';
import { additionalOf, isEmbedded, type JsonSchema, propertyOf, somewhere } from './json-schema.ts';
import { prunedInSteps } from './prune.ts';

/** Metadata is what it is everywhere, also of objects inside of others; the rest is what the schema knows. */
export function* decoded(schema: JsonSchema, value: JsonObject): Steps<Walked> {
  const meta = yield* walkInSteps(metaType(), value.metadata ?? {}, { path: 'metadata' });
  const { value: whole, unknown } = yield* prunedInSteps(schema, value);
  const inside = new Inside();
  const kept = hasEmbedded(schema) ? yield* inside.within(schema, whole, '') : whole;
  const errors = meta.errors.map((text) =>
    text.replace('Go struct field ObjectMeta.', 'Go struct field ObjectMeta.metadata.'),
  );
  return {
    value: { ...(kept as JsonObject), metadata: meta.value },
    unknown: [...meta.unknown, ...unknown, ...inside.unknown].sort((a, b) => (a < b ? -1 : 1)),
    errors: [...errors, ...inside.errors],
  };
}

const metaType = (): ObjectType => typeNamed('meta.v1.ObjectMeta') as ObjectType;

const embedding = new WeakMap<JsonSchema, boolean>();
function hasEmbedded(schema: JsonSchema): boolean {
  let has = embedding.get(schema);
  if (has === undefined) embedding.set(schema, (has = somewhere(schema, isEmbedded)));
  return has;
}

/** The metadata of objects inside of another. */
class Inside {
  readonly unknown: string[] = [];
  readonly errors: string[] = [];
  readonly #stride = new Stride();

  *within(schema: JsonSchema, value: Json, path: string): Steps<Json> {
    if (this.#stride.isLong(1)) yield this.#stride.taken();
    if (Array.isArray(value)) {
      const { items } = schema;
      if (!items || !hasEmbedded(items)) return value;
      const list: Json[] = [];
      for (const item of value as readonly Json[])
        list.push(yield* this.within(items, item, `${path}[${list.length}]`));
      return list;
    }
    if (!isObject(value)) return value;
    const whole = isEmbedded(schema) && path !== '' ? yield* this.#withMeta(value, path) : value;
    const changed: Record<string, Json> = {};
    const additional = additionalOf(schema);
    for (const key of namesIn(whole)) {
      const known = propertyOf(schema, key) ?? additional;
      if (!known || !hasEmbedded(known)) continue;
      changed[key] = yield* this.within(known, whole[key] as Json, path === '' ? key : `${path}.${key}`);
    }
    return { ...whole, ...changed };
  }

  *#withMeta(object: JsonObject, path: string): Steps<JsonObject> {
    for (const name of ['apiVersion', 'kind']) {
      const said = object[name];
      if (said === undefined || typeof said === 'string') continue;
      this.errors.push(`${path}.${name}: Invalid value: ${JSON.stringify(said)}: must be a string`);
    }
    const { metadata } = object;
    if (metadata === undefined) return object;
    const at = `${path}.metadata`;
    const walked = yield* walkInSteps(metaType(), metadata, { path: at });
    for (const text of walked.errors) this.errors.push(`${at}: Invalid value: ${JSON.stringify(metadata)}: ${text}`);
    this.unknown.push(...walked.unknown);
    return { ...object, metadata: walked.value };
  }
}
