import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '../../base/json.ts';
import { seeded } from '../../base/random.ts';
import { finish } from '../../base/steps.ts';
import { ApiError } from '../error.ts';
import { withRules } from '../kinds/role-rules.ts';
import type { KubeObject, ManagedFields } from '../object.ts';
import { schemaOf } from '../schema/schema.ts';
import { walk } from '../schema/walker.ts';
import { type Apply, serverSideApply } from './apply.ts';
import { type Followed, managedAfterUpdate } from './managed-fields.ts';
import { RecentSets } from './recent-sets.ts';
import { structShape } from './shape.ts';

const kinds = {
  deployments: { group: 'apps', version: 'v1', kind: 'Deployment' },
  configMaps: { group: '', version: 'v1', kind: 'ConfigMap' },
  pods: { group: '', version: 'v1', kind: 'Pod' },
  serviceAccounts: { group: '', version: 'v1', kind: 'ServiceAccount' },
};
type KindName = keyof typeof kinds;

function followed(name: KindName, more: Partial<Followed> = {}): Followed {
  const kind = kinds[name];
  const type = schemaOf(kind);
  assert.ok(type);
  const apiVersion = kind.group ? `${kind.group}/${kind.version}` : kind.version;
  return {
    apiVersion,
    kind: kind.kind,
    shape: structShape(type),
    empty: { ...walk(type, null).value, apiVersion, kind: kind.kind },
    subresource: '',
    ignored: new Set(['status']),
    reset: [],
    recent: new RecentSets(),
    versioned: () => undefined,
    ...more,
  };
}

const managed = (...write: Parameters<typeof managedAfterUpdate>) => finish(managedAfterUpdate(...write));
const time = '2026-01-01T00:00:00Z';
const as = (manager: string, more: Partial<Apply> = {}): Apply => ({
  manager,
  time,
  force: false,
  ...more,
});

/** Applies and answers the object as it would be stored: read as its kind, with its managed fields. */
function applied(name: KindName, live: KubeObject | undefined, config: JsonObject, apply: Apply): KubeObject {
  const { object, managedFields } = finish(serverSideApply(followed(name), live, config, apply));
  const type = schemaOf(kinds[name]);
  assert.ok(type);
  const read = walk(type, object).value as unknown as KubeObject;
  return { ...read, metadata: { ...read.metadata, ...(managedFields.length > 0 ? { managedFields } : {}) } };
}

const configMap = (data: JsonObject, metadata: JsonObject = {}): JsonObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'x', namespace: 'default', ...metadata },
  data,
});
const owners = (object: KubeObject) =>
  Object.fromEntries((object.metadata.managedFields ?? []).map((entry) => [entry.manager, entry.fieldsV1]));
const dataOf = (object: KubeObject) => (object as unknown as { readonly data?: JsonObject }).data;

