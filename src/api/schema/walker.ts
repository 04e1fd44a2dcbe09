import { encodeBase64 } from '../../base/base64.ts';
import { isObject, type Json, type JsonObject } from '../../base/json.ts';
import {
  isLarge,
  isListed,
  membersIn,
  namedAs,
  namesIn,
  type Steps,
  Stride,
  stepMembersMax,
} from '../../base/steps.ts';
import { formatQuantity, roundUpToMillis, tryParseQuantity } from '../quantity.ts';
import { isInt64 } from './integers.ts';
import {
  canonicalBase64,
  canonicalMicroTime,
  canonicalTime,
  formatDuration,
  parseDuration,
  type Scalar,
} from './scalars.ts';
import { type Field, type ObjectType, type TypeRef, typeNamed } from './schema.ts';

export interface WalkOptions {
  /** Where the value stands inside the object that was sent, for the paths of unknown fields: `spec.template`. */
  readonly path?: string;
  /** A value of the type that was read before: what is the very same in both is taken as it is. */
  readonly known?: JsonObject;
}
export interface Walked {
  /** Only what the type has, in canonical form: what Kubernetes would print back before defaulting. */
  readonly value: JsonObject;
  /** Paths of fields that the type does not have: `spec.containers[0].foo`. */
  readonly unknown: readonly string[];
  /** What decoding the JSON into the type would fail with, in Kubernetes' words; the first is the one it answers. */
  readonly errors: readonly string[];
}

/** As many unknown fields are told, no more. */
const unknownMax = 100;

/** Checks and normalises a value the way upstream's JSON decoding into structs and encoding back does. */
export function walk(type: ObjectType, value: unknown, options: WalkOptions = {}): Walked {
  const walker = new Walker(options.path ?? '');
  if (!isObject(value)) {
    if (value === null || value === undefined) return { value: zeroObject(type), unknown: [], errors: [] };
    return {
      value: {},
      unknown: [],
      errors: [`json: cannot unmarshal ${wordFor(value)} into Go value of type ${goTypeName(type.name)}`],
    };
  }
  return { value: walker.object(type, value, options.known), unknown: walker.unknown, errors: walker.errors };
}

/** The same for a value that may be long. */
export function* walkInSteps(type: ObjectType, value: unknown, options: WalkOptions = {}): Steps<Walked> {
  if (!isObject(value) || !isLarge(value)) return walk(type, value, options);
  const walker = new Walker(options.path ?? '');
  return {
    value: yield* walker.objectInSteps(type, value, options.known),
    unknown: walker.unknown,
    errors: walker.errors,
  };
}

type Step = Field | number | { readonly key: string };

class Walker {
  readonly unknown: string[] = [];
  readonly errors: string[] = [];
  readonly #root: string;
  readonly #steps: Step[] = [];
  readonly #stride = new Stride();
  /** Inside types that read their own JSON, unknown fields are dropped without a word. */
  #silent = false;
  #struct = '';

  constructor(root: string) {
    this.#root = root;
  }

  object(type: ObjectType, value: JsonObject, known?: JsonObject): JsonObject {
    const outer = this.#struct;
    this.#struct = type.name;
    const byName = type.byName;
    const out: Record<string, Json> = {};
    // Not by for-in: V8 learns nothing of what is read by its keys, and throws its fast code away again and again.
    const keys = Object.keys(value);
    for (let index = 0; index < keys.length; index++) {
      const key = keys[index] as string;
      const field = byName.get(key);
      if (field === undefined) {
        this.#reportUnknown(key);
        continue;
      }
      const member = value[key];
      if (member === null || member === undefined) continue;
      if (known !== undefined && typeof member === 'object' && member === known[key]) {
        out[key] = member;
        continue;
      }
      this.#steps.push(field);
      const read = this.read(field.ref, member);
      this.#steps.pop();
      if (isKept(read, field)) out[key] = read;
    }
    fillAlwaysPrinted(type, out);
    this.#struct = outer;
    return out;
  }

