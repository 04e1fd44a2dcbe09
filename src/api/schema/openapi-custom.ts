import { isObject, type Json, type JsonObject } from '../../base/json.ts';
import { preserves } from '../custom/json-schema.ts';
import type { Kind } from '../kind.ts';
import { openApiName, tableOf } from './names.ts';
import { conventions, type Describe, describeMetadata, openApiV3Custom } from './openapi.ts';
import { pathsOf } from './openapi-paths.ts';

/**
 * The OpenAPI v3 documents of custom kinds, by the path of their group version: `apis/example.com/v1`. Those that will
 * be written as version 2 leave out what it cannot say.
 */
export function customDocuments(
  kinds: readonly Kind[],
  describe: Describe,
  version: 2 | 3 = 3,
): ReadonlyMap<string, JsonObject> {
  const roots = new Map<string, Kind[]>();
  for (const kind of kinds) {
    const root = `apis/${kind.apiVersion}`;
    roots.set(root, [...(roots.get(root) ?? []), kind]);
  }
  return new Map([...roots].map(([root, own]) => [root, documentOf(root, own, describe, version)]));
}

function documentOf(root: string, kinds: readonly Kind[], describe: Describe, version: 2 | 3): JsonObject {
  const own: Record<string, Json> = {};
  let paths: Json = pathsOf(`/${root}`, kinds);
  for (const kind of kinds) {
    const name = customName(kind);
    own[name] = version === 2 && holdsAnything(kind) ? anything(kind) : schemaOfKind(kind, describe, version);
    own[`${name}List`] = schemaOfList(kind, name, describe);
    paths = renamed(paths, openApiName(`${tableOf(kind.group)}.${kind.version}.${kind.kind}`), name);
  }
  return openApiV3Custom(root, served(paths as JsonObject), own, describe);
}

/** `com.example.v1.Gizmo` */
const customName = ({ group, version, kind }: Kind): string =>
  `${group.split('.').reverse().join('.')}.${version}.${kind}`;

const reference = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });
const identify = (kind: Kind, suffix: string): Json => [
  { group: kind.group, version: kind.version, kind: `${kind.kind}${suffix}` },
];

/** kubectl takes a list of properties for all that there can be: a kind that keeps unknown ones names none. */
const holdsAnything = ({ custom }: Kind): boolean => preserves(custom?.schema ?? {});
const anything = (kind: Kind): Json => ({ type: 'object', 'x-kubernetes-group-version-kind': identify(kind, '') });

function schemaOfKind(kind: Kind, describe: Describe, version: 2 | 3): Json {
  const own = kind.custom?.schema ?? {};
  const schema = embedded((version === 2 ? simplified(own) : own) as JsonObject, describe);
  return { ...identified(schema, describe), type: 'object', 'x-kubernetes-group-version-kind': identify(kind, '') };
}

/** Every object says what it is in the same words, whoever defined its kind. */
const model = 'v1.ConfigMap';
const described = (schema: JsonObject, description: string | undefined): Json =>
  description ? { ...schema, description } : schema;

const metadataOf = (type: 'meta.v1.ObjectMeta' | 'meta.v1.ListMeta', describe: Describe): Json =>
  described({ allOf: [reference(openApiName(type))] }, describeMetadata(type, describe));

function identified(schema: JsonObject, describe: Describe): JsonObject {
  return {
    ...schema,
    properties: {
      ...(isObject(schema.properties) ? schema.properties : {}),
      apiVersion: described({ type: 'string' }, describe(model, 'apiVersion')),
      kind: described({ type: 'string' }, describe(model, 'kind')),
      metadata: metadataOf('meta.v1.ObjectMeta', describe),
    },
  };
}

/** Objects inside a custom object say what they are as well. */
function embedded(schema: JsonObject, describe: Describe): JsonObject {
  const inner = mapSchemas(schema, (value) => embedded(value, describe));
  return inner['x-kubernetes-embedded-resource'] === true ? identified(inner, describe) : inner;
}

/** What version 2 has no word for, as kubectl of old would refuse values that it misread. */
function simplified(schema: JsonObject): JsonObject {
  const { allOf: _all, anyOf: _any, oneOf: _one, not: _not, nullable, ...rest } = schema;
  const { type, items: _items, properties, ...open } = rest;
  if (nullable === true) return open;
  if (rest['x-kubernetes-preserve-unknown-fields'] === true) return type === undefined ? open : { ...open, type };
  const required = Array.isArray(rest.required)
    ? rest.required.filter((name) => !(isObject(properties) && mayBeNull(properties[name as string])))
    : undefined;
  return mapSchemas(required ? { ...rest, required } : rest, simplified);
}

const mayBeNull = (schema: Json | undefined): boolean => isObject(schema) && schema.nullable === true;

function mapSchemas(schema: JsonObject, change: (schema: JsonObject) => JsonObject): JsonObject {
  const changed = (value: Json): Json => (isObject(value) ? change(value) : value);
  const { properties, items, additionalProperties } = schema;
  return {
    ...schema,
    ...(items === undefined ? {} : { items: changed(items) }),
    ...(additionalProperties === undefined ? {} : { additionalProperties: changed(additionalProperties) }),
    ...(isObject(properties)
      ? { properties: Object.fromEntries(Object.entries(properties).map(([name, value]) => [name, changed(value)])) }
      : {}),
  };
}

function schemaOfList(kind: Kind, name: string, describe: Describe): Json {
  const listKind = kind.custom?.listKind ?? `${kind.kind}List`;
  const items: JsonObject = { type: 'array', items: reference(name) };
  return {
    description: `${listKind} is a list of ${kind.kind}`,
    type: 'object',
    required: ['items'],
    properties: {
      apiVersion: described({ type: 'string' }, describe(model, 'apiVersion')),
      items: { ...items, description: `List of ${kind.plural}. More info: ${conventions}` },
      kind: described({ type: 'string' }, describe(model, 'kind')),
      metadata: metadataOf('meta.v1.ListMeta', describe),
    },
    'x-kubernetes-group-version-kind': identify(kind, 'List'),
  };
}

/** What custom objects are not: protobuf, merged by strategy, watched by old paths. */
const notServed = /^application\/(?:vnd\.kubernetes\.protobuf|strategic-merge-patch)|\/watch\//;

function served(value: JsonObject): JsonObject {
  const out: Record<string, Json> = {};
  for (const key in value) {
    if (!notServed.test(key)) out[key] = isObject(value[key]) ? served(value[key]) : (value[key] as Json);
  }
  return out;
}

function renamed(value: Json, from: string, to: string): Json {
  if (typeof value === 'string') {
    const at = value.indexOf(from);
    const isWhole = at >= 0 && /^(?:List)?$/.test(value.slice(at + from.length));
    return isWhole ? value.replace(from, to) : value;
  }
  if (Array.isArray(value)) return value.map((item) => renamed(item, from, to));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, renamed(member, from, to)]));
}