function refusal(run: () => unknown): ApiError {
  try {
    run();
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

test('An apply creates what is not there and owns what it says', () => {
  const made = applied('configMaps', undefined, configMap({ a: '1' }, { labels: { app: 'x' } }), as('alpha'));
  assert.deepEqual(dataOf(made), { a: '1' });
  assert.deepEqual(made.metadata.managedFields, [
    {
      manager: 'alpha',
      operation: 'Apply',
      apiVersion: 'v1',
      time,
      fieldsType: 'FieldsV1',
      fieldsV1: { 'f:data': { 'f:a': {} }, 'f:metadata': { 'f:labels': { 'f:app': {} } } },
    },
  ]);
});

test('An apply that is repeated changes neither object nor owners', () => {
  const config = configMap({ a: '1', b: '2' });
  const once = applied('configMaps', undefined, config, as('alpha'));
  assert.deepEqual(applied('configMaps', once, config, as('alpha', { time: '2027-01-01T00:00:00Z' })), once);
});

test('An apply removes what its manager applied before and leaves out now, but not what another owns', () => {
  const both = applied(
    'configMaps',
    applied('configMaps', undefined, configMap({ a: '1', b: '2' }), as('alpha')),
    configMap({ b: '2' }),
    as('beta'),
  );
  const left = applied('configMaps', both, configMap({}), as('alpha'));
  assert.deepEqual(dataOf(left), { b: '2' });
  assert.deepEqual(owners(left), { alpha: { 'f:data': {} }, beta: { 'f:data': { 'f:b': {} } } });
});

test('An apply of what another owns is a conflict that names the owner and the fields, unless it is forced', () => {
  const live = applied('configMaps', undefined, configMap({ a: '1', b: '2' }), as('alpha'));
  const error = refusal(() => applied('configMaps', live, configMap({ a: '9', b: '8' }), as('beta')));
  assert.equal(error.code, 409);
  assert.equal(error.message, 'Apply failed with 2 conflicts: conflicts with "alpha":\n- .data.a\n- .data.b');
  assert.deepEqual(error.details?.causes?.[0], {
    reason: 'FieldManagerConflict',
    message: 'conflict with "alpha"',
    field: '.data.a',
  });
  const forced = applied('configMaps', live, configMap({ a: '9' }), as('beta', { force: true }));
  assert.deepEqual(owners(forced), { alpha: { 'f:data': { 'f:b': {} } }, beta: { 'f:data': { 'f:a': {} } } });
});

test('An apply of a list by keys merges its items and keeps those of others in place', () => {
  const pod = (containers: readonly JsonObject[]): JsonObject => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'x' },
    spec: { containers },
  });
  const names = (object: KubeObject) =>
    (object.spec as { readonly containers: readonly { readonly name: string }[] }).containers.map(({ name }) => name);
  const live = applied('pods', undefined, pod([{ name: 'a', image: 'i' }, { name: 'b' }, { name: 'c' }]), as('alpha'));
  const next = applied('pods', live, pod([{ name: 'd' }, { name: 'b', image: 'j' }]), as('beta'));
  assert.deepEqual(names(next), ['a', 'd', 'b', 'c']);
  assert.deepEqual(owners(next).beta, {
    'f:spec': {
      'f:containers': {
        'k:{"name":"b"}': { '.': {}, 'f:image': {}, 'f:name': {} },
        'k:{"name":"d"}': { '.': {}, 'f:name': {} },
      },
    },
  });
  assert.deepEqual(names(applied('pods', next, pod([{ name: 'b' }]), as('alpha'))), ['d', 'b']);
});

test('What was there before the first apply belongs to before-first-apply', () => {
  const { managedFields: _none, ...metadata } = applied('configMaps', undefined, configMap({}), as('x')).metadata;
  const live = { ...configMap({ a: '1' }), metadata } as unknown as KubeObject;
  const error = refusal(() => applied('configMaps', live, configMap({ a: '2' }), as('alpha')));
  assert.equal(error.message, 'Apply failed with 1 conflict: conflict with "before-first-apply" using v1: .data.a');
});

test('kubectl takes over what it applied by itself, and keeps its annotation up to date', () => {
  const key = 'kubectl.kubernetes.io/last-applied-configuration';
  const last = JSON.stringify(configMap({ a: '1' }));
  const created = { ...configMap({ a: '1' }, { annotations: { [key]: last } }) } as unknown as KubeObject;
  const managedFields = managed(followed('configMaps'), undefined, created, {
    manager: 'kubectl-client-side-apply',
    time,
  }) as readonly ManagedFields[];
  const live = { ...created, metadata: { ...created.metadata, managedFields } };
  const config = configMap({ a: '2' });
  assert.equal(refusal(() => applied('configMaps', live, config, as('other'))).reason, 'Conflict');
  const next = applied('configMaps', live, config, as('kubectl'));
  assert.deepEqual(dataOf(next), { a: '2' });
  assert.deepEqual(JSON.parse(next.metadata.annotations?.[key] ?? ''), config);
});

test('An apply of fields that the kind does not have says which, as upstream does', () => {
  const error = refusal(() => applied('configMaps', undefined, { ...configMap({}), nope: 1 }, as('alpha')));
  assert.equal(error.code, 500);
  assert.equal(
    error.message,
    'failed to create typed patch object (default/x; /v1, Kind=ConfigMap): .nope: field not declared in schema',
  );
});

