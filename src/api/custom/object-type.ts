import { type Field, type ObjectType, type TypeRef, typeNamed } from '../schema/schema.ts';
import { additionalOf, isEmbedded, isIntOrString, type JsonSchema, preserves, propertiesOf } from './json-schema.ts';

/** A custom kind as the type that built-in kinds have too: what server-side apply merges by. */
export function objectTypeOf(name: string, schema: JsonSchema): ObjectType {
  return structOf(name, schema, true);
}

const text: TypeRef = { type: 'string' };
const metadata: TypeRef = {
  type: 'object',
  name: 'meta.v1.ObjectMeta',
  get object() {
    return typeNamed('meta.v1.ObjectMeta') as ObjectType;
  },
};

function structOf(name: string, schema: JsonSchema, isResource: boolean): ObjectType {
  const fields = new Map<string, Field>();
  const required = new Set(schema.required);
  for (const [key, property] of Object.entries(propertiesOf(schema))) {
    fields.set(key, fieldOf(key, refOf(`${name}.${key}`, property), property, required.has(key)));
  }
  if (isResource) {
    for (const key of ['apiVersion', 'kind']) fields.set(key, fieldOf(key, text, {}, false));
    fields.set('metadata', fieldOf('metadata', metadata, {}, false));
  }
  return {
    name,
    fields: [...fields.values()],
    byName: fields,
    published: true,
    opaque: !isResource && fields.size === 0 && preserves(schema),
    ...(preserves(schema) ? { open: true } : {}),
    ...(schema['x-kubernetes-map-type'] === 'atomic' ? { mapType: 'atomic' as const } : {}),
  };
}

function fieldOf(name: string, ref: TypeRef, schema: JsonSchema, required: boolean): Field {
  const listType = schema['x-kubernetes-list-type'] as Field['listType'];
  return {
    name,
    ref,
    numbers: [],
    required,
    absent: 'omit',
    keepsZero: true,
    zeroDefault: false,
    ...(schema.default === undefined ? {} : { default: schema.default }),
    ...(listType ? { listType } : {}),
    ...(schema['x-kubernetes-list-map-keys'] ? { mapKeys: schema['x-kubernetes-list-map-keys'] } : {}),
    ...(schema['x-kubernetes-map-type'] === 'atomic' ? { mapType: 'atomic' as const } : {}),
  };
}

function refOf(name: string, schema: JsonSchema): TypeRef {
  if (isIntOrString(schema)) return { type: 'intOrString' };
  switch (schema.type) {
    case 'string':
      return schema.format && schema.format !== 'byte' ? { type: 'formatted' } : text;
    case 'integer':
      return { type: 'int64' };
    case 'number':
      return { type: 'double' };
    case 'boolean':
      return { type: 'bool' };
    case 'array':
      return {
        type: 'list',
        items: schema.items ? refOf(`${name}.items`, schema.items) : { type: 'json' },
        wrapped: false,
      };
    case 'object':
      return objectRef(name, schema);
    default:
      return { type: 'json' };
  }
}

function objectRef(name: string, schema: JsonSchema): TypeRef {
  const additional = additionalOf(schema);
  if (additional) return { type: 'map', values: refOf(`${name}.values`, additional) };
  if (schema.additionalProperties === true) return { type: 'json' };
  const object = structOf(name, schema, isEmbedded(schema));
  return { type: 'object', name, object };
}