  *objectInSteps(type: ObjectType, value: JsonObject, known?: JsonObject): Steps<JsonObject> {
    const outer = this.#struct;
    this.#struct = type.name;
    const out: Record<string, Json> = {};
    for (const key of namesIn(value)) {
      const field = type.byName.get(key);
      const member = value[key];
      if (field === undefined) {
        this.#reportUnknown(key);
        if (this.#stride.isLong(1)) yield this.#stride.taken();
      } else if (known !== undefined && typeof member === 'object' && member === known[key]) {
        out[key] = member;
      } else if (member !== null && member !== undefined) {
        this.#steps.push(field);
        const read = yield* this.#readInSteps(field.ref, member);
        this.#steps.pop();
        // To find out whether it is empty, the platform would list all names.
        const isLong = isObject(read) && isListed(read);
        if (isLong || isKept(read, field)) out[key] = read;
      }
    }
    fillAlwaysPrinted(type, out);
    this.#struct = outer;
    return out;
  }

  *#readInSteps(ref: TypeRef, value: Json): Steps<Json | undefined> {
    const members = membersIn(value);
    if (this.#stride.isLong(members)) yield this.#stride.taken();
    if (members < stepMembersMax) return this.read(ref, value);
    if (Array.isArray(value)) {
      return ref.type === 'list' ? yield* this.#listInSteps(ref.items, value) : this.read(ref, value);
    }
    if (!isObject(value)) return this.read(ref, value);
    if (ref.type === 'object') return yield* this.objectInSteps(ref.object, value);
    if (ref.type === 'map') return yield* this.#mapInSteps(ref, value);
    if (!ref.type.startsWith('schema')) return this.read(ref, value);
    const silent = this.#silent;
    this.#silent = true;
    const out = yield* this.objectInSteps(typeNamed('apiextensions.v1.JSONSchemaProps') as ObjectType, value);
    this.#silent = silent;
    return out;
  }

  *#listInSteps(items: TypeRef, value: readonly Json[]): Steps<Json> {
    const out: Json[] = [];
    for (let index = 0; index < value.length; index++) {
      const item = value[index] as Json;
      this.#steps.push(index);
      const read = item === null ? zeroOf(items) : yield* this.#readInSteps(items, item);
      this.#steps.pop();
      out.push(read === undefined ? zeroOf(items) : read);
    }
    return out;
  }

  *#mapInSteps(ref: Extract<TypeRef, { type: 'map' }>, value: JsonObject): Steps<Json> {
    if (ref.values.type === 'string' && (yield* this.#hasTextsAlone(value))) return value;
    const out: Record<string, Json> = {};
    const { length } = this.errors;
    for (const key of namesIn(value)) {
      const item = value[key] as Json;
      const members = membersIn(item);
      if (members < stepMembersMax) {
        if (this.#stride.isLong(members)) yield this.#stride.taken();
        this.#entry(out, key, ref.values, item);
        continue;
      }
      this.#steps.push({ key });
      const read = yield* this.#readInSteps(ref.values, item);
      this.#steps.pop();
      if (read !== undefined) put(out, key, read);
    }
    // What is wrong is left out.
    if (this.errors.length === length) namedAs(out, value);
    return out;
  }

  /** Then it is read as it is: a second object of so many members would take megabytes. */
  *#hasTextsAlone(value: JsonObject): Steps<boolean> {
    for (const key of namesIn(value)) {
      if (typeof value[key] !== 'string') return false;
      if (this.#stride.isLong(1)) yield this.#stride.taken();
    }
    return true;
  }

  /** undefined: as if it had not been sent. */
  read(ref: TypeRef, value: Json): Json | undefined {
    switch (ref.type) {
      case 'string':
        return typeof value === 'string' ? value : this.#wrong(ref, value);
      case 'bool':
        return typeof value === 'boolean' ? value : this.#wrong(ref, value);
      case 'int32':
      case 'int64':
        return this.#integer(ref, value);
      case 'double':
        return typeof value === 'number' ? value : this.#wrong(ref, value);
      case 'object':
        return isObject(value) ? this.object(ref.object, value) : this.#wrong(ref, value);
      case 'list':
        return Array.isArray(value) ? this.#list(ref.items, value) : this.#wrong(ref, value);
      case 'map':
        return isObject(value) ? this.#map(ref, value) : this.#wrong(ref, value);
      case 'raw':
      case 'fieldsV1':
      case 'json':
        return value;
      default:
        return this.#special(ref, value);
    }
  }

  #integer(ref: TypeRef, value: Json): Json | undefined {
    if (typeof value !== 'number') return this.#wrong(ref, value);
    if (ref.type === 'int32' ? (value | 0) === value : isInt64(value)) return value;
    return this.#wrong(ref, value, `number ${Number.isInteger(value) ? BigInt(value) : value}`);
  }

  #list(items: TypeRef, value: readonly Json[]): Json {
    const out: Json[] = [];
    for (let index = 0; index < value.length; index++) {
      const item = value[index] as Json;
      this.#steps.push(index);
      const read = item === null ? zeroOf(items) : this.read(items, item);
      this.#steps.pop();
      out.push(read === undefined ? zeroOf(items) : read);
    }
    return out;
  }

