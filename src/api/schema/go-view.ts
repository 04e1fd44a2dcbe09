import { isObject, type Json, type JsonObject } from '../../base/json.ts';
import { unifiedDiff } from '../../base/line-diff.ts';
import { type Field, type ObjectType, type TypeRef, typeNamed } from './schema.ts';

/**
 * A value as messages show it where upstream prints a whole structure: every field by its name in the program, what
 * is absent as null or as the zero of its type. People search for these sentences, so they are worth the likeness.
 */
export function goView(typeName: string, value: unknown): Json {
  const type = typeNamed(typeName);
  if (value === undefined || value === null) return null;
  return type ? viewOf({ type: 'object', name: typeName, object: type }, value as Json) : (value as Json);
}

/** Where two such views differ, so that whoever is refused need not search. */
export function shownDifference(before: Json, after: Json): string {
  const lines = (view: Json) => JSON.stringify(view, null, 1).split('\n');
  return unifiedDiff(lines(before), lines(after));
}

function viewOf(ref: TypeRef, value: Json): Json {
  if (ref.type === 'list' && Array.isArray(value)) return value.map((item) => viewOf(ref.items, item));
  if (ref.type === 'map' && isObject(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, viewOf(ref.values, item)]));
  }
  return ref.type === 'object' && isObject(value) ? structure(ref.object, value) : value;
}

/** What all groups share is printed as it is sent. */
const isShared = (type: ObjectType): boolean => type.name.startsWith('meta.');

function structure(type: ObjectType, value: JsonObject): Json {
  if (isShared(type)) return value;
  const out: Record<string, Json> = {};
  for (const field of type.fields) {
    const member = value[field.name];
    // Metadata is embedded, so that its fields stand among the others.
    if (field.name === 'metadata' && isObject(member)) Object.assign(out, member);
    else out[goName(field.name)] = member === undefined || member === null ? absent(field) : viewOf(field.ref, member);
  }
  return out;
}

const zeros: Readonly<Record<string, Json>> = { string: '', bool: false, int32: 0, int64: 0, double: 0 };

function absent({ ref, absent: printed, keepsZero }: Field): Json {
  if (ref.type === 'object') return printed === 'zero' ? structure(ref.object, {}) : null;
  return keepsZero ? null : (zeros[ref.type] ?? null);
}

const initials =
  /^(api|aws|cel|cpu|csi|dns|fc|fs|gce|grpc|http|id|ip|ipc|iscsi|nfs|pid|rbd|tcp|tty|uid|url)(?=[A-Z]|$)/;

function goName(name: string): string {
  const found = initials.exec(name)?.[0];
  return found ? found.toUpperCase() + name.slice(found.length) : name.charAt(0).toUpperCase() + name.slice(1);
}
