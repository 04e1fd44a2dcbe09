import { encodeBase64 } from '../../base/base64.ts';
import type { Json } from '../../base/json.ts';
import { CelError } from '../cel/cel-error.ts';
import type { MakeStructure } from '../cel/environment.ts';
import { durationText, timestampText } from '../cel/library/time-text.ts';
import { CelMap, Duration, equals, type Result, Structure, Timestamp, Uint, type Value } from '../cel/value.ts';

/** An object that an expression made: `Object{spec: Object.spec{replicas: 1}}`. */
class Made extends Structure {
  readonly typeName: string;
  readonly fields: ReadonlyMap<string, Value>;
  constructor(typeName: string, fields: ReadonlyMap<string, Value>) {
    super();
    this.typeName = typeName;
    this.fields = fields;
  }
  get(field: string): Result | undefined {
    return this.fields.get(field);
  }
  equals(other: Structure): boolean {
    if (!(other instanceof Made) || other.fields.size !== this.fields.size) return false;
    return [...this.fields].every(([name, value]) => {
      const its = other.fields.get(name);
      return its !== undefined && equals(value, its);
    });
  }
}

/** What is inside of an object is named after its place: `Object.spec` under `spec`. */
export const makeStructure: MakeStructure = ({ name }, fields) => {
  for (const [field, value] of fields) {
    if (!(value instanceof Made) || !name.startsWith('Object') || value.typeName === `${name}.${field}`) continue;
    return new CelError(
      `unexpected type name ${JSON.stringify(value.typeName)}, expected "${name}.${field}", which matches field name path from root Object type`,
    );
  }
  return new Made(name, fields);
};

/** A value as JSON; an error where it has no such form. */
export function jsonOf(value: Value): Json | CelError {
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number')
    return value;
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof Uint) return Number(value.value);
  if (value instanceof Uint8Array) return encodeBase64(value);
  if (value instanceof Timestamp) return timestampText(value.nanos);
  if (value instanceof Duration) return durationText(value.nanos);
  if (Array.isArray(value)) return listOf(value as readonly Value[]);
  if (value instanceof CelMap)
    return objectOf(value.keys().map((key) => [String(key), value.get(key) as Value] as const));
  if (value instanceof Made) return objectOf([...value.fields]);
  return new CelError('a value of this type cannot be part of an object');
}

function listOf(list: readonly Value[]): Json | CelError {
  const out: Json[] = [];
  for (const item of list) {
    const json = jsonOf(item);
    if (json instanceof CelError) return json;
    out.push(json);
  }
  return out;
}

function objectOf(entries: readonly (readonly [string, Value])[]): Json | CelError {
  const out: Record<string, Json> = {};
  for (const [name, member] of entries) {
    const json = jsonOf(member);
    if (json instanceof CelError) return json;
    out[name] = json;
  }
  return out;
}
