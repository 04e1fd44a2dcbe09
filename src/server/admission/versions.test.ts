import assert from 'node:assert/strict';
import { test } from 'node:test';
import { builtInKinds } from '../../api/kinds/all.ts';
import type { Caller, Method } from '../../api/wire.ts';
import type { Json, JsonObject } from '../../base/json.ts';
import { seeded } from '../../base/random.ts';
import { never } from '../../base/stop.ts';
import { jsonOf } from '../../client/client.ts';
import { SimClock } from '../../sim/clock.ts';
import { simEnv } from '../../sim/env.ts';
import { MemoryStore } from '../../store/memory.ts';
import { ApiServer } from '../server.ts';

const admin: Caller = { name: 'admin', groups: ['system:masters'], extra: {} };
const policies = '/apis/admissionregistration.k8s.io/v1';
const v2 = '/apis/example.com/v2/gizmos';

/** v1 says `size`, v2 says `big`. */
function gizmoIn(object: JsonObject, apiVersion: string): JsonObject {
  const spec = object['spec'] as { readonly size?: number; readonly big?: boolean };
  const next = apiVersion === 'example.com/v2' ? { big: (spec.size ?? 0) > 5 } : { size: spec.big ? 10 : 1 };
  return { ...object, apiVersion, spec: next };
}

/** A server with one admission hook, and a hook that converts for as long as it is well. */
async function world(answer: (request: JsonObject) => JsonObject = () => ({ allowed: true })) {
  const asked: JsonObject[] = [];
  const state = { converts: true, conversions: 0 };
  const env = simEnv({ clock: new SimClock(), random: seeded('versions') });
  const server = new ApiServer(env, new MemoryStore(), {
    kinds: builtInKinds,
    address: '127.0.0.1:6443',
    outward: () => async (sent) => {
      const review = (sent.body as unknown as { readonly object: JsonObject }).object;
      const request = review['request'] as JsonObject;
      const uid = request['uid'] as string;
      if (review['kind'] === 'AdmissionReview') {
        asked.push(request);
        return { status: 200, body: { object: { response: { uid, ...answer(request) } } } };
      }
      state.conversions++;
      const result = state.converts ? { status: 'Success' } : { status: 'Failed', message: 'no idea' };
      const to = String(request['desiredAPIVersion']);
      const convertedObjects = (request['objects'] as readonly JsonObject[]).map((one) => gizmoIn(one, to));
      return { status: 200, body: { object: { response: { uid, result, convertedObjects } } } };
    },
  });
  const ask = async (method: Method, path: string, object?: object) => {
    const body = object ? { body: { object: object as Json } } : {};
    const response = await server.handle({ method, path, query: [], headers: {}, caller: admin, stop: never, ...body });
    return { status: response.status, body: (await jsonOf(response)) as JsonObject };
  };
  const make = async (path: string, object: object) => {
    const { status, body } = await ask('POST', path, object);
    assert.equal(status, 201, JSON.stringify(body));
    return body;
  };
  await make('/api/v1/namespaces', { metadata: { name: 'default' } });
  return { ask, make, asked, state };
}
type World = Awaited<ReturnType<typeof world>>;

const define = ({ make }: World, strategy: 'Webhook' | 'None') => {
  const version = (name: string, storage: boolean, properties: object) => ({
    ...{ name, storage, served: true },
    schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties } } } },
  });
  const clientConfig = { url: 'https://hook.example.com/convert' };
  return make('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
    metadata: { name: 'gizmos.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Cluster',
      names: { plural: 'gizmos', kind: 'Gizmo' },
      versions: [
        version('v1', false, { size: { type: 'integer' } }),
        version('v2', true, { big: { type: 'boolean' } }),
      ],
      conversion:
        strategy === 'None' ? { strategy } : { strategy, webhook: { clientConfig, conversionReviewVersions: ['v1'] } },
    },
  });
};
const rule = (apiGroup: string, apiVersion: string, resource: string) => ({
  ...{ operations: ['*'], apiGroups: [apiGroup], apiVersions: [apiVersion], resources: [resource] },
});
const hook = ({ make }: World, sort: 'mutating' | 'validating', rules: readonly object[], more: object = {}) =>
  make(`${policies}/${sort}webhookconfigurations`, {
    metadata: { name: sort },
    webhooks: [
      {
        ...{ name: `${sort}.example.com`, sideEffects: 'None', admissionReviewVersions: ['v1'] },
        ...{ clientConfig: { url: 'https://hook.example.com/admit' }, rules, ...more },
      },
    ],
  });