test('A create owns every field that it sets, the containers among them, and no identity', () => {
  const type = schemaOf(kinds.deployments);
  assert.ok(type);
  const deployment = walk(type, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'x', labels: { app: 'x' } },
    spec: {
      selector: { matchLabels: { app: 'x' } },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } },
      template: { spec: { containers: [{ name: 'a', image: 'i', ports: [{ containerPort: 80, protocol: 'TCP' }] }] } },
    },
    status: { replicas: 3 },
  }).value as unknown as KubeObject;
  const [entry] = managed(followed('deployments'), undefined, deployment, { manager: 'm', time }) ?? [];
  assert.deepEqual(entry?.fieldsV1, {
    'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } },
    'f:spec': {
      'f:selector': {},
      'f:strategy': { 'f:type': {}, 'f:rollingUpdate': { '.': {}, 'f:maxSurge': {} } },
      'f:template': {
        'f:spec': {
          'f:containers': {
            'k:{"name":"a"}': {
              '.': {},
              'f:image': {},
              'f:name': {},
              'f:ports': {
                '.': {},
                'k:{"containerPort":80,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {}, 'f:protocol': {} },
              },
              'f:resources': {},
            },
          },
        },
      },
    },
  });
});

test('An update takes what it changes from its owners, and owners of nothing go', () => {
  const live = applied('configMaps', undefined, configMap({ a: '1' }), as('alpha'));
  const next = { ...live, data: { a: '2' } } as KubeObject;
  const fields = managed(followed('configMaps'), live, next, { manager: 'gamma', time });
  assert.deepEqual(
    fields?.map(({ manager, operation, fieldsV1 }) => ({ manager, operation, fieldsV1 })),
    [{ manager: 'gamma', operation: 'Update', fieldsV1: { 'f:data': { 'f:a': {} } } }],
  );
});

test('An update that changes nothing keeps the owners as they are, one with an empty entry drops them', () => {
  const live = applied('configMaps', undefined, configMap({ a: '1' }), as('alpha'));
  const kept = managed(followed('configMaps'), live, live, { manager: 'gamma', time });
  assert.equal(kept, live.metadata.managedFields);
  const reset = { ...live, metadata: { ...live.metadata, managedFields: [{}] } };
  assert.equal(managed(followed('configMaps'), live, reset, { manager: 'gamma', time }), undefined);
});

test('Of items with the same key nobody owns a part, and each part again when one of them is left', () => {
  const port = (...names: readonly string[]) => names.map((name) => ({ containerPort: 80, protocol: 'TCP', name }));
  const pod = (ports: JsonObject[]) =>
    ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'x' },
      spec: { containers: [{ name: 'c', ports }] },
    }) as unknown as KubeObject;
  const write = { manager: 'alpha', time };
  const key = 'k:{"containerPort":80,"protocol":"TCP"}';
  const owned = (managedFields: readonly ManagedFields[] | undefined) =>
    JSON.stringify(managedFields?.[0]?.fieldsV1).split(`${JSON.stringify(key)}:`)[1];
  const withOwners = (object: KubeObject, managedFields: readonly ManagedFields[] | undefined) =>
    ({ ...object, metadata: { ...object.metadata, managedFields } }) as KubeObject;
  const first = managed(followed('pods'), undefined, pod(port('a')), write);
  assert.match(String(owned(first)), /^\{"\.":\{\},"f:containerPort"/);
  const live = withOwners(pod(port('a')), first);
  const twice = managed(followed('pods'), live, pod(port('a', 'b')), write);
  assert.match(String(owned(twice)), /^\{\}/);
  const again = managed(followed('pods'), withOwners(pod(port('a', 'b')), twice), pod(port('b')), write);
  assert.equal(owned(again), owned(first));
});

test('An object with an item that has no key has no owners', () => {
  const owned = (secret: object) => {
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'x' }, secrets: [secret] };
    return managed(followed('serviceAccounts'), undefined, account as unknown as KubeObject, {
      manager: 'alpha',
      time,
    });
  };
  assert.equal(owned({ name: 'a' })?.length, 1);
  assert.equal(owned({}), undefined);
});

test('A list that is sent empty is owned, although it is kept as none', () => {
  const role = { group: 'rbac.authorization.k8s.io', version: 'v1', kind: 'ClusterRole' };
  const type = schemaOf(role);
  assert.ok(type);
  const clusterRoles = {
    ...followed('pods'),
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    shape: structShape(type),
    empty: walk(type, null).value,
  };
  const owning = (sent: JsonObject) => {
    const next = withRules({ metadata: { name: 'x' }, ...walk(type, sent).value } as unknown as KubeObject);
    return managed(clusterRoles, undefined, next, { manager: 'alpha', time })?.[0]?.fieldsV1;
  };
  assert.deepEqual([owning({ rules: [] }), owning({})], [{ 'f:rules': {} }, undefined]);
});

