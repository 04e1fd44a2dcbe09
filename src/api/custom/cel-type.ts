import type { Shape } from '../cel/cost.ts';
import type { Range } from '../cel/cost-range.ts';
import type { CelType } from '../cel/type.ts';
import * as types from '../cel/type.ts';
import { additionalOf, isEmbedded, isIntOrString, type JsonSchema, preserves, propertiesOf } from './json-schema.ts';

/** No request is larger, so nothing in it is. */
export const requestBytesMax = 3 * 1024 * 1024;

/** How a schema looks to expressions: the type of its values, and how large they may be. */
export interface Declared {
  readonly type: CelType;
  readonly shape: Shape;
  /** The fewest bytes that a value takes as JSON: how many of them fit into a request. */
  readonly bytesMin: number;
}

const upTo = (max: number): Range => ({ min: 0, max: Math.floor(max) });
const scalar = (type: CelType, bytesMin: number): Declared => ({ type, shape: { size: { min: 1, max: 1 } }, bytesMin });

/** undefined: expressions cannot see such a value. */
export function declaredOf(schema: JsonSchema, isResource: boolean): Declared | undefined {
  if (isIntOrString(schema)) return { type: types.dyn, shape: { size: upTo(requestBytesMax - 2) }, bytesMin: 1 };
  switch (schema.type) {
    case 'array':
      return declaredList(schema);
    case 'object':
      return declaredObject(schema, isResource || isEmbedded(schema));
    case 'string':
      return declaredText(schema);
    case 'boolean':
      return scalar(types.bool, 4);
    case 'number':
      return scalar(types.double, 1);
    case 'integer':
      return scalar(types.int, 1);
    default:
      return preserves(schema) ? { type: types.dyn, shape: { size: upTo(requestBytesMax) }, bytesMin: 1 } : undefined;
  }
}

function declaredList(schema: JsonSchema): Declared | undefined {
  const items = schema.items && declaredOf(schema.items, false);
  if (!items) return undefined;
  const max = schema.maxItems ?? (requestBytesMax - 2) / (items.bytesMin + 1);
  return { type: types.listOf(items.type), shape: { size: upTo(max), element: items.shape }, bytesMin: 2 };
}

function declaredText(schema: JsonSchema): Declared {
  switch (schema.format) {
    case 'byte': {
      const max = schema.maxLength ?? (requestBytesMax - 2) * 0.75;
      return { type: types.bytes, shape: { size: upTo(max) }, bytesMin: 2 };
    }
    case 'duration':
      return scalar(types.duration, 4);
    case 'date':
      return scalar(types.timestamp, 12);
    case 'date-time':
      return scalar(types.timestamp, 22);
  }
  const { enum: values } = schema;
  if (values) {
    const sizes = values.map((value) => String(value).length);
    const size = upTo(Math.max(0, ...sizes));
    return { type: types.string, shape: { size }, bytesMin: Math.min(...sizes) + 2 };
  }
  // A character may take four bytes, but the limits of costs count characters.
  const max = schema.maxLength ?? requestBytesMax - 2;
  return { type: types.string, shape: { size: upTo(max) }, bytesMin: 2 };
}

function declaredObject(schema: JsonSchema, isResource: boolean): Declared {
  const additional = additionalOf(schema);
  if (additional) return declaredMap(schema, additional);
  const fields = new Map<string, Declared>();
  let bytesMin = 2;
  const required = new Set(schema.required);
  for (const [name, property] of Object.entries(propertiesOf(schema))) {
    const declared = declaredOf(property, false);
    if (required.has(name) && property.default === undefined) bytesMin += name.length + 4 + (declared?.bytesMin ?? 1);
    const escaped = escapedName(name);
    if (declared && escaped !== undefined) fields.set(escaped, declared);
  }
  if (isResource) addIdentity(fields);
  const type: CelType = { kind: 'object', name: 'object', field: (name) => fields.get(name)?.type };
  const shape: Shape = { size: { min: 1, max: 1 }, field: (name) => fields.get(name)?.shape };
  return { type, shape, bytesMin };
}

function declaredMap(schema: JsonSchema, values: JsonSchema): Declared {
  const declared = declaredOf(values, false) ?? scalar(types.dyn, 1);
  const max = schema.maxProperties ?? (requestBytesMax - 2) / (declared.bytesMin + 6);
  const key: Shape = { size: upTo(requestBytesMax - 2) };
  const shape: Shape = { size: upTo(max), element: declared.shape, key };
  return { type: types.mapOf(types.string, declared.type), shape, bytesMin: 2 };
}

const nameText: Declared = { type: types.string, shape: { size: upTo(253) }, bytesMin: 2 };
const typeText: Declared = { type: types.string, shape: { size: upTo(requestBytesMax - 2) }, bytesMin: 2 };

/** Every resource has these, whatever its schema says. */
function addIdentity(fields: Map<string, Declared>): void {
  fields.set('apiVersion', typeText);
  fields.set('kind', typeText);
  const type: CelType = {
    kind: 'object',
    name: 'object.metadata',
    field: (name) => (name === 'name' || name === 'generateName' ? types.string : undefined),
  };
  const shape: Shape = { size: { min: 1, max: 1 }, field: () => nameText.shape };
  fields.set('metadata', { type, shape, bytesMin: 2 });
}

const reserved = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);
const escapes: Readonly<Record<string, string>> = {
  __: '__underscores__',
  '.': '__dot__',
  '-': '__dash__',
  '/': '__slash__',
};

/** A property's name as expressions write it; undefined where they cannot. */
export function escapedName(name: string): string | undefined {
  if (reserved.has(name)) return `__${name}__`;
  const escaped = name.replace(/__|[./-]/g, (part) => escapes[part] as string);
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(escaped) ? escaped : undefined;
}

const unescapes: ReadonlyMap<string, string> = new Map(
  Object.entries(escapes).map(([plain, escaped]) => [escaped, plain]),
);

/** The property that a name in an expression means. */
export function plainName(name: string): string {
  if (!name.includes('__')) return name;
  const keyword = /^__([a-z]+)__$/.exec(name)?.[1];
  if (keyword !== undefined && reserved.has(keyword)) return keyword;
  return name.replace(/__(?:underscores|dot|dash|slash)__/g, (part) => unescapes.get(part) as string);
}
