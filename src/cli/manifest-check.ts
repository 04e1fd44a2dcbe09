import type { Kind } from '../api/kind.ts';
import { tryParseQuantity } from '../api/quantity.ts';
import { type Field, type ObjectType, schemaOf, type TypeRef } from '../api/schema/schema.ts';
import { isObject, type Json, type JsonObject } from '../base/json.ts';
import { nearest } from './flags.ts';
import type { Path } from './manifest.ts';

/** What is wrong with one field, in words for whoever wrote the file. */
export interface Mistake {
  readonly path: Path;
  readonly message: string;
}

/** Unknown fields and values of a wrong type. The server checks again; here each mistake still has its line. */
export function mistakesOf(kind: Kind, object: JsonObject): readonly Mistake[] {
  const type = schemaOf(kind);
  if (!type) return [];
  const mistakes: Mistake[] = [];
  checkObject(type, object, [], mistakes);
  return mistakes;
}

/** `spec.containers[0].image` */
export const pathText = (path: Path): string =>
  path.map((step, index) => (typeof step === 'number' ? `[${step}]` : `${index > 0 ? '.' : ''}${step}`)).join('');

/** The steps of such a text; a key in brackets is one step. */
export const pathOfText = (text: string): Path =>
  [...text.matchAll(/\[([^\]]*)\]|[^.[\]]+/g)].map(([whole, inside]) =>
    inside === undefined ? whole : /^\d+$/.test(inside) ? Number(inside) : inside,
  );

function checkObject(type: ObjectType, value: JsonObject, path: Path, mistakes: Mistake[]): void {
  if (type.opaque) return;
  for (const [name, member] of Object.entries(value)) {
    const at = [...path, name];
    const field = type.byName.get(name);
    if (field) checkValue(field.ref, member, at, mistakes);
    else mistakes.push({ path: at, message: `unknown field${suggestion(name, type.fields)}` });
  }
}

function suggestion(name: string, fields: readonly Field[]): string {
  const same = fields.find((field) => field.name.toLowerCase() === name.toLowerCase());
  const close =
    same?.name ??
    nearest(
      name,
      fields.map((field) => field.name),
    );
  return close ? `: did you mean ${close}?` : '';
}

function checkValue(ref: TypeRef, value: Json, path: Path, mistakes: Mistake[]): void {
  if (value === null) return;
  if (ref.type === 'object' && isObject(value)) return checkObject(ref.object, value, path, mistakes);
  if (ref.type === 'list' && Array.isArray(value)) {
    for (const [index, item] of value.entries()) checkValue(ref.items, item, [...path, index], mistakes);
    return;
  }
  if (ref.type === 'map' && isObject(value)) {
    for (const [key, item] of Object.entries(value)) checkValue(ref.values, item, [...path, key], mistakes);
    return;
  }
  const wanted = wantedFor(ref, value);
  if (wanted) mistakes.push({ path, message: `must be ${wanted}, not ${shown(value)}` });
}

/** What the type wants, where the value is not that. */
function wantedFor(ref: TypeRef, value: Json): string | undefined {
  switch (ref.type) {
    case 'string':
    case 'bytes':
    case 'time':
    case 'microTime':
    case 'duration':
      return typeof value === 'string' ? undefined : `a text${typeof value === 'object' ? '' : ' (put it in quotes)'}`;
    case 'bool':
      return typeof value === 'boolean' ? undefined : 'true or false';
    case 'int32':
    case 'int64':
      return Number.isInteger(value) ? undefined : 'a whole number';
    case 'double':
      return typeof value === 'number' ? undefined : 'a number';
    case 'intOrString':
      return typeof value === 'string' || Number.isInteger(value) ? undefined : 'a whole number or a text';
    case 'quantity': {
      const isScalar = typeof value === 'string' || typeof value === 'number';
      return isScalar && 'quantity' in tryParseQuantity(String(value)) ? undefined : 'a quantity such as 100m or 64Mi';
    }
    case 'object':
    case 'map':
      return 'a mapping';
    case 'list':
      return 'a list';
    default:
      return undefined;
  }
}

function shown(value: Json): string {
  if (Array.isArray(value)) return 'a list';
  if (isObject(value)) return 'a mapping';
  return typeof value === 'string' ? `the text ${JSON.stringify(value)}` : `${JSON.stringify(value)}`;
}
