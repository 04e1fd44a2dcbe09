import assert from 'node:assert/strict';
import { test } from 'node:test';
import { builtInKinds } from '../api/kinds/all.ts';
import { pods } from '../api/kinds/pod.ts';
import { podDisruptionBudgets } from '../api/kinds/pod-disruption-budget.ts';
import type { Caller } from '../api/wire.ts';
import type { Json } from '../base/json.ts';
import { seeded } from '../base/random.ts';
import { never } from '../base/stop.ts';
import { Client, jsonOf } from '../client/client.ts';
import { bootstrap } from '../machinery/bootstrap.ts';
import { SimClock } from '../sim/clock.ts';
import { simEnv } from '../sim/env.ts';
import { MemoryStore } from '../store/memory.ts';
import { ApiServer } from './server.ts';

const admin: Caller = { name: 'admin', groups: ['system:masters'], extra: {} };
const namespace = 'default';

async function world() {
  const env = simEnv({ clock: new SimClock(), random: seeded('eviction') });
  // Nobody here makes service accounts.
  const admission = { disable: ['ServiceAccount'] };
  const server = new ApiServer(env, new MemoryStore(), { kinds: builtInKinds, address: '127.0.0.1:6443', admission });
  const client = new Client(server.handle, admin);
  await bootstrap(client, { serviceRange: '10.96.0.0/16', apiServiceIp: '10.96.0.1', port: 6443 });
  const send = (action: object) => client.send(action as never);
  const pod = async (name: string, ready = true) => {
    const spec = { containers: [{ name: 'c', image: 'i' }], nodeName: 'n', terminationGracePeriodSeconds: 0 };
    await send({ verb: 'create', kind: pods, object: { metadata: { name, namespace, labels: { app: 'a' } }, spec } });
    const conditions = [{ type: 'Ready', status: ready ? 'True' : 'False' }];
    const patch = { status: { phase: 'Running', conditions } };
    await send({ verb: 'patch', kind: pods, key: { namespace, name }, patch, subresource: 'status' });
  };
  const budget = async (name: string, status: object, more: object = {}) => {
    const spec = { selector: { matchLabels: { app: 'a' } }, minAvailable: 1, ...more };
    await send({ verb: 'create', kind: podDisruptionBudgets, object: { metadata: { name, namespace }, spec } });
    const whole = { observedGeneration: 1, disruptionsAllowed: 0, currentHealthy: 1, desiredHealthy: 1, ...status };
    const patch = { status: { expectedPods: 1, ...whole } };
    await send({ verb: 'patch', kind: podDisruptionBudgets, key: { namespace, name }, patch, subresource: 'status' });
  };
  const evict = async (name: string, more: object = {}) => {
    const object = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name }, ...more };
    const path = `/api/v1/namespaces/default/pods/${name}/eviction`;
    const asked = { method: 'POST', path, query: [], headers: {}, caller: admin, stop: never } as const;
    const response = await server.handle({ ...asked, body: { object: object as Json } });
    return { status: response.status, body: (await jsonOf(response)) as Readonly<Record<string, Json>> };
  };
  const left = async () => (await client.list(pods, { namespace })).items.map(({ metadata }) => metadata.name);
  return { pod, budget, evict, left, client };
}

test('an eviction without a budget is a delete', async () => {
  const { pod, evict, left } = await world();
  await pod('one');
  const { status, body } = await evict('one');
  assert.deepEqual([status, body['status']], [201, 'Success']);
  assert.deepEqual(await left(), []);
});

test('an eviction spends what its budget allows, and is refused with the reason after that', async () => {
  const { pod, budget, evict, left, client } = await world();
  await pod('one');
  await pod('two');
  await budget('b', { disruptionsAllowed: 1 });
  assert.equal((await evict('one', { deleteOptions: { dryRun: ['All'] } })).status, 201);
  assert.equal((await evict('one')).status, 201);
  const { status } = await client.get(podDisruptionBudgets, { namespace, name: 'b' });
  assert.deepEqual([status?.['disruptionsAllowed'], Object.keys(status?.['disruptedPods'] as object)], [0, ['one']]);
  const refused = await evict('two');
  assert.equal(refused.status, 429);
  assert.equal(refused.body['message'], "Cannot evict pod as it would violate the pod's disruption budget.");
  const message = 'The disruption budget b needs 1 healthy pods and has 1 currently';
  assert.deepEqual(refused.body['details'], { causes: [{ reason: 'DisruptionBudget', message }] });
  assert.deepEqual(await left(), ['two']);
});

test('an eviction waits for a budget that nobody has looked at yet', async () => {
  const { pod, budget, evict } = await world();
  await pod('one');
  await budget('b', { disruptionsAllowed: 1, observedGeneration: 0 });
  const { status, body } = await evict('one');
  assert.equal(status, 429);
  assert.equal((body['details'] as { readonly retryAfterSeconds?: number }).retryAfterSeconds, 10);
});

test('an eviction under two budgets is an error', async () => {
  const { pod, budget, evict, left } = await world();
  await pod('one');
  await budget('a', { disruptionsAllowed: 1 });
  await budget('b', { disruptionsAllowed: 1 });
  assert.equal((await evict('one')).status, 500);
  assert.deepEqual(await left(), ['one']);
});

test('an unhealthy pod goes where enough others are healthy, or always where the budget says so', async () => {
  const { pod, budget, evict, left } = await world();
  await pod('sick', false);
  await budget('b', { currentHealthy: 0 });
  assert.equal((await evict('sick')).status, 429);
  const other = await world();
  await other.pod('sick', false);
  await other.budget('b', { currentHealthy: 0 }, { unhealthyPodEvictionPolicy: 'AlwaysAllow' });
  assert.equal((await other.evict('sick')).status, 201);
  const third = await world();
  await third.pod('sick', false);
  await third.budget('b', { currentHealthy: 1 });
  assert.equal((await third.evict('sick')).status, 201);
  assert.deepEqual(await left(), ['sick']);
});

test('an eviction names its own pod, and one that is there', async () => {
  const { pod, evict } = await world();
  await pod('one');
  const { status, body } = await evict('one', { metadata: { name: 'two' } });
  assert.deepEqual([status, body['message']], [400, 'name in URL does not match name in Eviction object']);
  assert.equal((await evict('none')).status, 404);
});