  #map(ref: Extract<TypeRef, { type: 'map' }>, value: JsonObject): Json {
    const out: Record<string, Json> = {};
    for (const key in value) this.#entry(out, key, ref.values, value[key] as Json);
    return out;
  }

  #entry(out: Record<string, Json>, key: string, values: TypeRef, item: Json): void {
    let read: Json | undefined;
    if (values.type === 'string' && typeof item === 'string') read = item;
    else if (item === null) read = zeroOf(values);
    else {
      this.#steps.push({ key });
      read = values.type === 'quantity' ? this.#quantity(item, true) : this.read(values, item);
      this.#steps.pop();
    }
    if (read !== undefined) put(out, key, read);
  }

  #special(ref: TypeRef, value: Json): Json | undefined {
    switch (ref.type) {
      case 'bytes':
        if (typeof value === 'string') return this.#scalar(canonicalBase64(value));
        // Go reads bytes from a list of numbers too.
        return isBytes(value) ? encodeBase64(Uint8Array.from(value)) : this.#wrong(ref, value);
      case 'time':
        return this.#time(value, canonicalTime);
      case 'microTime':
        return this.#time(value, canonicalMicroTime);
      case 'quantity':
        return this.#quantity(value, false);
      case 'duration':
        return this.#duration(value);
      case 'intOrString':
        return this.#intOrString(value);
      default:
        return this.#schemaOr(ref, value);
    }
  }

  #scalar(scalar: Scalar): string | undefined {
    if ('value' in scalar) return scalar.value;
    this.errors.push(scalar.error);
    return undefined;
  }

  #time(value: Json, canonical: (text: string) => Scalar): Json | undefined {
    if (typeof value !== 'string') return this.#wrong({ type: 'string' }, value);
    // The zero time counts as absent.
    return this.#scalar(canonical(value)) || undefined;
  }

  #quantity(value: Json, inList: boolean): Json | undefined {
    const text = typeof value === 'string' ? value.trim() : typeof value === 'number' ? String(value) : 'x';
    if (plainQuantity.test(text)) return text;
    const parsed = tryParseQuantity(text);
    if ('error' in parsed) {
      this.errors.push(parsed.error);
      return undefined;
    }
    return formatQuantity(inList ? roundUpToMillis(parsed.quantity) : parsed.quantity);
  }

  #duration(value: Json): Json | undefined {
    if (typeof value !== 'string') return this.#wrong({ type: 'string' }, value);
    const nanos = parseDuration(value);
    if (nanos !== undefined) return formatDuration(nanos);
    this.errors.push(`time: invalid duration ${JSON.stringify(value)}`);
    return undefined;
  }

  #intOrString(value: Json): Json | undefined {
    if (typeof value === 'string') return value;
    return this.#integer({ type: 'int32' }, value);
  }

  #schemaOr(ref: TypeRef, value: Json): Json | undefined {
    const schema = typeNamed('apiextensions.v1.JSONSchemaProps') as ObjectType;
    if (isObject(value)) return this.#own(() => this.object(schema, value));
    if (ref.type === 'schemaOrBool') {
      if (typeof value === 'boolean') return value;
      this.errors.push('boolean or JSON schema expected');
      return undefined;
    }
    if (!Array.isArray(value)) return undefined;
    const items: TypeRef = ref.type === 'schemaOrArray' ? schemaRef : { type: 'string' };
    return this.#own(() => this.#list(items, value));
  }

  /** Reads what a type reads by itself: unknown fields in there are not told. */
  #own(read: () => Json): Json {
    const silent = this.#silent;
    this.#silent = true;
    const out = read();
    this.#silent = silent;
    return out;
  }

  #reportUnknown(key: string): void {
    if (this.#silent || this.unknown.length >= unknownMax) return;
    let path = this.#root;
    for (const step of this.#steps) {
      if (typeof step === 'number') path += `[${step}]`;
      else path += `${path ? '.' : ''}${'ref' in step ? step.name : step.key}`;
    }
    this.unknown.push(`${path}${path ? '.' : ''}${key}`);
  }

  #wrong(ref: TypeRef, value: Json, word = wordFor(value)): undefined {
    const names: string[] = [];
    for (const field of this.#fields()) names.push(...(field.inside ?? []), field.name);
    const struct = this.#struct.slice(this.#struct.lastIndexOf('.') + 1);
    const into = names.length > 0 ? `Go struct field ${struct}.${names.join('.')}` : 'Go value';
    const type = goName(ref, this.#struct, this.#fields().at(-1)?.goType);
    this.errors.push(`json: cannot unmarshal ${word} into ${into} of type ${type}`);
    return undefined;
  }

  #fields(): readonly Field[] {
    return this.#steps.filter((step): step is Field => typeof step === 'object' && 'ref' in step);
  }
}

