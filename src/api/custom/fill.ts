import { isObject, type Json } from '../../base/json.ts';
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
    if (known && member === null && !known.nullable) {
      same = false;
      continue;
    }
    const next = known ? filledIn(known, member) : member;
    same &&= next === member;
    put(out, key, next);
  }
  for (const [key, property] of Object.entries(propertiesOf(schema))) {
    if (property.default === undefined || Object.hasOwn(out, key)) continue;
    put(out, key, filledIn(property, property.default));
    same = false;
  }
  return same ? value : out;
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
