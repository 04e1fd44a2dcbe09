import { isObject, type Json, type JsonObject } from '../../base/json.ts';
import type { Kind } from '../kind.ts';
import { openApiName, tableOf } from './names.ts';
import { type Describe, openApiV3Custom } from './openapi.ts';
import { pathsOf } from './openapi-paths.ts';

/** The OpenAPI v3 documents of custom kinds, by the path of their group version: `apis/example.com/v1`. */
export function customDocuments(kinds: readonly Kind[], describe?: Describe): ReadonlyMap<string, JsonObject> {
  const roots = new Map<string, Kind[]>();
  for (const kind of kinds) {
    const root = `apis/${kind.apiVersion}`;
    roots.set(root, [...(roots.get(root) ?? []), kind]);
  }
  return new Map([...roots].map(([root, own]) => [root, documentOf(root, own, describe)]));
}

function documentOf(root: string, kinds: readonly Kind[], describe: Describe | undefined): JsonObject {
  const own: Record<string, Json> = {};
  let paths: Json = pathsOf(`/${root}`, kinds);
  for (const kind of kinds) {
    const name = customName(kind);
    own[name] = schemaOfKind(kind);
    own[`${name}List`] = schemaOfList(kind, name);
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

function schemaOfKind(kind: Kind): Json {
  const schema = kind.custom?.schema ?? {};
  const properties = isObject(schema.properties) ? schema.properties : {};
  return {
    ...(schema as JsonObject),
    type: 'object',
    properties: {
      ...properties,
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { allOf: [reference(openApiName('meta.v1.ObjectMeta'))] },
    },
    'x-kubernetes-group-version-kind': identify(kind, ''),
  };
}

function schemaOfList(kind: Kind, name: string): Json {
  return {
    type: 'object',
    required: ['items'],
    properties: {
      apiVersion: { type: 'string' },
      items: { type: 'array', items: reference(name) },
      kind: { type: 'string' },
      metadata: { allOf: [reference(openApiName('meta.v1.ListMeta'))] },
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