const schemaRef: TypeRef = {
  type: 'object',
  name: 'apiextensions.v1.JSONSchemaProps',
  get object() {
    return typeNamed('apiextensions.v1.JSONSchemaProps') as ObjectType;
  },
};

const isKept = (read: Json | undefined, field: Field): read is Json =>
  read !== undefined && (field.absent !== 'omit' || !isEmpty(read, field));

function put(out: Record<string, Json>, key: string, value: Json): void {
  if (key === '__proto__')
    Object.defineProperty(out, key, { value, enumerable: true, configurable: true, writable: true });
  else out[key] = value;
}

function isEmpty(value: Json, field: Field): boolean {
  if (value === '' || value === 0 || value === false) return !field.keepsZero && !alwaysKept(field);
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.length === 0 && field.ref.type === 'list';
  if (field.ref.type !== 'map') return false;
  for (const _ in value) return false;
  return true;
}

// Values that are pointers or structs inside: written is written.
const alwaysKept = (field: Field): boolean => {
  const type = field.ref.type;
  return type === 'intOrString' || type === 'raw' || type === 'json' || type === 'fieldsV1' || type === 'schemaOrBool';
};

/** Most quantities that are sent are canonical already. */
const plainQuantity = /^[1-9][0-9]{0,2}(?:m|k|[MGT]i?|Ki)?$/;

const printed = new WeakMap<ObjectType, readonly Field[]>();
function alwaysPrinted(type: ObjectType): readonly Field[] {
  let fields = printed.get(type);
  if (!fields) {
    fields = type.fields.filter((field) => field.absent !== 'omit');
    printed.set(type, fields);
  }
  return fields;
}

function fillAlwaysPrinted(type: ObjectType, out: Record<string, Json>): void {
  const always = alwaysPrinted(type);
  for (let index = 0; index < always.length; index++) {
    const field = always[index] as Field;
    if (out[field.name] === undefined) out[field.name] = field.absent === 'null' ? null : zeroOf(field.ref);
  }
}

/** What an absent value of the type is printed as. */
function zeroOf(ref: TypeRef): Json {
  switch (ref.type) {
    case 'string':
    case 'bytes':
      return '';
    case 'int32':
    case 'int64':
    case 'double':
    case 'intOrString':
      return 0;
    case 'bool':
      return false;
    case 'quantity':
      return '0';
    case 'object':
      return zeroObject(ref.object);
    case 'duration':
      return '0s';
    default:
      return null;
  }
}

function zeroObject(type: ObjectType): JsonObject {
  const out: Record<string, Json> = {};
  for (const field of alwaysPrinted(type)) out[field.name] = field.absent === 'null' ? null : zeroOf(field.ref);
  return out;
}

const isBytes = (value: Json): value is readonly number[] =>
  Array.isArray(value) && value.every((item) => Number.isInteger(item) && Number(item) >= 0 && Number(item) <= 0xff);

function wordFor(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

const goTypeName = (name: string): string => name.slice(name.indexOf('.') + 1);

function goName(ref: TypeRef, struct: string, named?: string): string {
  switch (ref.type) {
    case 'object':
      return goTypeName(ref.name);
    case 'list':
      return ref.wrapped ? 'v1.ExtraValue' : `[]${goName(ref.items, struct, named)}`;
    case 'map':
      return ref.values.type === 'quantity' && struct.startsWith('core.')
        ? 'v1.ResourceList'
        : `map[string]${goName(ref.values, struct)}`;
    case 'string':
      return named ?? 'string';
    case 'bytes':
      return '[]uint8';
    case 'double':
      return 'float64';
    case 'quantity':
      return 'resource.Quantity';
    case 'time':
      return 'v1.Time';
    case 'microTime':
      return 'v1.MicroTime';
    default:
      return ref.type;
  }
}
