import type { Json, JsonObject } from '../../base/json.ts';
import type { KindFacts, SubresourceFacts } from '../kind.ts';
import { openApiName, tableOf } from './names.ts';
import { typeNamed } from './schema.ts';

// Which requests a group version takes, as OpenAPI v3 path items.

/** All paths below `root` (/api/v1, /apis/apps/v1). */
export function pathsOf(root: string, kinds: readonly KindFacts[]): JsonObject {
  const [first] = kinds as [KindFacts];
  const out: Record<string, Json> = { [`${root}/`]: discoveryItem(first) };
  for (const facts of kinds) {
    for (const [path, operations] of resourcePaths(root, facts)) out[path] = pathItem(operations);
  }
  return Object.fromEntries(Object.entries(out).sort(([a], [b]) => (a < b ? -1 : 1)));
}

interface Operation {
  readonly method: string;
  readonly id: string;
  readonly action: string;
  readonly kind: { readonly group: string; readonly version: string; readonly kind: string };
  readonly parameters: readonly Parameter[];
  readonly body?: string | 'patch' | 'delete';
  readonly codes: readonly string[];
  /** A type's short name; 'string' for streams. */
  readonly answer: string;
  readonly types: readonly string[];
}
type Parameter = readonly [name: string, type: 'string' | 'integer' | 'boolean', place?: 'path'];

const objectTypes = ['application/json', 'application/vnd.kubernetes.protobuf', 'application/yaml'];
const listTypes = [
  'application/json',
  'application/json;stream=watch',
  'application/vnd.kubernetes.protobuf',
  'application/vnd.kubernetes.protobuf;stream=watch',
  'application/yaml',
];
const patchTypes = [
  'application/apply-patch+yaml',
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
];
const pretty: Parameter = ['pretty', 'string'];
const listing: readonly Parameter[] = [
  ['allowWatchBookmarks', 'boolean'],
  ['continue', 'string'],
  ['fieldSelector', 'string'],
  ['labelSelector', 'string'],
  ['limit', 'integer'],
  ['resourceVersion', 'string'],
  ['resourceVersionMatch', 'string'],
  ['sendInitialEvents', 'boolean'],
  ['shardSelector', 'string'],
  ['timeoutSeconds', 'integer'],
  ['watch', 'boolean'],
];
const writing: readonly Parameter[] = [
  ['dryRun', 'string'],
  ['fieldManager', 'string'],
  ['fieldValidation', 'string'],
];
const deleting: readonly Parameter[] = [
  ['dryRun', 'string'],
  ['gracePeriodSeconds', 'integer'],
  ['ignoreStoreReadErrorWithClusterBreakingPotential', 'boolean'],
  ['orphanDependents', 'boolean'],
  ['propagationPolicy', 'string'],
];
const notForCollections: ReadonlySet<string> = new Set(['allowWatchBookmarks', 'watch']);
const namePath: Parameter = ['name', 'string', 'path'];
const namespacePath: Parameter = ['namespace', 'string', 'path'];

/** Kinds whose deletion answers with the object rather than a Status. */
const answersDeleted: ReadonlySet<string> = new Set([
  'PersistentVolumeClaim',
  'PersistentVolume',
  'Pod',
  'PodTemplate',
  'ResourceQuota',
  'ServiceAccount',
  'Service',
  'CSIDriver',
  'CSINode',
  'StorageClass',
  'VolumeAttachment',
  'VolumeAttributesClass',
  'DeviceClass',
  'ResourceClaim',
  'ResourceClaimTemplate',
  'ResourceSlice',
]);

