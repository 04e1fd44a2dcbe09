import assert from 'node:assert/strict';
import { test } from 'node:test';
import { builtInKinds } from '../../../api/kinds/all.ts';
import type { Caller, Method } from '../../../api/wire.ts';
import { encodeText, type Json, type JsonObject } from '../../../base/json.ts';
import { seeded } from '../../../base/random.ts';
import { never } from '../../../base/stop.ts';
import { jsonOf } from '../../../client/client.ts';
import { SimClock } from '../../../sim/clock.ts';
import { simEnv } from '../../../sim/env.ts';
import { MemoryStore } from '../../../store/memory.ts';
import { ApiServer } from '../../server.ts';

const admin: Caller = { name: 'admin', groups: ['system:masters'], extra: {} };
const group = '/apis/admissionregistration.k8s.io/v1';
const maps = '/api/v1/namespaces/shop/configmaps';

async function world() {
  const env = simEnv({ clock: new SimClock(), random: seeded('policies') });
  const server = new ApiServer(env, new MemoryStore(), { kinds: builtInKinds, address: '127.0.0.1:6443' });
  const ask = async (method: Method, path: string, object?: Json) => {
    const body =
      object === undefined
        ? {}
        : { body: { bytes: encodeText(JSON.stringify(object)), mediaType: 'application/json' } };
    const response = await server.handle({ method, path, query: [], headers: {}, caller: admin, stop: never, ...body });
    return { status: response.status, headers: response.headers, body: (await jsonOf(response)) as JsonObject };
  };
  await ask('POST', '/api/v1/namespaces', { metadata: { name: 'shop', labels: { tier: 'gold' } } });
  return ask;
}
type Ask = Awaited<ReturnType<typeof world>>;

const constraints = (resource = 'configmaps') => ({
  resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: [resource] }],
});
const map = (name: string, data: Readonly<Record<string, string>> = {}) => ({ metadata: { name }, data });

async function policy(ask: Ask, sort: 'validating' | 'mutating', spec: object, binding: object = {}) {
  const kind = sort === 'validating' ? 'ValidatingAdmissionPolicy' : 'MutatingAdmissionPolicy';
  const of = (suffix: string, name: string, content: object) => ({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: `${kind}${suffix}`,
    metadata: { name },
    spec: content,
  });
  const plural = `${sort}admissionpolic`;
  const made = await ask(
    'POST',
    `${group}/${plural}ies`,
    of('', 'p', { matchConstraints: constraints(), ...spec }) as Json,
  );
  assert.equal(made.status, 201, String(made.body.message));
  const bound = of('Binding', 'b', { policyName: 'p', ...binding }) as Json;
  const answer = await ask('POST', `${group}/${plural}ybindings`, bound);
  assert.equal(answer.status, 201, String(answer.body.message));
}

test('A validating policy refuses what its expressions say no to', async () => {
  const ask = await world();
  const validations = [
    {
      expression: "variables.keys.all(k, k.startsWith(namespaceObject.metadata.labels['tier']))",
      messageExpression: "'keys are ' + variables.keys.join(' ') + ' for ' + request.userInfo.username",
      reason: 'Forbidden',
    },
  ];
  const variables = [{ name: 'keys', expression: 'has(object.data) ? object.data.map(k, k) : []' }];
  await policy(ask, 'validating', { variables, validations }, { validationActions: ['Deny'] });
  const fine = await ask('POST', maps, map('a', { 'gold-1': '' }) as Json);
  assert.equal(fine.status, 201, String(fine.body.message));
  const refused = await ask('POST', maps, map('b', { other: '' }) as Json);
  assert.deepEqual(
    [refused.status, refused.body.message],
    [
      403,
      `configmaps "b" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: keys are other for admin`,
    ],
  );
  assert.equal((await ask('POST', '/api/v1/namespaces/shop/secrets', map('s') as Json)).status, 201);
});

