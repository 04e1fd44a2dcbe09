import { canonicalJson, isObject, type Json } from '../../base/json.ts';
import { compareText } from '../../base/text.ts';
import { type Field, type ObjectType, type TypeRef, typeNamed } from '../schema/schema.ts';
import { fieldTag, valueTag } from './field-set.ts';

/** What server-side apply asks of a value's type: whether it has parts that can have owners of their own, and which. */
export type Shape =
  | { readonly is: 'scalar'; readonly scalar: 'string' | 'number' | 'boolean' | 'any' }
  /** Any JSON: objects have parts, lists have none. */
  | { readonly is: 'deduced' }
  /** Any JSON, owned as one. */
  | { readonly is: 'opaque' }
  | StructShape
  | MapShape
  | ListShape;

export interface StructShape {
  readonly is: 'struct';
  readonly atomic: boolean;
  member(name: string): Member | undefined;
}
export interface Member {
  /** The field's path element. */
  readonly tag: string;
  readonly shape: Shape;
  /** A struct that may have any field has this one as a map has a key. */
  readonly isKey?: true;
}
export interface MapShape {
  readonly is: 'map';
  readonly atomic: boolean;
  readonly values: Shape;
}
export interface ListShape {
  readonly is: 'list';
  readonly how: 'atomic' | 'set' | 'keyed';
  readonly items: Shape;
  /** In the order of their names, with what counts where an item lacks one. */
  readonly keys: readonly { readonly name: string; readonly absent: Json | undefined }[];
}

const text: Shape = { is: 'scalar', scalar: 'string' };
const number: Shape = { is: 'scalar', scalar: 'number' };
const truth: Shape = { is: 'scalar', scalar: 'boolean' };
const anyScalar: Shape = { is: 'scalar', scalar: 'any' };
const deduced: Shape = { is: 'deduced' };
const opaque: Shape = { is: 'opaque' };

const granular = new WeakMap<ObjectType, StructShape>();
const atomic = new WeakMap<ObjectType, StructShape>();

/** The shape of an object type: made once, and its members when they are first asked for. */
export function structShape(type: ObjectType, asOne = type.mapType === 'atomic'): StructShape {
  const known = asOne ? atomic : granular;
  let shape = known.get(type);
  if (!shape) {
    const members = new Map<string, Member>();
    shape = { is: 'struct', atomic: asOne, member: (name) => members.get(name) ?? memberOf(type, name, members) };
    known.set(type, shape);
  }
  return shape;
}

function memberOf(type: ObjectType, name: string, members: Map<string, Member>): Member | undefined {
  const field = type.byName.get(name);
  // What a type keeps without naming it may have any name: that is not remembered.
  if (!field) return type.open ? { tag: fieldTag(name), shape: deduced, isKey: true } : undefined;
  const member = { tag: fieldTag(name), shape: shapeOf(field.ref, field) };
  members.set(name, member);
  return member;
}

/** Objects of a kind of which only the metadata is known. */
export const untypedShape: StructShape = {
  is: 'struct',
  atomic: false,
  member: (name) => {
    const metadata = name === 'metadata' ? typeNamed('meta.v1.ObjectMeta') : undefined;
    return { tag: fieldTag(name), shape: metadata ? structShape(metadata) : deduced };
  },
};

type Hints = Pick<Field, 'listType' | 'mapKeys' | 'mapType' | 'patchMergeKey' | 'patchStrategy'>;

function shapeOf(ref: TypeRef, hints: Hints = {}): Shape {
  switch (ref.type) {
    case 'object':
      if (ref.object.opaque) return deduced;
      return structShape(ref.object, (hints.mapType ?? ref.object.mapType) === 'atomic');
    case 'map':
      return { is: 'map', atomic: hints.mapType === 'atomic', values: shapeOf(ref.values) };
    case 'list':
      return listShape(ref.items, hints);
    case 'string':
    case 'bytes':
    case 'duration':
      return text;
    case 'int32':
    case 'int64':
    case 'double':
      return number;
    case 'bool':
      return truth;
    // Whatever has a format of its own.
    case 'time':
    case 'microTime':
    case 'formatted':
    case 'quantity':
    case 'intOrString':
      return anyScalar;
    case 'json':
      return deduced;
    default:
      return opaque;
  }
}

function listShape(items: TypeRef, hints: Hints): ListShape {
  const { how, keys } = relationOf(hints);
  const type = items.type === 'object' ? items.object : undefined;
  const sorted = [...keys].sort(compareText);
  return {
    is: 'list',
    how: how === 'keyed' && !type ? 'atomic' : how,
    items: shapeOf(items),
    keys: sorted.map((name) => ({ name, absent: absentValue(type?.byName.get(name)) })),
  };
}

/** How a list's items belong together: as its list type says, or, in older types, its patch strategy. */
function relationOf(hints: Hints): { readonly how: ListShape['how']; readonly keys: readonly string[] } {
  const { listType, mapKeys = [], patchMergeKey, patchStrategy } = hints;
  if (listType === 'map') return { how: 'keyed', keys: mapKeys };
  if (listType) return { how: listType, keys: [] };
  if (!patchStrategy?.split(',').includes('merge')) return { how: 'atomic', keys: [] };
  return patchMergeKey ? { how: 'keyed', keys: [patchMergeKey] } : { how: 'set', keys: [] };
}

function absentValue(field: Field | undefined): Json | undefined {
  if (field?.default !== undefined) return field.default as Json;
  if (!field?.zeroDefault) return undefined;
  if (field.ref.type === 'string') return '';
  return field.ref.type === 'bool' ? false : 0;
}

/** The path element of a list item; undefined where it has none: all keys are missing, or it is no scalar in a set. */
export function itemTag(shape: ListShape, item: Json): string | undefined {
  if (shape.how === 'set') return typeof item === 'object' ? undefined : valueTag(item);
  if (!isObject(item)) return undefined;
  let tag = 'k:{';
  for (const { name, absent } of shape.keys) {
    const value = item[name] ?? absent;
    if (value === undefined) continue;
    if (tag.length > 3) tag += ',';
    tag += `${JSON.stringify(name)}:${typeof value === 'object' ? canonicalJson(value) : JSON.stringify(value)}`;
  }
  return tag === 'k:{' ? undefined : `${tag}}`;
}

/** The parts of an object-like value by name, or undefined where the value is owned as one. */
export function partsOf(shape: Shape): ((name: string) => Member | undefined) | undefined {
  if (shape.is === 'struct') return shape.atomic ? undefined : shape.member;
  if (shape.is === 'map') {
    return shape.atomic ? undefined : (name) => ({ tag: fieldTag(name), shape: shape.values });
  }
  return shape.is === 'deduced' ? (name) => ({ tag: fieldTag(name), shape: deduced }) : undefined;
}