function* resourcePaths(root: string, facts: KindFacts): Generator<readonly [string, readonly Operation[]]> {
  const scope = facts.namespaced ? `${root}/namespaces/{namespace}` : root;
  const collection = `${scope}/${facts.plural}`;
  const at = facts.namespaced ? [namespacePath] : [];
  yield [collection, collectionOperations(facts, at)];
  if (facts.namespaced && facts.verbs.includes('list')) {
    yield [`${root}/${facts.plural}`, [listOperation(facts, [], 'ForAllNamespaces')]];
  }
  if (facts.verbs.includes('get')) yield [`${collection}/{name}`, itemOperations(facts, [...at, namePath])];
  if (facts.verbs.includes('watch')) {
    const watched = collection.replace(root, `${root}/watch`);
    yield [watched, [watchOperation(facts, at, 'List')]];
    yield [`${watched}/{name}`, [watchOperation(facts, [...at, namePath], '')]];
    if (facts.namespaced) yield [`${root}/watch/${facts.plural}`, [watchOperation(facts, [], 'ListForAllNamespaces')]];
  }
  for (const sub of facts.subresources)
    yield* subresourcePaths(`${collection}/{name}/${sub.name}`, facts, sub, [...at, namePath]);
}

const typeName = (kind: { readonly group: string; readonly version: string; readonly kind: string }): string =>
  `${tableOf(kind.group)}.${kind.version}.${kind.kind}`;
const capital = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);
const groupWord = (group: string): string =>
  group
    ? group
        .replace(/\.k8s\.io$/, '')
        .split('.')
        .map(capital)
        .join('')
    : 'Core';
const middle = (facts: KindFacts): string => `${groupWord(facts.group)}${capital(facts.version)}`;
const scoped = (facts: KindFacts): string => (facts.namespaced ? 'Namespaced' : '');

function collectionOperations(facts: KindFacts, at: readonly Parameter[]): readonly Operation[] {
  const operations: Operation[] = [];
  const base = { kind: facts, types: objectTypes };
  const own = typeName(facts);
  if (facts.verbs.includes('list')) operations.push(listOperation(facts, at, ''));
  if (facts.verbs.includes('create')) {
    const id = `create${middle(facts)}${scoped(facts)}${facts.kind}`;
    operations.push({
      ...base,
      method: 'post',
      id,
      action: 'post',
      parameters: [...at, pretty, ...writing],
      body: own,
      codes: ['200', '201', '202'],
      answer: own,
    });
  }
  if (facts.verbs.includes('deletecollection')) {
    const parameters = [...at, pretty, ...deleting, ...listing.filter(([name]) => !notForCollections.has(name))];
    const id = `delete${middle(facts)}Collection${scoped(facts)}${facts.kind}`;
    operations.push({
      ...base,
      method: 'delete',
      id,
      action: 'deletecollection',
      parameters,
      body: 'delete',
      codes: ['200'],
      answer: 'meta.v1.Status',
    });
  }
  return operations;
}

function listOperation(facts: KindFacts, at: readonly Parameter[], suffix: string): Operation {
  const id = `list${middle(facts)}${suffix ? '' : scoped(facts)}${facts.kind}${suffix}`;
  const answer = `${typeName(facts)}List`;
  return {
    method: 'get',
    id,
    action: 'list',
    kind: facts,
    parameters: [...at, pretty, ...listing],
    codes: ['200'],
    answer,
    types: listTypes,
  };
}

function watchOperation(facts: KindFacts, at: readonly Parameter[], suffix: string): Operation {
  const id = `watch${middle(facts)}${suffix === 'ListForAllNamespaces' ? '' : scoped(facts)}${facts.kind}${suffix}`;
  const action = suffix ? 'watchlist' : 'watch';
  return {
    method: 'get',
    id,
    action,
    kind: facts,
    parameters: [...at, pretty, ...listing],
    codes: ['200'],
    answer: 'meta.v1.WatchEvent',
    types: listTypes,
  };
}

