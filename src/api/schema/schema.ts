import { tableOf } from './names.ts';
import { groups } from './tables/groups.ts';

// The one lookup of what an object of a kind looks like. Nothing is parsed before it is asked for: a group's table when
// the first of its types is, a type's fields when that type is.

export type ScalarType =
  | 'string'
  | 'int32'
  | 'int64'
  | 'bool'
  | 'double'
  | 'bytes'
  | 'time'
  | 'microTime'
  | 'duration'
  | 'quantity'
  | 'intOrString'
  /** A text of a custom kind with a format. */
  | 'formatted'
  /** An embedded object of any kind (RawExtension). */
  | 'raw'
  | 'fieldsV1'
  /** Any JSON value. */
  | 'json'
  /** Inside a CRD's schema: a schema or a list of them, a schema or a bool, a schema or a list of strings. */
  | 'schemaOrArray'
  | 'schemaOrBool'
  | 'schemaOrStrings';

export type TypeRef =
  | { readonly type: ScalarType }
  | { readonly type: 'object'; readonly name: string; readonly object: ObjectType }
  /** `wrapped`: in protobuf a message of its own around the list. */
  | { readonly type: 'list'; readonly items: TypeRef; readonly wrapped: boolean }
  | { readonly type: 'map'; readonly values: TypeRef };

export interface Field {
  readonly name: string;
  readonly ref: TypeRef;
  /** Protobuf field numbers from here to the value: more than one where a struct is embedded. Empty: not in protobuf. */
  readonly numbers: readonly number[];
  /** The names of those embedded structs, which decode errors tell. */
  readonly inside?: readonly string[];
  /** What decode errors call the type of a string, or of the strings of a list: `v1.PullPolicy`. */
  readonly goType?: string;
  readonly required: boolean;
  /** Whether an absent value is printed: as nothing, as the zero of its type, or as null. */
  readonly absent: 'omit' | 'zero' | 'null';
  /** Whether a zero (0, false, '') that was sent is kept: it means something other than absent. */
  readonly keepsZero: boolean;
  /** Whether the OpenAPI document names the zero of the type as its default. */
  readonly zeroDefault: boolean;
  readonly enum?: readonly string[];
  /** What the elements of a list or map may be. */
  readonly elementEnum?: readonly string[];
  /** The default that the OpenAPI document names, other than a zero. */
  readonly default?: unknown;
  readonly listType?: 'atomic' | 'set' | 'map';
  readonly mapKeys?: readonly string[];
  readonly mapType?: 'atomic' | 'granular';
  readonly patchMergeKey?: string;
  /** `merge`, `replace`, `retainKeys`, or two of them with a comma. */
  readonly patchStrategy?: string;
}

export interface ObjectType {
  /** core.v1.Pod */
  readonly name: string;
  readonly fields: readonly Field[];
  readonly byName: ReadonlyMap<string, Field>;
  /** Whether the OpenAPI documents know it; otherwise only its protobuf numbers are known. */
  readonly published: boolean;
  /** `group/version/kind`, where it is a kind. */
  readonly kind?: string;
  readonly mapType?: 'atomic' | 'granular';
  readonly unions?: unknown;
  /** A published object that names no properties at all. */
  readonly opaque: boolean;
  /** Fields that it does not name are kept, whatever they are: only custom types have that. */
  readonly open?: boolean;
}

export interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/** By kinds that are asked for with each request: their names need not be put together again. */
const byKind = new WeakMap<GroupVersionKind, { readonly type: ObjectType | undefined }>();

/** What an object of this kind looks like. */
export function schemaOf(kind: GroupVersionKind): ObjectType | undefined {
  let found = byKind.get(kind);
  if (!found) {
    found = { type: schemaNamed(kind) };
    byKind.set(kind, found);
  }
  return found.type;
}

/** The same by names that somebody sent. Kinds of every group (DeleteOptions, Status, ...) are found under any. */
export function schemaNamed(kind: GroupVersionKind): ObjectType | undefined {
  return typeNamed(`${tableOf(kind.group)}.${kind.version}.${kind.kind}`) ?? metaType(kind);
}

export function typeNamed(name: string): ObjectType | undefined {
  const known = types.get(name);
  if (known) return known;
  const dot = name.indexOf('.');
  const group = name.slice(0, dot);
  const row = tableRows(group)?.[name.slice(dot + 1)];
  if (!row) return undefined;
  const type = new LazyObjectType(name, group, row);
  types.set(name, type);
  return type;
}

/** The names of a group's types: core, apps, meta, ... */
export const typeNames = (table: string): readonly string[] =>
  Object.keys(tableRows(table) ?? {}).map((name) => `${table}.${name}`);
export const tableNames = (): readonly string[] => Object.keys(groups);

type Extras = Readonly<Record<string, unknown>>;
type FieldRow = readonly [name: string, number: number | string, type: string, flags?: string, extras?: Extras];
interface TypeRow {
  readonly o?: 1;
  readonly f: readonly FieldRow[];
  readonly g?: readonly string[];
  readonly x?: Extras;
}

const types = new Map<string, ObjectType>();
const tables = new Map<string, Readonly<Record<string, TypeRow>>>();

