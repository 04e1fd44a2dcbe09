import { hash32 } from '../../base/hash.ts';
import { canonicalJson, type Json, type JsonObject } from '../../base/json.ts';
import type { KindFacts } from '../kind.ts';
import { openApiName } from './names.ts';
import { pathsOf } from './openapi-paths.ts';
import { type Field, type ObjectType, type TypeRef, typeNamed } from './schema.ts';
import { resources } from './tables/resources.ts';

// OpenAPI documents made from the tables: what kubectl reads to explain, to apply and to know patch types.

const components = '#/components/schemas/';
const special = (name: string): string => `${components}${openApiName(name)}`;

/** What a type (field '') or one of its fields is for. The texts come from outside: the tables have none. */
export type Describe = (type: string, field: string) => string | undefined;
const silent: Describe = () => undefined;

/** `api/v1`, `apis/apps/v1`: what the index of OpenAPI v3 lists. */
export function openApiV3Paths(): readonly string[] {
  return [...new Set(resources.map(rootOf))].sort();
}

/** The document of one group version, or undefined where none is served. */
export function openApiV3(path: string, describe: Describe = silent): JsonObject | undefined {
  const kinds = resources.filter((facts) => rootOf(facts) === path);
  if (kinds.length === 0) return undefined;
  const paths = pathsOf(`/${path}`, kinds);
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: '1.36' },
    paths,
    components: {
      schemas: schemasFor(paths, [...new Set(['/v1', groupVersion(path)])], describe),
      securitySchemes: { BearerToken: { type: 'apiKey', name: 'authorization', in: 'header' } },
    },
  };
}

/** The index at /openapi/v3: where each document is, and a hash that changes with it. */
export function openApiV3Index(extra: Readonly<Record<string, string>> = {}, describe: Describe = silent): JsonObject {
  const paths: Record<string, Json> = {};
  for (const path of openApiV3Paths()) {
    const hash = documentHash(openApiV3(path, describe) as JsonObject);
    paths[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` };
  }
  for (const [path, hash] of Object.entries(extra))
    paths[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` };
  return { paths };
}

/** The document of a group version that definitions in the cluster made: `own` are their schemas by name. */
export function openApiV3Custom(
  root: string,
  paths: JsonObject,
  own: Readonly<Record<string, Json>>,
  describe: Describe = silent,
): JsonObject {
  const versions = [...new Set(['/v1', groupVersion(root)])];
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes CRD Swagger', version: 'v0.1.0' },
    paths,
    components: { schemas: schemasFor(paths, versions, describe, own) },
  };
}

/** As long as upstream's hashes, and as opaque. */
export function documentHash(document: Json): string {
  const text = canonicalJson(document);
  let hash = '';
  for (let round = 0; round < 4; round++)
    hash += hash32(text, 0x811c9dc5 + round)
      .toString(16)
      .padStart(8, '0');
  return hash.toUpperCase();
}

/** Every kind in one Swagger 2.0 document. */
export function openApiV2(describe: Describe = silent, custom: readonly JsonObject[] = []): JsonObject {
  const paths: Record<string, Json> = {};
  const definitions: Record<string, Json> = {};
  const builtIn = openApiV3Paths().map((path) => openApiV3(path, describe) as JsonObject);
  for (const whole of [...builtIn, ...custom]) {
    const document = whole as {
      readonly paths: JsonObject;
      readonly components: { readonly schemas: JsonObject };
    };
    for (const [key, item] of Object.entries(document.paths)) paths[key] = swaggerItem(item as JsonObject);
    for (const [name, schema] of Object.entries(document.components.schemas)) definitions[name] = swaggerSchema(schema);
  }
  const versions = [...new Set(resources.map((facts) => `${facts.group}/${facts.version}`))].sort();
  for (const name of ['meta.v1.DeleteOptions', 'meta.v1.WatchEvent'].map(openApiName)) {
    definitions[name] = swaggerSchema(namedSchema(name, versions, describe));
  }
  return {
    swagger: '2.0',
    info: { title: 'Kubernetes', version: '1.36' },
    paths,
    definitions,
    securityDefinitions: { BearerToken: { type: 'apiKey', name: 'authorization', in: 'header' } },
    security: [{ BearerToken: [] }],
  };
}