test('More than ten owners by update are merged, the oldest into one', () => {
  let live = applied('configMaps', undefined, configMap({}), as('alpha'));
  const managersMade = 14;
  for (let index = 0; index < managersMade; index++) {
    const data = { ...dataOf(live), [`k${index}`]: 'v' };
    const next = { ...live, data } as KubeObject;
    const managedFields = managed(followed('configMaps'), live, next, {
      manager: `m${index}`,
      time: `2026-01-01T00:00:${10 + index}Z`,
    }) as readonly ManagedFields[];
    live = { ...next, metadata: { ...next.metadata, managedFields } };
  }
  const updaters = (live.metadata.managedFields ?? []).filter(({ operation }) => operation === 'Update');
  assert.equal(updaters.length, 10);
  assert.deepEqual(updaters[0]?.manager, 'ancient-changes');
  const oldest = (updaters[0]?.fieldsV1 ?? {}) as { readonly 'f:data'?: object };
  assert.deepEqual(Object.keys(oldest['f:data'] ?? {}).sort(), ['.', 'f:k0', 'f:k1', 'f:k2', 'f:k3', 'f:k4']);
});

test('Of what has become one atomic value nobody owns a part any more, but the whole', () => {
  const live = applied('configMaps', undefined, configMap({ a: '1' }), as('alpha'));
  const { shape } = followed('configMaps');
  const atomic: Followed = followed('configMaps', {
    changeable: true,
    shape: {
      ...shape,
      member: (name) =>
        name === 'data' ? { tag: 'f:data', shape: { is: 'map', atomic: true, values: shape } } : shape.member(name),
    },
  });
  const next = { ...live, data: { a: '1', b: '2' } } as KubeObject;
  const fields = managed(atomic, live, next, { manager: 'gamma', time });
  assert.deepEqual(
    fields?.map(({ manager, fieldsV1 }) => [manager, fieldsV1]),
    [['gamma', { 'f:data': {} }]],
  );
});

test('Whatever a manager applied it can remove again, and what others own stays', () => {
  const random = seeded('removal');
  const keys = ['a', 'b', 'c', 'd'];
  const some = () => Object.fromEntries(keys.filter(() => random.below(2) === 1).map((key) => [key, '1']));
  for (let round = 0; round < 200; round++) {
    const [ours, theirs] = [
      { own: '1', ...some() },
      { own: '1', ...some() },
    ];
    let live = applied('configMaps', undefined, configMap(ours), as('alpha'));
    live = applied('configMaps', live, configMap(theirs), as('beta'));
    assert.deepEqual(applied('configMaps', live, configMap(theirs), as('beta')), live);
    assert.deepEqual(dataOf(applied('configMaps', live, configMap({ own: '1' }), as('alpha'))), theirs);
  }
});

test('What is not of its type is told in the words that tools look for', () => {
  const wrong = (config: JsonObject) => refusal(() => applied('configMaps', undefined, config, as('alpha'))).message;
  const head = 'failed to create typed patch object (default/x; /v1, Kind=ConfigMap): ';
  assert.equal(wrong(configMap({ a: 1 })), `${head}.data.a: expected string, got &value.valueUnstructured{Value:1}`);
  assert.equal(
    wrong({ ...configMap({}), data: ['x'], immutable: 'no' }),
    `${head}errors:\n  .data: expected map, got &{[x]}\n  .immutable: expected boolean, got &{no}`,
  );
  assert.equal(
    wrong(configMap({}, { finalizers: ['x/a', 'x/a'] })),
    `${head}.metadata.finalizers: duplicate entries for key [="x/a"]`,
  );
  assert.equal(wrong({ ...configMap({}), apiVersion: 'v2' }), 'invalid object type: /v2, Kind=ConfigMap');
  assert.equal(wrong({ metadata: { name: 'x' } }), 'invalid object type: /, Kind=');
});

test('An apply of long lists takes time in proportion to their length', () => {
  const finalizers = Array.from({ length: 50_000 }, (_, index) => `x/${index}`);
  const live = applied('configMaps', undefined, configMap({ a: '1' }, { finalizers }), as('alpha'));
  // What this process worked: a machine that is busy with something else must not fail it.
  const started = process.cpuUsage();
  applied('configMaps', live, configMap({ a: '1' }, { finalizers: [...finalizers].reverse() }), as('beta'));
  applied('configMaps', live, configMap({ a: '1' }), as('alpha'));
  assert.ok(process.cpuUsage(started).user / 1_000 < 20_000);
});