const policy = async ({ make }: World, sort: 'mutating' | 'validating', spec: object, binding: object = {}) => {
  await make(`${policies}/${sort}admissionpolicies`, { metadata: { name: 'p' }, spec });
  const bound = { metadata: { name: 'b' }, spec: { policyName: 'p', ...binding } };
  await make(`${policies}/${sort}admissionpolicybindings`, bound);
};
const gizmo = (apiVersion: string, spec: object) => ({ apiVersion, kind: 'Gizmo', metadata: { name: 'g' }, spec });
/** The object that the hook was asked about first. */
const shownFirst = ({ asked }: World): JsonObject => (asked[0] as JsonObject)['object'] as JsonObject;
const patch = (...operations: readonly object[]) => ({
  ...{ allowed: true, patchType: 'JSONPatch', patch: btoa(JSON.stringify(operations)) },
});
const scaler = {
  metadata: { name: 's' },
  spec: { maxReplicas: 3, scaleTargetRef: { kind: 'Deployment', name: 'web', apiVersion: 'apps/v1' } },
};
const scalers = (version: string) => `/apis/autoscaling/${version}/namespaces/default/horizontalpodautoscalers`;

test('A hook is shown old and new in the version that its rule names', async () => {
  const at = await world();
  await define(at, 'Webhook');
  await hook(at, 'validating', [rule('example.com', 'v1', 'gizmos')]);
  await at.make(v2, gizmo('example.com/v2', { big: true }));
  const { resourceVersion } = (await at.ask('GET', `${v2}/g`)).body['metadata'] as { resourceVersion: string };
  const next = { ...gizmo('example.com/v2', { big: false }), metadata: { name: 'g', resourceVersion } };
  assert.equal((await at.ask('PUT', `${v2}/g`, next)).status, 200);
  const [created, updated] = at.asked as [JsonObject, JsonObject];
  const seen = (one: unknown) => [(one as JsonObject)['apiVersion'], (one as JsonObject)['spec']];
  assert.deepEqual(seen(created['object']), ['example.com/v1', { size: 10 }]);
  assert.deepEqual(seen(updated['object']), ['example.com/v1', { size: 1 }]);
  assert.deepEqual(seen(updated['oldObject']), ['example.com/v1', { size: 10 }]);
  const { kind, requestKind, resource, requestResource } = created;
  assert.deepEqual(kind, { group: 'example.com', version: 'v1', kind: 'Gizmo' });
  assert.deepEqual(requestKind, { group: 'example.com', version: 'v2', kind: 'Gizmo' });
  assert.deepEqual(resource, { group: 'example.com', version: 'v1', resource: 'gizmos' });
  assert.deepEqual(requestResource, { group: 'example.com', version: 'v2', resource: 'gizmos' });
});

test('A rule for the version that was asked for goes before an earlier one for another', async () => {
  const at = await world();
  await define(at, 'Webhook');
  await hook(at, 'validating', [rule('example.com', 'v1', 'gizmos'), rule('example.com', 'v2', 'gizmos')]);
  await at.make(v2, gizmo('example.com/v2', { big: true }));
  assert.deepEqual(shownFirst(at)['spec'], { big: true });
});

test('A hook with the policy Exact is not asked about another version', async () => {
  const at = await world();
  await define(at, 'Webhook');
  await hook(at, 'validating', [rule('example.com', 'v1', 'gizmos')], { matchPolicy: 'Exact' });
  await at.make(v2, gizmo('example.com/v2', { big: true }));
  assert.deepEqual(at.asked, []);
});

test('What a hook changes in its version is in what was asked for', async () => {
  const at = await world(() => patch({ op: 'replace', path: '/spec/size', value: 9 }));
  await define(at, 'Webhook');
  await hook(at, 'mutating', [rule('example.com', 'v1', 'gizmos')]);
  const made = await at.make(v2, gizmo('example.com/v2', { big: false }));
  assert.deepEqual([made['apiVersion'], made['spec']], ['example.com/v2', { big: true }]);
});

