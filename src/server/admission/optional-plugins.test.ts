import assert from 'node:assert/strict';
import { test } from 'node:test';
import { builtInKinds } from '../../api/kinds/all.ts';
import { configMaps } from '../../api/kinds/config-map.ts';
import { pods } from '../../api/kinds/pod.ts';
import { services } from '../../api/kinds/service.ts';
import { seeded } from '../../base/random.ts';
import { never } from '../../base/stop.ts';
import { SimClock } from '../../sim/clock.ts';
import { simEnv } from '../../sim/env.ts';
import { ApiServer } from '../server.ts';
import { AlwaysPullImages } from './always-pull-images.ts';
import { DenyServiceExternalIps } from './deny-service-external-ips.ts';
import { ExtendedResourceToleration } from './extended-resource-toleration.ts';
import { LimitPodHardAntiAffinityTopology } from './limit-pod-hard-anti-affinity-topology.ts';
import { NamespaceExists } from './namespace-exists.ts';
import { optionalPlugins } from './optional-plugins.ts';
import { admitted, admittedSpec, asked, storeWith, whole } from './plugin.test-data.ts';

const container = (more: object = {}) => ({ name: 'c', image: 'x', ...more });

/** A server with one of the plugins, and a way to ask it. */
async function serverWith(...enable: string[]) {
  const env = simEnv({ clock: new SimClock(), random: seeded('optional') });
  const admission = { enable, optional: optionalPlugins };
  const server = new ApiServer(env, await storeWith(), { kinds: builtInKinds, address: 'x:1', admission });
  const caller = { name: 'admin', groups: ['system:masters'], extra: {} };
  return async (words: string, object?: object) => {
    const [method = '', target = ''] = words.split(' ');
    const [path = '', query = ''] = target.split('?');
    const pairs = [...new URLSearchParams(query)];
    const body = object ? { body: { object } } : {};
    const answer = await server.handle({
      method,
      path,
      query: pairs,
      headers: {},
      caller,
      stop: never,
      ...body,
    } as never);
    return answer.status;
  };
}

test('NamespaceAutoProvision makes the namespace of what is made, with all that a namespace has', async () => {
  const ask = await serverWith('NamespaceAutoProvision');
  const create = (query = '') =>
    ask(`POST /api/v1/namespaces/shop/configmaps${query}`, { metadata: { generateName: 'a-' } });
  assert.equal(await create('?dryRun=All'), 404);
  assert.equal(await ask('GET /api/v1/namespaces/shop'), 404);
  assert.deepEqual(await Promise.all([create(), create()]), [201, 201]);
  assert.equal(await ask('GET /api/v1/namespaces/shop'), 200);
  assert.equal(await (await serverWith('NamespaceExists'))('POST /api/v1/namespaces/shop/configmaps', {}), 404);
});

test('NamespaceExists refuses even what changes nothing in a namespace that is gone', async () => {
  const plugin = new NamespaceExists(await storeWith());
  const remove = asked(configMaps, { operation: 'DELETE' });
  assert.equal(await admitted(plugin, {}, remove), 'namespaces "shop" not found');
});

test('AlwaysPullImages asks for every image anew, in volumes too, unless an update brings none', async () => {
  const plugin = new AlwaysPullImages();
  const spec = {
    containers: [container({ imagePullPolicy: 'Never' })],
    initContainers: [container()],
    volumes: [{ name: 'v', image: { reference: 'y' } }, { name: 'w' }],
  };
  assert.deepEqual(await admittedSpec(plugin, { spec }, asked(pods)), {
    containers: [container({ imagePullPolicy: 'Always' })],
    initContainers: [container({ imagePullPolicy: 'Always' })],
    volumes: [{ name: 'v', image: { reference: 'y', pullPolicy: 'Always' } }, { name: 'w' }],
  });
  const previous = whole({ spec });
  const same = asked(pods, { operation: 'UPDATE', previous });
  assert.deepEqual(await admittedSpec(plugin, { spec }, same), spec);
  const other = { ...spec, containers: [container({ image: 'z', imagePullPolicy: 'Never' })] };
  const changed = (await admittedSpec(plugin, { spec: other }, same)) as typeof spec;
  assert.equal((changed.containers[0] as { imagePullPolicy?: string }).imagePullPolicy, 'Always');
  // Somebody who came later has changed it back.
  assert.throws(
    () => plugin.validate(whole({ spec }), asked(pods)),
    /spec\.initContainers\[0\]\.imagePullPolicy: Unsupported value: "": supported values: "Always", .*"Never"/,
  );
});

test('DenyServiceExternalIPs: addresses that were there stay, new ones are refused', async () => {
  const plugin = new DenyServiceExternalIps();
  const spec = { externalIPs: ['1.2.3.4'] };
  const why = 'Use of external IPs is denied by admission control.';
  assert.equal(await admitted(plugin, { spec }, asked(services)), why);
  const update = asked(services, { operation: 'UPDATE', previous: whole({ spec }) });
  assert.equal(typeof (await admitted(plugin, { spec }, update)), 'object');
  assert.equal(await admitted(plugin, { spec: { externalIPs: ['1.2.3.4', '5.6.7.8'] } }, update), why);
});

test('LimitPodHardAntiAffinityTopology: nobody keeps others out of a zone', async () => {
  const plugin = new LimitPodHardAntiAffinityTopology();
  const pod = (topologyKey: string) => {
    const podAntiAffinity = { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey }] };
    return admitted(plugin, { spec: { containers: [container()], affinity: { podAntiAffinity } } }, asked(pods));
  };
  assert.equal(typeof (await pod('kubernetes.io/hostname')), 'object');
  assert.match(String(await pod('zone')), /has TopologyKey zone but only key kubernetes\.io\/hostname is allowed/);
});

test('ExtendedResourceToleration: who asks for a device bears the taint of its nodes', async () => {
  const resources = { requests: { 'example.com/gpu': '1', cpu: '1', 'kubernetes.io/x': '1' } };
  const spec = { containers: [container({ resources })], tolerations: [{ key: 'a', operator: 'Exists' }] };
  const { tolerations } = (await admittedSpec(new ExtendedResourceToleration(), { spec }, asked(pods))) as typeof spec;
  assert.deepEqual(tolerations, [
    ...spec.tolerations,
    { key: 'example.com/gpu', operator: 'Exists', effect: 'NoSchedule' },
  ]);
});
