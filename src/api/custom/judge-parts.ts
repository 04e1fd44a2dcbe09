import { canonicalJson, isObject, type Json, type JsonObject } from '../../base/json.ts';
import { membersIn, namesIn, type Steps, Stride } from '../../base/steps.ts';
import { type FieldError, invalid, required } from '../field-error.ts';
import { validateMeta } from '../metadata-rules.ts';
import { dnsOldLabel, pathSegment } from '../names.ts';
import type { Meta } from '../object.ts';
import { additionalOf, isEmbedded, type JsonSchema, propertyOf } from './json-schema.ts';

interface Place {
  readonly schema: JsonSchema;
  readonly value: Json;
  readonly path: string;
}

/** What schemas say beyond types: objects inside of others are objects, and lists that are sets or maps hold nothing twice. */
export function* judgeParts(schema: JsonSchema, value: Json): Steps<readonly FieldError[]> {
  const parts = new Parts();
  yield* parts.within({ schema, value, path: '' });
  return [...parts.ofObjects, ...parts.ofLists];
}

class Parts {
  readonly ofObjects: FieldError[] = [];
  readonly ofLists: FieldError[] = [];
  readonly #stride = new Stride();

  *within({ schema, value, path }: Place): Steps<void> {
    if (this.#stride.isLong(1)) yield this.#stride.taken();
    if (Array.isArray(value)) {
      yield* this.#list(schema, value, path);
      const { items } = schema;
      if (!items) return;
      for (const [index, item] of value.entries())
        yield* this.within({ schema: items, value: item, path: `${path}[${index}]` });
      return;
    }
    if (!isObject(value)) return;
    if (isEmbedded(schema)) yield* judgeEmbedded(value, path, this.ofObjects);
    const additional = additionalOf(schema);
    for (const key of namesIn(value)) {
      const known = propertyOf(schema, key) ?? additional;
      const at = path === '' ? key : `${path}.${key}`;
      if (known) yield* this.within({ schema: known, value: value[key] as Json, path: at });
    }
  }

  *#list(schema: JsonSchema, list: readonly Json[], path: string): Steps<void> {
    const how = schema['x-kubernetes-list-type'];
    if (how !== 'set' && how !== 'map') return;
    const odd = how === 'map' ? list.findIndex((item) => item !== null && !isObject(item)) : -1;
    if (odd >= 0) {
      const why = 'must be an object for an array of list-type map';
      this.ofLists.push(invalid(`${path}[${odd}]`, list[odd], why));
      return;
    }
    const keys = schema['x-kubernetes-list-map-keys'] ?? [];
    const seen = new Map<string, number>();
    for (const [index, item] of list.entries()) {
      if (this.#stride.isLong(membersIn(item))) yield this.#stride.taken();
      const text = canonicalJson(how === 'set' ? item : keyOf(item, keys));
      const times = seen.get(text) ?? 0;
      seen.set(text, times + 1);
      // What is there three times is told once.
      if (times !== 1) continue;
      this.ofLists.push({ path: `${path}[${index}]`, type: 'Duplicate', text: `Duplicate value: ${text}` });
    }
  }
}

const keyOf = (item: Json, keys: readonly string[]): Json =>
  isObject(item) ? Object.fromEntries(keys.filter((key) => key in item).map((key) => [key, item[key] as Json])) : {};

/** A whole object inside another, of any kind: it says what it is, and its metadata is like that of all. */
function* judgeEmbedded(object: JsonObject, path: string, errors: FieldError[]): Steps<void> {
  const { apiVersion, kind, metadata } = object;
  judgeText(apiVersion, `${path}.apiVersion`, errors, (text) =>
    text.split('/').length > 2 ? `unexpected GroupVersion string: ${text}` : undefined,
  );
  judgeText(kind, `${path}.kind`, errors, (text) => {
    const why = dnsOldLabel(text.toLowerCase());
    return why.length === 0 ? undefined : `may have mixed case, but should otherwise match: ${why.join(',')}`;
  });
  if (!isObject(metadata)) return;
  const meta = { ...metadata, name: metadata.name || 'any' } as Meta;
  const ofMeta = yield* validateMeta(meta, { asked: meta, previous: undefined }, anyKind);
  for (const error of ofMeta) errors.push({ ...error, path: `${path}.${error.path}` });
}

const anyKind = { namespaced: true, rules: { validateName: pathSegment } };

function judgeText(
  text: Json | undefined,
  path: string,
  errors: FieldError[],
  wrong: (text: string) => string | undefined,
): void {
  if (text === undefined) errors.push(required(path));
  else if (typeof text !== 'string') errors.push(invalid(path, text, 'must be a string'));
  else {
    const why = text === '' ? 'must not be empty' : wrong(text);
    if (why !== undefined) errors.push(invalid(path, text, why));
  }
}
