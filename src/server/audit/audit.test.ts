import assert from 'node:assert/strict';
import { test } from 'node:test';
import { builtInKinds } from '../../api/kinds/all.ts';
import type { ApiRequest, Method } from '../../api/wire.ts';
import { encodeText, type Json, type JsonObject } from '../../base/json.ts';
import { seeded } from '../../base/random.ts';
import { never } from '../../base/stop.ts';
import { SimClock } from '../../sim/clock.ts';
import { simEnv } from '../../sim/env.ts';
import { MemoryStore } from '../../store/memory.ts';
import { ApiServer } from '../server.ts';
import { auditPolicy, metadataOfAll } from './policy.ts';

const admin = { name: 'admin', groups: ['system:masters'], extra: {} };
const policy = (rules: readonly object[], more: object = {}) =>
  auditPolicy({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules, ...more } as Json);

function world(rules: Parameters<typeof policy>[0], more: object = {}) {
  const events: JsonObject[] = [];
  const server = new ApiServer(simEnv({ clock: new SimClock(), random: seeded('audit') }), new MemoryStore(), {
    kinds: builtInKinds,
    address: '127.0.0.1:6443',
    admission: { disable: ['NamespaceLifecycle'] },
    audit: { policy: policy(rules, more), write: (event) => events.push(event) },
  });
  const ask = (method: Method, path: string, object?: object, more: Partial<ApiRequest> = {}) => {
    const bytes = object && encodeText(JSON.stringify(object));
    const body = bytes ? { body: { bytes, mediaType: 'application/json' } } : {};
    const asked = { method, path, query: [], headers: { 'user-agent': 'test' }, caller: admin, stop: never };
    return server.handle({ ...asked, ...body, ...more });
  };
  return { ask, events };
}

const secrets = '/api/v1/namespaces/default/secrets';
const secret = { metadata: { name: 'a' }, stringData: { password: 'hunter2' } };

test('at level Metadata it is written down who did what to what, and nothing that is in it', async () => {
  const { ask, events } = world([{ level: 'Metadata' }]);
  const response = await ask('POST', secrets, secret);
  assert.deepEqual(
    events.map(({ stage }) => stage),
    ['RequestReceived', 'ResponseComplete'],
  );
  const { auditID, requestReceivedTimestamp: _received, stageTimestamp: _now, ...last } = events[1] as JsonObject;
  assert.equal(response.headers?.['audit-id'], auditID);
  assert.deepEqual(last, {
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'Metadata',
    stage: 'ResponseComplete',
    requestURI: secrets,
    verb: 'create',
    user: { username: 'admin', groups: ['system:masters'] },
    userAgent: 'test',
    objectRef: { resource: 'secrets', namespace: 'default', name: 'a', apiVersion: 'v1' },
    responseStatus: { metadata: {}, code: 201 },
    annotations: { 'authorization.k8s.io/decision': 'allow', 'authorization.k8s.io/reason': '' },
  });
  assert.doesNotMatch(JSON.stringify(events), /hunter2/);
});

test('who asked is told by address, and before it those who stand between', async () => {
  const { ask, events } = world([{ level: 'Metadata' }]);
  await ask('GET', '/version', undefined, { from: '10.0.0.7' });
  const headers = { 'x-forwarded-for': '192.0.2.1, nobody', 'x-real-ip': '2001:DB8:0:0::1' };
  await ask('GET', '/version', undefined, { headers, from: '2001:db8::1' });
  const ends = events.filter(({ stage }) => stage === 'ResponseComplete');
  assert.deepEqual(
    ends.map(({ sourceIPs }) => sourceIPs),
    [['10.0.0.7'], ['192.0.2.1', '2001:db8::1']],
  );
});

test('the first rule that matches decides, and stages and owners of fields are left out where it says so', async () => {
  const { ask, events } = world(
    [
      { level: 'None', users: ['system:quiet'] },
      { level: 'RequestResponse', resources: [{ group: '', resources: ['configmaps'] }], omitManagedFields: true },
      { level: 'Metadata', nonResourceURLs: ['/version*'] },
    ],
    { omitStages: ['RequestReceived'] },
  );
  await ask('POST', '/api/v1/namespaces/default/configmaps', { metadata: { name: 'm' }, data: { k: 'v' } });
  await ask('POST', secrets, secret);
  await ask('GET', '/version');
  await ask('GET', '/livez');
  assert.deepEqual(
    events.map(({ level, requestURI }) => [level, requestURI]),
    [
      ['RequestResponse', '/api/v1/namespaces/default/configmaps'],
      ['Metadata', '/version'],
    ],
  );
  const [made] = events as [JsonObject & { readonly responseObject: JsonObject; readonly requestObject: JsonObject }];
  assert.deepEqual(made.requestObject.data, { k: 'v' });
  assert.equal((made.responseObject.metadata as JsonObject).managedFields, undefined);
});