function itemOperations(facts: KindFacts, at: readonly Parameter[]): readonly Operation[] {
  const own = typeName(facts);
  return [
    ...objectOperations(facts, { verbs: facts.verbs, own, suffix: '', kind: facts }, at),
    ...(facts.verbs.includes('delete')
      ? [
          {
            method: 'delete',
            id: `delete${middle(facts)}${scoped(facts)}${facts.kind}`,
            action: 'delete',
            kind: facts,
            parameters: [...at, pretty, ...deleting],
            body: 'delete',
            codes: ['200', '202'],
            answer: answersDeleted.has(facts.kind) ? own : 'meta.v1.Status',
            types: objectTypes,
          },
        ]
      : []),
  ];
}

interface Target {
  readonly verbs: readonly string[];
  readonly own: string;
  readonly suffix: string;
  readonly kind: Operation['kind'];
}

function objectOperations(
  facts: KindFacts,
  { verbs, own, suffix, kind }: Target,
  at: readonly Parameter[],
): readonly Operation[] {
  const id = (verb: string) => `${verb}${middle(facts)}${scoped(facts)}${facts.kind}${suffix}`;
  const base = { kind, answer: own, types: objectTypes };
  const out: Operation[] = [];
  if (verbs.includes('get'))
    out.push({ ...base, method: 'get', id: id('read'), action: 'get', parameters: [...at, pretty], codes: ['200'] });
  if (verbs.includes('update')) {
    out.push({
      ...base,
      method: 'put',
      id: id('replace'),
      action: 'put',
      parameters: [...at, pretty, ...writing],
      body: own,
      codes: ['200', '201'],
    });
  }
  if (verbs.includes('create') && suffix) {
    out.push({
      ...base,
      method: 'post',
      id: id('create'),
      action: 'post',
      parameters: [...at, pretty, ...writing],
      body: own,
      codes: ['200', '201', '202'],
    });
  }
  if (verbs.includes('patch')) {
    const parameters: readonly Parameter[] = [...at, pretty, ...writing, ['force', 'boolean']];
    out.push({
      ...base,
      method: 'patch',
      id: id('patch'),
      action: 'patch',
      parameters,
      body: 'patch',
      codes: ['200', '201'],
    });
  }
  return out;
}

const connectVerbs: Readonly<Record<string, readonly string[]>> = {
  create: ['post'],
  delete: ['delete'],
  get: ['get', 'head', 'options'],
  patch: ['patch'],
  update: ['put'],
};

function* subresourcePaths(
  path: string,
  facts: KindFacts,
  sub: SubresourceFacts,
  at: readonly Parameter[],
): Generator<readonly [string, readonly Operation[]]> {
  const suffix = capital(sub.name === 'ephemeralcontainers' ? 'ephemeralcontainers' : sub.name);
  if (sub.name === 'log') {
    const own = optionParameters('core.v1.PodLogOptions');
    const [read] = objectOperations(facts, { verbs: ['get'], own: 'string', suffix, kind: sub }, at);
    yield [
      path,
      [{ ...(read as Operation), parameters: [...at, pretty, ...own], types: [...objectTypes, 'text/plain'] }],
    ];
    return;
  }
  if (!/^(?:Pod|Node|Service)(?:Proxy|Exec|Attach|PortForward)Options$/.test(sub.kind)) {
    yield [path, objectOperations(facts, { verbs: sub.verbs, own: typeName(sub), suffix, kind: sub }, at)];
    return;
  }
  const parameters = [...at, ...optionParameters(typeName(sub))];
  const methods = sub.name === 'proxy' ? sub.verbs.flatMap((verb) => connectVerbs[verb] ?? []) : ['get', 'post'];
  const connect = (ending: string, more: readonly Parameter[]) =>
    methods.map((method) => ({
      method,
      id: `connect${middle(facts)}${capital(method)}${scoped(facts)}${facts.kind}${suffix}${ending}`,
      action: 'connect',
      kind: sub,
      parameters: [...parameters, ...more],
      codes: ['200'],
      answer: 'string',
      types: ['*/*'],
    }));
  yield [path, connect('', [])];
  if (sub.name === 'proxy') yield [`${path}/{path}`, connect('WithPath', [['path', 'string', 'path']])];
}