test('A hook loses nothing that its version does not know where versions differ by name alone', async () => {
  const at = await world(() => patch({ op: 'add', path: '/metadata/labels', value: { by: 'hook' } }));
  await define(at, 'None');
  await hook(at, 'mutating', [rule('example.com', 'v1', 'gizmos')]);
  const made = await at.make(v2, gizmo('example.com/v2', { big: true }));
  assert.deepEqual(made['spec'], { big: true });
  assert.deepEqual((made['metadata'] as JsonObject)['labels'], { by: 'hook' });
  assert.equal(at.state.conversions, 0);
});

test('A hook may not change the version of what it is shown', async () => {
  const at = await world(() => patch({ op: 'replace', path: '/apiVersion', value: 'example.com/v2' }));
  await define(at, 'None');
  await hook(at, 'mutating', [rule('example.com', 'v1', 'gizmos')]);
  const { status, body } = await at.ask('POST', v2, gizmo('example.com/v2', { big: true }));
  assert.equal(status, 500);
  assert.match(String(body['message']), /may not make example.com\/v2, Kind=Gizmo of example.com\/v1, Kind=Gizmo/);
});

test('A write that cannot be converted for a hook is refused, even where the hook may fail', async () => {
  const at = await world();
  await define(at, 'Webhook');
  await hook(at, 'validating', [rule('example.com', 'v1', 'gizmos')], { failurePolicy: 'Ignore' });
  at.state.converts = false;
  const { status, body } = await at.ask('POST', v2, gizmo('example.com/v2', { big: true }));
  const why = 'conversion webhook for example.com/v2, Kind=Gizmo failed: no idea';
  assert.deepEqual([status, body['message']], [500, `Internal error occurred: ${why}`]);
  assert.deepEqual(at.asked, []);
});

test('Several hooks that want one version cost one conversion', async () => {
  const at = await world();
  await define(at, 'Webhook');
  await hook(at, 'validating', [rule('example.com', 'v1', 'gizmos')]);
  await at.make(v2, gizmo('example.com/v2', { big: true }));
  const once = at.state.conversions;
  await at.ask('DELETE', `${v2}/g`);
  await at.make(`${policies}/validatingwebhookconfigurations`, {
    ...(await at.ask('GET', `${policies}/validatingwebhookconfigurations/validating`)).body,
    metadata: { name: 'another' },
  });
  at.state.conversions = 0;
  await at.make(v2, gizmo('example.com/v2', { big: true }));
  assert.equal(at.state.conversions, once);
});

test('Built-in kinds are shown in the version that a rule names, and changed there', async () => {
  const at = await world(() =>
    patch({ op: 'replace', path: '/spec/metrics/0/resource/target/averageUtilization', value: 55 }),
  );
  await hook(at, 'mutating', [rule('autoscaling', 'v2', 'horizontalpodautoscalers')]);
  const made = await at.make(scalers('v1'), scaler);
  assert.equal(shownFirst(at)['apiVersion'], 'autoscaling/v2');
  assert.equal(made['apiVersion'], 'autoscaling/v1');
  assert.equal((made['spec'] as JsonObject)['targetCPUUtilizationPercentage'], 55);
});

test('A validating policy reads the version that its rule names', async () => {
  const at = await world();
  const validations = [
    {
      expression: 'object.spec.metrics.size() == 0 && request.kind.version == request.requestKind.version',
      messageExpression: "object.apiVersion + ' as ' + request.kind.version + ' of ' + request.requestKind.version",
    },
  ];
  const matchConstraints = { resourceRules: [rule('autoscaling', 'v2', 'horizontalpodautoscalers')] };
  await policy(at, 'validating', { matchConstraints, validations }, { validationActions: ['Deny'] });
  const { status, body } = await at.ask('POST', scalers('v1'), scaler);
  assert.equal(status, 422);
  assert.match(String(body['message']), /denied request: autoscaling\/v2 as v2 of v1$/);
});

test('A mutating policy changes a custom object in the version that its rule names', async () => {
  const at = await world();
  await define(at, 'Webhook');
  const expression = 'Object{spec: Object.spec{size: object.spec.size + 8}}';
  const mutations = [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression } }];
  const matchConstraints = { resourceRules: [rule('example.com', 'v1', 'gizmos')] };
  await policy(at, 'mutating', { matchConstraints, mutations, reinvocationPolicy: 'Never' });
  const made = await at.make(v2, gizmo('example.com/v2', { big: false }));
  assert.deepEqual([made['apiVersion'], made['spec']], ['example.com/v2', { big: true }]);
});