test('a refusal is written down with what was answered', async () => {
  const { ask, events } = world([{ level: 'Metadata', omitStages: ['RequestReceived'] }]);
  await ask('GET', secrets, undefined, { caller: { name: 'mallory', groups: [], extra: {} } });
  const [event] = events as [JsonObject & { readonly responseStatus: JsonObject }];
  assert.deepEqual([event.responseStatus.code, event.responseStatus.reason], [403, 'Forbidden']);
  assert.deepEqual(event.annotations, {
    'authorization.k8s.io/decision': 'forbid',
    'authorization.k8s.io/reason': '',
  });
});

test('a policy that says nothing understandable is refused with the place of what is wrong', () => {
  assert.throws(() => policy([]), /it has no rules/);
  assert.throws(() => policy([{ level: 'All' }]), /rules\[0\]\.level is one of None, Metadata/);
  assert.throws(() => policy([{ level: 'None', omitStages: ['x'] }]), /rules\[0\]\.omitStages has "x"/);
  assert.throws(() => auditPolicy({ kind: 'Pod' }), /no Policy of audit/);
  assert.equal(metadataOfAll({ caller: admin, verb: 'get', path: '/' }, admin).level, 'Metadata');
});

test('what policies and pod security find out is written down beside the request', async () => {
  const { ask, events } = world([{ level: 'Metadata' }]);
  const registration = '/apis/admissionregistration.k8s.io/v1';
  const matchConstraints = {
    resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] }],
  };
  const spec = {
    matchConstraints,
    validations: [{ expression: 'true' }, { expression: 'has(object.data)', message: 'no data' }],
    auditAnnotations: [
      { key: 'who', valueExpression: "'name is ' + object.metadata.name" },
      { key: 'none', valueExpression: 'null' },
    ],
  };
  const post = async (path: string, object: object) => assert.equal((await ask('POST', path, object)).status, 201);
  await post(`${registration}/validatingadmissionpolicies`, { metadata: { name: 'p' }, spec });
  for (const name of ['b', 'c']) {
    const binding = { policyName: 'p', validationActions: ['Audit'] };
    await post(`${registration}/validatingadmissionpolicybindings`, { metadata: { name }, spec: binding });
  }
  const last = () => {
    const annotations = events.at(-1)?.annotations as Record<string, string>;
    return Object.fromEntries(Object.entries(annotations).filter(([key]) => !key.startsWith('authorization')));
  };
  await post('/api/v1/namespaces/default/configmaps', { metadata: { name: 'm' } });
  const { 'validation.policy.admission.k8s.io/validation_failure': failure = '', ...rest } = last();
  assert.deepEqual(rest, { 'p/who': 'name is m' });
  assert.deepEqual(JSON.parse(failure), [
    { message: 'no data', policy: 'p', binding: 'b', expressionIndex: 1, validationActions: ['Audit'] },
  ]);
  const labels = {
    'pod-security.kubernetes.io/audit': 'baseline',
    'pod-security.kubernetes.io/audit-version': 'v1.30',
  };
  await post('/api/v1/namespaces', { metadata: { name: 'shop', labels } });
  await post('/api/v1/namespaces/shop/serviceaccounts', { metadata: { name: 'default' } });
  const pod = { metadata: { name: 'x' }, spec: { hostNetwork: true, containers: [{ name: 'c', image: 'i' }] } };
  await post('/api/v1/namespaces/shop/pods', pod);
  assert.deepEqual(last(), {
    'pod-security.kubernetes.io/audit-violations':
      'would violate PodSecurity "baseline:v1.30": host namespaces (hostNetwork=true)',
    'pod-security.kubernetes.io/enforce-policy': 'privileged:latest',
  });
});

test('an annotation that cannot be worked out refuses where the policy is strict, and is left out where it is not', async () => {
  const registration = '/apis/admissionregistration.k8s.io/v1';
  for (const [failurePolicy, status] of [
    ['Fail', 422],
    ['Ignore', 201],
  ] as const) {
    const { ask, events } = world([{ level: 'Metadata' }]);
    const spec = {
      failurePolicy,
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] }],
      },
      auditAnnotations: [{ key: 'k', valueExpression: 'object.data.missing' }],
    };
    await ask('POST', `${registration}/validatingadmissionpolicies`, { metadata: { name: 'p' }, spec });
    const binding = { policyName: 'p', validationActions: ['Deny'] };
    await ask('POST', `${registration}/validatingadmissionpolicybindings`, { metadata: { name: 'b' }, spec: binding });
    const answer = await ask('POST', '/api/v1/namespaces/default/configmaps', { metadata: { name: 'm' }, data: {} });
    assert.equal(answer.status, status);
    assert.doesNotMatch(JSON.stringify(events.at(-1)), /p\/k/);
  }
});
