import assert from 'node:assert/strict';
import { test } from 'node:test';
import { builtInKinds } from '../api/kinds/all.ts';
import type { ApiRequest, Caller, Method } from '../api/wire.ts';
import type { Labels, Metrics } from '../base/env.ts';
import type { JsonObject } from '../base/json.ts';
import { seeded } from '../base/random.ts';
import { never } from '../base/stop.ts';
import { SimClock } from '../sim/clock.ts';
import { simEnv } from '../sim/env.ts';
import { MemoryStore } from '../store/memory.ts';
import { FairGate } from './fair-gate.ts';
import { KindRegistry } from './kinds.ts';
import { MeasuredStore } from './measured-store.ts';
import { ApiServer } from './server.ts';
import { standingFigures } from './standing-figures.ts';

const admin: Caller = { name: 'admin', groups: ['system:masters'], extra: {} };
const nobody: Caller = { name: 'jane@example.com', groups: ['system:authenticated'], extra: {} };
const maps = '/api/v1/namespaces/default/configmaps';

/** Figures by name and the values of their labels: what was counted, or how often something was observed. */
function recorder() {
  const seen = new Map<string, number>();
  const key = (name: string, labels: Labels = {}) => `${name} ${Object.values(labels).join(' ')}`;
  const add = (name: string, by: number, labels?: Labels) =>
    seen.set(key(name, labels), (seen.get(key(name, labels)) ?? 0) + by);
  const metrics: Metrics = {
    count: (name, labels, by = 1) => void add(name, by, labels),
    gauge: (name, value, labels) => void seen.set(key(name, labels), value),
    observe: (name, _value, labels, times = 1) => void add(name, times, labels),
  };
  const of = (prefix: string) =>
    Object.fromEntries(
      [...seen]
        .filter(([name]) => name.startsWith(`${prefix} `))
        .map(([name, n]) => [name.slice(prefix.length + 1), n]),
    );
  return { metrics, of };
}

async function world(answer: () => JsonObject = () => ({ allowed: true })) {
  const { metrics, of } = recorder();
  const env = { ...simEnv({ clock: new SimClock(), random: seeded('figures') }), metrics };
  const server = new ApiServer(env, new MemoryStore(), {
    kinds: builtInKinds,
    address: '127.0.0.1:6443',
    outward: () => async (request) => {
      const { object } = request.body as unknown as { readonly object: { readonly request: { readonly uid: string } } };
      return { status: 200, body: { object: { response: { uid: object.request.uid, ...answer() } } } };
    },
  });
  const ask = (method: Method, path: string, object?: JsonObject, more: Partial<ApiRequest> = {}) => {
    const body = object ? { body: { object } } : {};
    const headers = { accept: 'application/json' };
    return server.handle({ method, path, query: [], headers, caller: admin, stop: never, ...body, ...more });
  };
  await ask('POST', '/api/v1/namespaces', { metadata: { name: 'default' } });
  return { ask, of, handle: server.handle };
}

test('What the store is asked is counted by operation and resource, and what it could not do as well', async () => {
  const { metrics, of } = recorder();
  const inner = new MemoryStore();
  const store = new MeasuredStore({ clock: new SimClock(), metrics }, inner);
  const made = await store.commit('/core/pods/default/a', 0, {});
  assert.ok(made.ok);
  await store.commit('/core/pods/default/a', made.entry.modified, { changed: true });
  await store.get('/apps/deployments/default/d');
  await store.list('/core/pods/');
  await assert.rejects(store.list('/core/pods/', { at: 1_000 }));
  await new Promise((resolve) => setImmediate(resolve));
  const asked = { 'create  pods': 1, 'update  pods': 1, 'get apps deployments': 1, 'list  pods': 2 };
  assert.deepEqual(of('etcd_requests_total'), asked);
  assert.deepEqual(of('etcd_request_duration_seconds'), asked);
  assert.deepEqual(of('etcd_request_errors_total'), { 'list  pods': 1 });
  assert.deepEqual(of('apiserver_storage_list_total'), { ' pods': 1 });
  assert.deepEqual(of('apiserver_storage_list_fetched_objects_total'), { ' pods': 1 });
});

test('Who is believed and let in is counted and timed, and so is who is not', async () => {
  const { ask, of, handle } = await world();
  await ask('GET', maps, undefined, { caller: nobody });
  await handle({ method: 'GET', path: maps, query: [], headers: { authorization: 'Bearer wrong' }, stop: never });
  assert.deepEqual(of('authenticated_user_requests'), { admin: 1, email_id: 1 });
  for (const name of ['authentication_attempts', 'authentication_duration_seconds']) {
    assert.deepEqual(of(name), { success: 2, failure: 1 }, name);
  }
  for (const name of ['authorization_attempts_total', 'authorization_duration_seconds']) {
    assert.deepEqual(of(name), { allowed: 1, denied: 1 }, name);
  }
});

