import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json, JsonObject } from '../../../base/json.ts';
import { seeded } from '../../../base/random.ts';
import { SimClock } from '../../../sim/clock.ts';
import { simEnv } from '../../../sim/env.ts';
import { MemoryStore } from '../../../store/memory.ts';
import { reconcileBootstrap } from './reconcile.ts';

const facts = { ip: '10.0.0.1', port: 6443, clientAuthority: 'PEM' };
const view = '/rbac.authorization.k8s.io/clusterroles/system:kube-scheduler';
const masters = '/rbac.authorization.k8s.io/clusterrolebindings/cluster-admin';

async function world() {
  const env = simEnv({ clock: new SimClock(), random: seeded('bootstrap') });
  const store = new MemoryStore();
  const start = (more = {}) => reconcileBootstrap(env, store, { ...facts, ...more });
  await start();
  const read = async (key: string) => (await store.get(key)).entry?.value as JsonObject;
  const change = async (key: string, value: JsonObject | undefined) => {
    const { entry } = await store.get(key);
    await store.commit(key, entry?.modified ?? 0, value as Json | undefined);
  };
  return { store, start, read, change };
}

test('a second start of an unchanged cluster writes nothing', async () => {
  const { store, start } = await world();
  const before = store.revision;
  await start();
  assert.equal(store.revision, before);
});

test('rules and subjects that were taken away come back, and what was added stays', async () => {
  const { start, read, change } = await world();
  const role = await read(view);
  const own = { verbs: ['get'], apiGroups: ['example.com'], resources: ['own'] };
  const kept = (role.rules as readonly Json[]).slice(3);
  await change(view, { ...role, rules: [...kept, own] });
  const binding = await read(masters);
  await change(masters, { ...binding, subjects: [{ kind: 'User', name: 'me' }] });
  await start();
  const rules = (await read(view)).rules as readonly Json[];
  assert.deepEqual(rules.slice(0, kept.length + 1), [...kept, own]);
  assert.ok(rules.length > kept.length + 1);
  assert.deepEqual((await read(masters)).subjects, [
    { kind: 'User', name: 'me' },
    { kind: 'Group', apiGroup: 'rbac.authorization.k8s.io', name: 'system:masters' },
  ]);
  assert.equal(((await read(view)).metadata as JsonObject).uid, (role.metadata as JsonObject).uid);
});

test('what was deleted comes back, and what says that it is not to be updated is left alone', async () => {
  const { start, read, change } = await world();
  const role = await read(view);
  const annotations = { 'rbac.authorization.kubernetes.io/autoupdate': 'false' };
  await change(view, { ...role, metadata: { ...(role.metadata as JsonObject), annotations }, rules: [] });
  await change(masters, undefined);
  await start();
  assert.deepEqual((await read(view)).rules, []);
  assert.ok(await read(masters));
});

test('a binding that was made anew for another role is pointed back', async () => {
  const { start, read, change } = await world();
  const binding = await read(masters);
  await change(masters, { ...binding, roleRef: { ...(binding.roleRef as JsonObject), name: 'view' } });
  await start();
  assert.equal(((await read(masters)).roleRef as JsonObject).name, 'cluster-admin');
});

test('the own endpoint follows the address and the port of a start', async () => {
  const { start, read } = await world();
  await start({ ip: '10.0.0.2', port: 7443 });
  const slice = await read('/discovery.k8s.io/endpointslices/default/kubernetes');
  assert.deepEqual(slice.endpoints, [{ addresses: ['10.0.0.2'], conditions: { ready: true } }]);
  assert.deepEqual(slice.ports, [{ name: 'https', protocol: 'TCP', port: 7443 }]);
});
