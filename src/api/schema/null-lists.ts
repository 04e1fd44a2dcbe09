import { isObject, type Json, type JsonObject } from '../../base/json.ts';
import type { Field, ObjectType, TypeRef } from './schema.ts';

const found = new WeakMap<ObjectType, readonly Field[]>();

/**
 * A list that is printed as null when it is absent is that too when it was sent empty: storing it forgets the
 * difference. An object without such lists is answered as it is.
 */
export function emptyListsAsNull(type: ObjectType, value: JsonObject): JsonObject {
  let out: Record<string, Json> | undefined;
  for (const field of fieldsToLookAt(type)) {
    const inner = value[field.name];
    if (inner === undefined || inner === null) continue;
    const next = ofField(field, inner);
    if (next === inner) continue;
    out ??= { ...value };
    out[field.name] = next;
  }
  return out ?? value;
}

function ofField({ ref, absent }: Field, value: Json): Json {
  if (ref.type === 'object') return isObject(value) ? emptyListsAsNull(ref.object, value) : value;
  if (ref.type !== 'list' || !Array.isArray(value)) return value;
  if (value.length === 0) return absent === 'null' ? null : value;
  const { items } = ref;
  if (items.type !== 'object' || fieldsToLookAt(items.object).length === 0) return value;
  const next = (value as readonly Json[]).map((item) => (isObject(item) ? emptyListsAsNull(items.object, item) : item));
  return next.every((item, index) => item === value[index]) ? value : next;
}

/** Those that are such lists or lead to one. A type that is inside itself is not followed twice. */
function fieldsToLookAt(type: ObjectType): readonly Field[] {
  let fields = found.get(type);
  if (!fields) {
    found.set(type, []);
    fields = type.fields.filter((field) => isNullList(field) || leadsToNullList(field.ref));
    found.set(type, fields);
  }
  return fields;
}

const isNullList = ({ ref, absent }: Field): boolean => ref.type === 'list' && absent === 'null';

function leadsToNullList(ref: TypeRef): boolean {
  if (ref.type === 'list') return leadsToNullList(ref.items);
  return ref.type === 'object' && fieldsToLookAt(ref.object).length > 0;
}