const groupVersion = (path: string): string =>
  path.startsWith('apis/') ? path.slice('apis/'.length) : path.slice('api'.length);
const rootOf = (facts: KindFacts): string =>
  facts.group ? `apis/${facts.group}/${facts.version}` : `api/${facts.version}`;

/** All schemas that the paths name, and all that those name. */
function schemasFor(
  paths: JsonObject,
  versions: readonly string[],
  describe: Describe,
  own: Readonly<Record<string, Json>> = {},
): JsonObject {
  const schemas: Record<string, Json> = {};
  const queue = [
    ...new Set(
      [...JSON.stringify(paths).matchAll(/#\/components\/schemas\/([\w.-]+)/g)].map((match) => match[1] as string),
    ),
  ];
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (schemas[name]) continue;
    const schema = own[name] ?? namedSchema(name, versions, describe);
    schemas[name] = schema;
    for (const [, next = ''] of JSON.stringify(schema).matchAll(/#\/components\/schemas\/([\w.-]+)/g)) queue.push(next);
  }
  return Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1)));
}

const leaves: Readonly<Record<string, Json>> = {
  'resource.Quantity': { oneOf: [{ type: 'string' }, { type: 'number' }] },
  'intstr.IntOrString': { format: 'int-or-string', oneOf: [{ type: 'integer' }, { type: 'string' }] },
  'meta.v1.Time': { type: 'string', format: 'date-time' },
  'meta.v1.MicroTime': { type: 'string', format: 'date-time' },
  'meta.v1.FieldsV1': { type: 'object' },
  'meta.v1.Patch': { type: 'object' },
  'runtime.RawExtension': { type: 'object' },
  'apiextensions.v1.JSON': {},
  'apiextensions.v1.JSONSchemaPropsOrArray': {},
  'apiextensions.v1.JSONSchemaPropsOrBool': {},
  'apiextensions.v1.JSONSchemaPropsOrStringArray': {},
};
const leafByName = new Map(Object.entries(leaves).map(([name, schema]) => [openApiName(name), schema]));
const shortNames =
  /^io\.k8s\.(?:apimachinery\.pkg\.apis|apimachinery\.pkg|apiextensions-apiserver\.pkg\.apis|kube-aggregator\.pkg\.apis|api)\./;

function namedSchema(name: string, versions: readonly string[], describe: Describe): Json {
  const leaf = leafByName.get(name);
  if (leaf) return leaf;
  const type = typeNamed(name.replace(shortNames, ''));
  if (!type) throw new Error(`no such type: ${name}`);
  return { ...schemaOfType(type, describe), ...everyGroup(type, versions) };
}

function schemaOfType(type: ObjectType, describe: Describe): JsonObject {
  const required = type.fields.filter((field) => field.required).map((field) => field.name);
  const properties: Record<string, Json> = {};
  for (const field of [...type.fields].sort((a, b) => (a.name < b.name ? -1 : 1)))
    properties[field.name] = property(field, descriptionOf(type, field, describe));
  const description = describe(type.name, '');
  return {
    ...(description ? { description } : {}),
    type: 'object',
    ...(required.length > 0 ? { required } : {}),
    ...(type.opaque ? {} : { properties }),
    ...(type.kind ? { 'x-kubernetes-group-version-kind': [kindOf(type.kind)] } : {}),
    ...(type.mapType ? { 'x-kubernetes-map-type': type.mapType } : {}),
    ...(type.unions ? { 'x-kubernetes-unions': type.unions as Json } : {}),
  };
}

/** DeleteOptions and WatchEvent are kinds of every group. */
function everyGroup(type: ObjectType, versions: readonly string[]): JsonObject {
  if (type.name !== 'meta.v1.DeleteOptions' && type.name !== 'meta.v1.WatchEvent') return {};
  const kind = type.name.slice('meta.v1.'.length);
  return { 'x-kubernetes-group-version-kind': versions.map((version) => kindOf(`${version}/${kind}`)) };
}

