import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { testEngine } from '../src/host/runtime/docker/busybox.test-data.ts';
import type { EngineClient } from '../src/host/runtime/docker/engine-client.ts';
import { DockerImages } from '../src/host/runtime/docker/images.ts';
import { TestRegistry, whyNoRegistry } from '../src/host/runtime/docker/registry.test-data.ts';
import { kubectl } from '../tools/clients.ts';
import { kubectlOf, TestCluster, until } from './cluster.ts';

// Images of two registries, one that lets everybody in and one that wants a login, as pods and their secrets ask for
// them.

const found = await testEngine();
const client = await kubectl('1.36');
const skip = 'missing' in found ? found.missing : 'missing' in client ? client.missing : whyNoRegistry();

const patienceMs = 40_000;
const pod = (name: string, image: string, spec: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: {
    terminationGracePeriodSeconds: 0,
    containers: [{ name: 'c', image, command: ['sh', '-c', 'exec sleep 1000'] }],
    ...spec,
  },
});

describe('images of a registry, for pods', { skip }, () => {
  const engine = 'engine' in found ? found.engine.client : (undefined as unknown as EngineClient);
  const images = new DockerImages(engine);
  const program = 'path' in client ? client.path : '';
  const cluster = new TestCluster();
  const registries: TestRegistry[] = [];
  const references: string[] = [];
  const { run, does } = kubectlOf(program, cluster);
  const apply = (object: object) => does(['apply', '-f', '-'], JSON.stringify(object));
  const running = (...names: readonly string[]) =>
    does(['wait', '--for=condition=Ready', ...names.map((name) => `pod/${name}`), '--timeout=40s']);
  const events = (name: string) =>
    does(['get', 'events', '--field-selector', `involvedObject.name=${name}`, '-o', 'custom-columns=M:.message']);
  const forget = async () => {
    for (const reference of references) await images.remove(reference);
  };

  before(async () => {
    for (const closed of [false, true]) {
      const registry = await TestRegistry.start(closed);
      registries.push(registry);
      references.push(registry.reference, await registry.push(engine));
    }
    await forget();
    await cluster.start('up', ['--runtime', 'docker']);
    await until('account of the namespace', 20_000, async () => (await run(['get', 'sa', 'default'])).code === 0);
  });
  after(async () => {
    await cluster.clear();
    await forget();
    for (const registry of registries) registry.end();
  });

  test('pods that want the same image at the same time all get it, and it is pulled where it was not', async () => {
    const [open] = references;
    const names = ['one', 'two', 'three'];
    await Promise.all(names.map((name) => apply(pod(name, open as string))));
    await running(...names);
    const told = (await Promise.all(names.map(events))).join('\n');
    assert.match(told, new RegExp(`Pulling image "${open}"`));
    assert.match(told, new RegExp(`Successfully pulled image "${open}" in [0-9.]+m?s`));
    await apply(pod('later', open as string));
    await running('later');
    assert.match(await events('later'), /already present on machine/);
  });

  test('an image is had by its digest', async () => {
    const [, byDigest] = references;
    await forget();
    await apply(pod('exact', byDigest as string));
    await running('exact');
    const id = await does(['get', 'pod', 'exact', '-o', 'jsonpath={.status.containerStatuses[0].imageID}']);
    assert.match(id, /sha256:[0-9a-f]{64}/);
  });

  test('without a login nothing is had of a registry that wants one, and the pod says why; with it, all is well', async () => {
    const [, closed] = registries as [TestRegistry, TestRegistry];
    await apply(pod('stranger', closed.reference));
    const waiting = 'jsonpath={.status.containerStatuses[0].state.waiting}';
    await until('why it cannot be had', patienceMs, async () => {
      const told = await does(['get', 'pod', 'stranger', '-o', waiting]);
      return /no basic auth credentials.*ImagePullBackOff/.test(told) || Promise.reject(new Error(told));
    });
    const data = { '.dockerconfigjson': closed.login };
    await apply({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'login' },
      type: 'kubernetes.io/dockerconfigjson',
      data,
    });
    await apply(pod('known', closed.reference, { imagePullSecrets: [{ name: 'login' }] }));
    await running('known');
    const account = { imagePullSecrets: [{ name: 'login' }] };
    await does(['patch', 'serviceaccount', 'default', '--patch', JSON.stringify(account)]);
    await forget();
    await apply(pod('of-account', closed.reference));
    await running('of-account');
  });

  test('an image that is always asked for is asked for again, though it is there', async () => {
    const [open] = references;
    const containers = [{ ...pod('x', open as string).spec.containers[0], imagePullPolicy: 'Always' }];
    await apply(pod('again', open as string, { containers }));
    await running('again');
    assert.match(await events('again'), new RegExp(`Pulling image "${open}"`));
  });
});