/** The options of exec, log and their like are query parameters. */
function optionParameters(name: string): readonly Parameter[] {
  const fields = typeNamed(name)?.fields ?? [];
  const types = { int32: 'integer', int64: 'integer', bool: 'boolean' } as const;
  return fields
    .filter((field) => field.numbers.length > 0 && field.name !== 'sinceTime')
    .map(
      (field): Parameter => [
        field.name,
        types[field.ref.type as 'bool'] ?? (field.ref.type === 'list' && field.name === 'ports' ? 'integer' : 'string'),
      ],
    );
}

const reference = (name: string): JsonObject => ({ $ref: `#/components/schemas/${openApiName(name)}` });
const content = (types: readonly string[], schema: JsonObject): JsonObject =>
  Object.fromEntries(types.map((type) => [type, { schema }]));

/** What all operations of a path take stands once, at the path. */
function pathItem(operations: readonly Operation[]): JsonObject {
  const item: Record<string, Json> = {};
  const keys = operations.map((operation) => new Set(operation.parameters.map(parameterKey)));
  const shared = (parameter: Parameter) => keys.every((names) => names.has(parameterKey(parameter)));
  for (const operation of operations) {
    item[operation.method] = operationItem(
      operation,
      operation.parameters.filter((parameter) => !shared(parameter)),
    );
  }
  const common = (operations[0]?.parameters ?? []).filter(shared);
  if (common.length > 0) item.parameters = parameterItems(common);
  return item;
}

const parameterKey = ([name, , place]: Parameter): string => `${name} ${place ?? 'query'}`;

function parameterItems(parameters: readonly Parameter[]): Json {
  const sorted = [...parameters].sort((a, b) => (parameterKey(a) < parameterKey(b) ? -1 : 1));
  return sorted.map(([name, type, place]) => ({
    name,
    in: place ?? 'query',
    ...(place ? { required: true } : {}),
    schema: { type, uniqueItems: true },
  }));
}

function operationItem(operation: Operation, parameters: readonly Parameter[]): JsonObject {
  const { kind, answer, body } = operation;
  const schema = answer === 'string' ? { type: 'string' } : reference(answer);
  const responses: Record<string, Json> = {};
  for (const code of operation.codes) responses[code] = { content: content(operation.types, schema) };
  responses['401'] = {};
  return {
    tags: [tagOf(operation.id)],
    operationId: operation.id,
    ...(parameters.length > 0 ? { parameters: parameterItems(parameters) } : {}),
    ...(body ? { requestBody: bodyItem(body) } : {}),
    responses,
    'x-kubernetes-action': operation.action,
    'x-kubernetes-group-version-kind': { group: kind.group, version: kind.version, kind: kind.kind },
  };
}

function bodyItem(body: string): Json {
  if (body === 'patch') return { content: content(patchTypes, reference('meta.v1.Patch')), required: true };
  if (body === 'delete') return { content: content(['*/*'], reference('meta.v1.DeleteOptions')) };
  return { content: content(['*/*'], reference(body)), required: true };
}

/** listRbacAuthorizationV1ClusterRole belongs to rbacAuthorization_v1. */
function tagOf(id: string): string {
  const match = /^[a-z]+([A-Z][A-Za-z]*?)(V\d+(?:alpha\d+|beta\d+)?)(?=[A-Z]|$)/.exec(id);
  const group = match?.[1] ?? 'Core';
  return `${group.slice(0, 1).toLowerCase()}${group.slice(1)}_${(match?.[2] ?? 'V1').toLowerCase()}`;
}

function discoveryItem(facts: KindFacts): JsonObject {
  const id = `get${middle(facts)}APIResources`;
  return {
    get: {
      tags: [tagOf(id)],
      operationId: id,
      responses: { '200': { content: content(objectTypes, reference('meta.v1.APIResourceList')) }, '401': {} },
    },
  };
}
