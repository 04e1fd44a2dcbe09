import assert from 'node:assert/strict';
import { test } from 'node:test';
import { builtInKinds } from '../../api/kinds/all.ts';
import type { Method } from '../../api/wire.ts';
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
  const ask = (method: Method, path: string, object?: object, caller = admin) => {
    const bytes = object && encodeText(JSON.stringify(object));
    const body = bytes ? { body: { bytes, mediaType: 'application/json' } } : {};
    return server.handle({ method, path, query: [], headers: { 'user-agent': 'test' }, caller, stop: never, ...body });
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
  await ask('GET', secrets, undefined, { name: 'mallory', groups: [], extra: {} });
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