function kindOf(text: string): Json {
  const [group = '', version = '', kind = ''] = text.split('/');
  return { group, kind, version };
}

export const conventions = 'https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md';
/** What the published texts leave out, and every kind says in the same words. */
const metadataWords: Readonly<Record<string, string>> = {
  'meta.v1.ObjectMeta': `Standard object's metadata. More info: ${conventions}#metadata`,
  'meta.v1.ListMeta': `Standard list metadata. More info: ${conventions}#types-kinds`,
};
/** What the `metadata` of a kind is for; nothing where nobody tells what anything is for. */
export const describeMetadata = (type: 'meta.v1.ObjectMeta' | 'meta.v1.ListMeta', describe: Describe) =>
  describe(type, '') === undefined ? undefined : metadataWords[type];

/** A field without words of its own is what its type is. */
function descriptionOf(type: ObjectType, { name, ref }: Field, describe: Describe): string | undefined {
  const own = describe(type.name, name);
  if (own !== undefined || ref.type !== 'object') return own;
  const all = describe(ref.name, '');
  return name === 'metadata' && all !== undefined ? (metadataWords[ref.name] ?? all) : all;
}

function property(field: Field, description: string | undefined): Json {
  const schema = withElementEnum(refSchema(field.ref), field.elementEnum);
  const value =
    field.default !== undefined ? (field.default as Json) : field.zeroDefault ? zeroOf(field.ref) : undefined;
  const extras: Record<string, Json> = {};
  if (description) extras.description = description;
  if (value !== undefined) extras.default = value;
  if (field.enum) extras.enum = field.enum;
  if (field.listType) extras['x-kubernetes-list-type'] = field.listType;
  if (field.mapKeys) extras['x-kubernetes-list-map-keys'] = field.mapKeys;
  if (field.mapType) extras['x-kubernetes-map-type'] = field.mapType;
  if (field.patchMergeKey) extras['x-kubernetes-patch-merge-key'] = field.patchMergeKey;
  if (field.patchStrategy) extras['x-kubernetes-patch-strategy'] = field.patchStrategy;
  // Siblings of a $ref would be ignored, so the reference stands inside allOf; a leaf without any stays bare.
  if (!('$ref' in schema)) return { ...schema, ...extras };
  return bareRefs.has(schema.$ref as string) && Object.keys(extras).length === 0
    ? schema
    : { allOf: [schema], ...extras };
}

function withElementEnum(schema: JsonObject, names: readonly string[] | undefined): JsonObject {
  if (!names) return schema;
  const key = 'items' in schema ? 'items' : 'additionalProperties';
  return { ...schema, [key]: { ...(schema[key] as JsonObject), enum: names } };
}

const bareRefs: ReadonlySet<string> = new Set(
  [
    'apiextensions.v1.JSON',
    'apiextensions.v1.JSONSchemaPropsOrArray',
    'apiextensions.v1.JSONSchemaPropsOrBool',
    'apiextensions.v1.JSONSchemaPropsOrStringArray',
  ].map(special),
);

function zeroOf(ref: TypeRef): Json {
  if (ref.type === 'bool') return false;
  if (ref.type === 'int32' || ref.type === 'int64' || ref.type === 'double') return 0;
  return ref.type === 'object' ? {} : '';
}