test('The steps of admission are timed, with what came of them', async () => {
  const { ask, of } = await world();
  await ask('POST', maps, { metadata: { name: 'a' } });
  await ask('DELETE', `${maps}/a`);
  await ask('POST', '/api/v1/namespaces/missing/configmaps', { metadata: { name: 'a' } });
  const steps = of('apiserver_admission_step_admission_duration_seconds');
  assert.equal(steps['CREATE false validate'], 2);
  assert.equal(steps['DELETE false validate'], 1);
  assert.equal(steps['CREATE true admit'] ?? steps['CREATE true validate'], 1);
});

test('What webhooks refuse, and what they fail at, is counted by why', async () => {
  let answer: JsonObject = { allowed: false, status: { code: 418 } };
  const { ask, of } = await world(() => answer);
  const rules = [{ operations: ['*'], apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'] }];
  const clientConfig = { url: 'https://judge/hook' };
  const webhook = {
    name: 'judge.example.com',
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
    rules,
    clientConfig,
  };
  await ask('POST', '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations', {
    metadata: { name: 'judge' },
    webhooks: [webhook],
  });
  assert.equal((await ask('POST', maps, { metadata: { name: 'a' } })).status, 418);
  answer = { uid: 'other' };
  assert.equal((await ask('POST', maps, { metadata: { name: 'a' } })).status, 500);
  assert.deepEqual(of('apiserver_admission_webhook_rejection_count'), {
    'judge.example.com CREATE validating no_error 418': 1,
    'judge.example.com CREATE validating calling_webhook_error 0': 1,
  });
  assert.deepEqual(of('apiserver_admission_webhook_admission_duration_seconds'), {
    'judge.example.com CREATE true validating': 2,
  });
  assert.deepEqual(of('apiserver_admission_webhook_request_total'), {
    'judge.example.com CREATE true validating 418': 1,
    'judge.example.com CREATE true validating 0': 1,
  });
  const plugins = of('apiserver_admission_controller_admission_duration_seconds');
  assert.equal(plugins['ValidatingAdmissionWebhook CREATE true validate'], 2);
  assert.ok((plugins['NamespaceLifecycle CREATE false admit'] ?? 0) >= 2);
  assert.equal(plugins['Priority CREATE false admit'], undefined);
});

test('What expressions of policies take is noted: compiled once, evaluated for each write', async () => {
  const { ask, of } = await world();
  const root = '/apis/admissionregistration.k8s.io/v1';
  const resourceRules = [{ operations: ['*'], apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'] }];
  const spec = { matchConstraints: { resourceRules }, validations: [{ expression: 'object.metadata.name != "no"' }] };
  await ask('POST', `${root}/validatingadmissionpolicies`, { metadata: { name: 'p' }, spec });
  const bound = { policyName: 'p', validationActions: ['Deny'] };
  await ask('POST', `${root}/validatingadmissionpolicybindings`, { metadata: { name: 'p' }, spec: bound });
  for (const name of ['a', 'no']) await ask('POST', maps, { metadata: { name } });
  assert.deepEqual(of('apiserver_cel_compilation_duration_seconds'), { '': 1 });
  assert.deepEqual(of('apiserver_cel_evaluation_duration_seconds'), { '': 2 });
});

test('The events of watches are counted, however many come at once', async () => {
  const { ask, of } = await world();
  await ask('POST', maps, { metadata: { name: 'a' } });
  await ask('POST', maps, { metadata: { name: 'b' } });
  const answer = await ask('GET', maps, undefined, { query: [['watch', 'true']] });
  assert.ok('watch' in answer);
  answer.watch.onBatch(() => 'more');
  await ask('POST', maps, { metadata: { name: 'c' } });
  assert.deepEqual(of('apiserver_watch_events_total'), { ' v1 configmaps': 3 });
  answer.watch.wrote?.(900, 3);
  assert.deepEqual(of('apiserver_watch_events_sizes'), { ' v1 configmaps': 3 });
});

test('The gate tells how many it holds, let in and turned away, each once', async () => {
  const { metrics, of } = recorder();
  const gate = new FairGate({ atOnce: 1, atOncePerUser: 1, waitingPerUser: 1, waiting: 1 });
  gate.enter('a');
  const waiting = gate.enter('a');
  assert.throws(() => gate.enter('a'), /too many requests/);
  const asked = { kinds: new KindRegistry([]), store: new MemoryStore(), gate, version: {} };
  const all = 'global-default global-default';
  await standingFigures(metrics, asked);
  assert.deepEqual(of('apiserver_flowcontrol_current_executing_requests'), { [all]: 1 });
  assert.deepEqual(of('apiserver_flowcontrol_current_inqueue_requests'), { [all]: 1 });
  assert.deepEqual(of('apiserver_flowcontrol_nominal_limit_seats'), { 'global-default': 1 });
  assert.deepEqual(of('apiserver_flowcontrol_rejected_requests_total'), { [`${all} queue-full`]: 1 });
  gate.leave('a');
  await waiting;
  await standingFigures(metrics, asked);
  assert.deepEqual(of('apiserver_flowcontrol_dispatched_requests_total'), { [all]: 2 });
  assert.deepEqual(of('apiserver_flowcontrol_rejected_requests_total'), { [`${all} queue-full`]: 1 });
  // Whoever waited is told by whoever let him wait.
  assert.deepEqual(of('apiserver_flowcontrol_request_wait_duration_seconds'), { [`${all} true`]: 1 });
});