function tableRows(table: string): Readonly<Record<string, TypeRow>> | undefined {
  const known = tables.get(table);
  if (known) return known;
  if (!Object.hasOwn(groups, table)) return undefined;
  // Without a prototype, so that no name finds what every object has.
  const rows = Object.assign(Object.create(null), JSON.parse((groups[table] as () => string)()));
  tables.set(table, rows);
  return rows;
}

const metaKinds =
  /^(?:\w+Options|Status|WatchEvent|APIGroup|APIGroupList|APIResourceList|APIVersions|PartialObjectMetadata(?:List)?)$/;
function metaType(kind: GroupVersionKind): ObjectType | undefined {
  return metaKinds.test(kind.kind) ? typeNamed(`meta.v1.${kind.kind}`) : undefined;
}

class LazyObjectType implements ObjectType {
  readonly name: string;
  readonly published: boolean;
  readonly opaque: boolean;
  readonly kind?: string;
  readonly mapType?: 'atomic' | 'granular';
  readonly unions?: unknown;
  readonly #group: string;
  readonly #rows: readonly FieldRow[];
  #fields: readonly Field[] | undefined;
  #byName: ReadonlyMap<string, Field> | undefined;

  constructor(name: string, group: string, row: TypeRow) {
    this.name = name;
    this.published = row.o === 1;
    this.opaque = row.x?.np === 1;
    const kind = row.g?.[0];
    if (kind !== undefined) this.kind = kind;
    if (row.x?.mt) this.mapType = row.x.mt as 'atomic';
    if (row.x?.un) this.unions = row.x.un;
    this.#group = group;
    this.#rows = row.f;
  }

  get fields(): readonly Field[] {
    this.#fields ??= this.#rows.map((row) => fieldOf(row, this.#group));
    return this.#fields;
  }

  get byName(): ReadonlyMap<string, Field> {
    this.#byName ??= new Map(this.fields.map((field) => [field.name, field]));
    return this.#byName;
  }
}

function fieldOf([name, number, code, flags = '', extras = {}]: FieldRow, group: string): Field {
  const ref = refOf(code, group);
  const required = flags.includes('r');
  const collection = ref.type === 'list' || ref.type === 'map';
  const zero = flags.includes('v') || (flags.includes('z') && !flags.includes('o'));
  const isNull = flags.includes('n') || (collection && required && !flags.includes('o'));
  const absent = isNull ? 'null' : zero ? 'zero' : 'omit';
  return {
    name,
    ref,
    numbers: number === 0 ? [] : String(number).split('/').map(Number),
    required,
    absent,
    keepsZero: flags.includes('p'),
    zeroDefault: flags.includes('z'),
    ...(extras.in ? { inside: extras.in as string[] } : {}),
    ...(extras.gt ? { goType: extras.gt as string } : {}),
    ...(extras.e ? { enum: extras.e as string[] } : {}),
    ...(extras.ee ? { elementEnum: extras.ee as string[] } : {}),
    ...(extras.d === undefined ? {} : { default: extras.d }),
    ...(extras.l ? { listType: extras.l as 'atomic' } : {}),
    ...(extras.k ? { mapKeys: extras.k as string[] } : {}),
    ...(extras.mt ? { mapType: extras.mt as 'atomic' } : {}),
    ...(extras.mk ? { patchMergeKey: extras.mk as string } : {}),
    ...(extras.ps ? { patchStrategy: extras.ps as string } : {}),
  };
}

const scalars: Readonly<Record<string, { readonly type: ScalarType }>> = {
  s: { type: 'string' },
  i: { type: 'int32' },
  l: { type: 'int64' },
  b: { type: 'bool' },
  d: { type: 'double' },
  y: { type: 'bytes' },
  t: { type: 'time' },
  u: { type: 'microTime' },
  D: { type: 'duration' },
  q: { type: 'quantity' },
  o: { type: 'intOrString' },
  r: { type: 'raw' },
  F: { type: 'fieldsV1' },
  j: { type: 'json' },
  A: { type: 'schemaOrArray' },
  B: { type: 'schemaOrBool' },
  S: { type: 'schemaOrStrings' },
};
const refs = new Map<string, TypeRef>();

function refOf(code: string, group: string): TypeRef {
  const scalar = scalars[code];
  if (scalar) return scalar;
  if (code.startsWith('w[]')) return { type: 'list', items: refOf(code.slice(3), group), wrapped: true };
  if (code.startsWith('[]')) return { type: 'list', items: refOf(code.slice(2), group), wrapped: false };
  if (code.startsWith('{}')) return { type: 'map', values: refOf(code.slice(2), group) };
  const name = code.startsWith('@.') ? group + code.slice(1) : code.slice(1);
  let ref = refs.get(name);
  if (!ref) {
    ref = new ObjectRef(name);
    refs.set(name, ref);
  }
  return ref;
}

class ObjectRef {
  readonly type = 'object';
  readonly name: string;
  #object: ObjectType | undefined;

  constructor(name: string) {
    this.name = name;
  }

  get object(): ObjectType {
    if (!this.#object) {
      const found = typeNamed(this.name);
      if (!found) throw new Error(`the tables name a type that they do not have: ${this.name}`);
      this.#object = found;
    }
    return this.#object;
  }
}