const scalarSchemas: Readonly<Record<string, JsonObject>> = {
  string: { type: 'string' },
  int32: { type: 'integer', format: 'int32' },
  int64: { type: 'integer', format: 'int64' },
  bool: { type: 'boolean' },
  double: { type: 'number', format: 'double' },
  bytes: { type: 'string', format: 'byte' },
  duration: { type: 'string' },
  time: { $ref: special('meta.v1.Time') },
  microTime: { $ref: special('meta.v1.MicroTime') },
  quantity: { $ref: special('resource.Quantity') },
  intOrString: { $ref: special('intstr.IntOrString') },
  raw: { $ref: special('runtime.RawExtension') },
  fieldsV1: { $ref: special('meta.v1.FieldsV1') },
  json: { $ref: special('apiextensions.v1.JSON') },
  schemaOrArray: { $ref: special('apiextensions.v1.JSONSchemaPropsOrArray') },
  schemaOrBool: { $ref: special('apiextensions.v1.JSONSchemaPropsOrBool') },
  schemaOrStrings: { $ref: special('apiextensions.v1.JSONSchemaPropsOrStringArray') },
};

function refSchema(ref: TypeRef): JsonObject {
  if (ref.type === 'object') return { $ref: `${components}${openApiName(ref.name)}` };
  if (ref.type === 'list') return { type: 'array', items: element(ref.items) };
  if (ref.type === 'map') return { type: 'object', additionalProperties: element(ref.values) };
  return scalarSchemas[ref.type] as JsonObject;
}

/** Values inside lists and maps are never optional, so they have their zero as default. */
function element(ref: TypeRef): Json {
  const schema = refSchema(ref);
  if (ref.type === 'list' || ref.type === 'map' || ref.type === 'bytes') return schema;
  if (!('$ref' in schema)) return { ...schema, default: zeroOf(ref) };
  if (ref.type === 'object') return { allOf: [schema], default: {} };
  return schema;
}

function swaggerSchema(schema: Json): Json {
  const text = JSON.stringify(schema).replaceAll(components, '#/definitions/');
  return JSON.parse(text, (_key, value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    if (Array.isArray(value.oneOf)) return value.format ? { type: 'string', format: value.format } : { type: 'string' };
    const { allOf, ...rest } = value;
    // A property may be called default; only a schema's own default is dropped.
    if ('default' in rest && (typeof rest.default !== 'object' || Object.keys(rest.default).length === 0))
      delete rest.default;
    return Array.isArray(allOf) && allOf.length === 1 && '$ref' in allOf[0]
      ? { ...rest, ...allOf[0] }
      : value.allOf
        ? { ...rest, allOf }
        : rest;
  });
}

interface Content {
  readonly [type: string]: { readonly schema: JsonObject };
}

function swaggerItem(item: JsonObject): Json {
  const out: Record<string, Json> = {};
  for (const [method, value] of Object.entries(item)) {
    if (method === 'parameters') out.parameters = (value as JsonObject[]).map(swaggerParameter);
    else out[method] = swaggerOperation(value as JsonObject);
  }
  return out;
}

function swaggerParameter(parameter: JsonObject): Json {
  const { schema, ...rest } = parameter as { readonly schema: JsonObject };
  return { ...rest, ...schema };
}

function swaggerOperation(operation: JsonObject): Json {
  const { requestBody, responses, parameters, ...rest } = operation as {
    readonly requestBody?: { readonly content: Content; readonly required?: boolean };
    readonly responses: Readonly<Record<string, { readonly content?: Content }>>;
    readonly parameters?: readonly JsonObject[];
  } & JsonObject;
  const body = requestBody && Object.values(requestBody.content)[0];
  const produced = Object.keys(responses['200']?.content ?? {});
  const all = [
    ...(body
      ? [
          {
            name: 'body',
            in: 'body',
            ...(requestBody.required ? { required: true } : {}),
            schema: swaggerSchema(body.schema),
          },
        ]
      : []),
    ...(parameters ?? []).map(swaggerParameter),
  ];
  const answers: Record<string, Json> = {};
  for (const [code, { content }] of Object.entries(responses)) {
    const first = Object.values(content ?? {})[0];
    answers[code] = first ? { schema: swaggerSchema(first.schema) } : {};
  }
  return {
    consumes: requestBody ? Object.keys(requestBody.content) : ['*/*'],
    produces: produced.length > 0 ? produced : ['application/json'],
    schemes: ['https'],
    ...rest,
    ...(all.length > 0 ? { parameters: all as Json } : {}),
    responses: answers,
  };
}