test('A variable that is too dear is told of where it is asked for, and nowhere else', async () => {
  const ask = await world();
  const dear = `object.data.all(a, ${'object.data.all(b, '.repeat(3)}a != b + 'x'${')'.repeat(3)})`;
  const variables = [
    { name: 'dear', expression: dear },
    { name: 'through', expression: 'variables.dear' },
  ];
  const validations = [{ expression: "object.metadata.name != 'asks' || variables.through" }];
  await policy(ask, 'validating', { variables, validations }, { validationActions: ['Deny'] });
  const data = Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`k${n}`, '']));
  assert.equal((await ask('POST', maps, map('quiet', data) as Json)).status, 201);
  const refused = await ask('POST', maps, map('asks', data) as Json);
  assert.match(String(refused.body.message), /composited variable "through" fails to evaluate: .*cost limit exceeded/);
});

test('A policy whose expressions are too dear together judges no further', async () => {
  const ask = await world();
  const loops = "object.data.all(a, object.data.all(b, object.data.all(c, a != b + 'x')))";
  const validations = Array.from({ length: 40 }, (_, n) => ({ expression: `${n} >= 0 && ${loops}` }));
  await policy(ask, 'validating', { validations }, { validationActions: ['Deny'] });
  const data = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n}`, '']));
  assert.equal((await ask('POST', maps, map('small', data(20)) as Json)).status, 201);
  const refused = await ask('POST', maps, map('large', data(42)) as Json);
  assert.match(String(refused.body.message), /running out of cost budget, no further validation rules will be run/);
});

test('A binding that only warns lets the write through and says why', async () => {
  const ask = await world();
  const validations = [{ expression: 'has(object.data)', message: 'it is empty' }];
  await policy(ask, 'validating', { validations }, { validationActions: ['Warn', 'Audit'] });
  const made = await ask('POST', maps, { metadata: { name: 'a' } });
  assert.equal(made.status, 201);
  const text = "Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b': it is empty";
  assert.equal(made.headers?.warning, `299 - ${JSON.stringify(text)}`);
});

test('A policy takes its parameters from the object that its binding names', async () => {
  const ask = await world();
  const validations = [{ expression: 'size(object.data) <= int(params.data.max)' }];
  const paramKind = { apiVersion: 'v1', kind: 'ConfigMap' };
  const paramRef = { name: 'limits', parameterNotFoundAction: 'Deny' };
  const matchConditions = [{ name: 'not-itself', expression: "object.metadata.name != 'limits'" }];
  await policy(
    ask,
    'validating',
    { validations, paramKind, matchConditions },
    { validationActions: ['Deny'], paramRef },
  );
  assert.match(String((await ask('POST', maps, map('a') as Json)).body.message), /no params found for policy binding/);
});

test('An expression that fails refuses the write unless the policy ignores failures', async () => {
  for (const [failurePolicy, status] of [
    ['Fail', 422],
    ['Ignore', 201],
  ] as const) {
    const ask = await world();
    const validations = [{ expression: "object.data.missing == 'x'" }];
    await policy(ask, 'validating', { validations, failurePolicy }, { validationActions: ['Deny'] });
    assert.equal((await ask('POST', maps, map('a', { k: 'v' }) as Json)).status, status);
  }
});

test('A mutating policy merges what it makes, and patches', async () => {
  const ask = await world();
  const mutations = [
    {
      patchType: 'ApplyConfiguration',
      applyConfiguration: {
        expression: "Object{metadata: Object.metadata{labels: {'by': 'policy'}}}",
      },
    },
    {
      patchType: 'JSONPatch',
      jsonPatch: {
        expression:
          "[JSONPatch{op: 'add', path: '/data/' + jsonpatch.escapeKey('a.b'), value: object.metadata.labels.by}]",
      },
    },
  ];
  await policy(ask, 'mutating', { mutations, reinvocationPolicy: 'Never' });
  const { status, body } = await ask('POST', maps, map('a', { k: 'v' }) as Json);
  assert.equal(status, 201, String(body.message));
  assert.deepEqual(body.data, { k: 'v', 'a.b': 'policy' });
  assert.deepEqual((body.metadata as JsonObject).labels, { by: 'policy' });
});
