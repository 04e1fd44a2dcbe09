import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import * as k8s from '@kubernetes/client-node';
import { TestCluster, until } from './cluster.ts';

const namespace = 'default';
const cluster = new TestCluster();
after(() => cluster.clear());

async function client<T extends k8s.ApiType>(api: new (config: k8s.Configuration) => T): Promise<T> {
  return configuration().makeApiClient(api as k8s.ApiConstructor<T>);
}

function configuration(): k8s.KubeConfig {
  const config = new k8s.KubeConfig();
  config.loadFromFile(cluster.kubeconfig);
  return config;
}

test('the official JavaScript client creates, reads, changes and deletes', async () => {
  await cluster.start('server');
  const core = await client(k8s.CoreV1Api);
  const body = { metadata: { name: 'a', labels: { app: 'x' } }, data: { k: 'v' } };
  const made = await core.createNamespacedConfigMap({ namespace, body });
  assert.ok(made.metadata?.uid);
  const read = await core.readNamespacedConfigMap({ namespace, name: 'a' });
  assert.deepEqual(read.data, { k: 'v' });
  const changed = await core.replaceNamespacedConfigMap({ namespace, name: 'a', body: { ...read, data: { k: 'w' } } });
  assert.deepEqual(changed.data, { k: 'w' });
  // From the old revision: somebody else was quicker.
  await assert.rejects(
    core.replaceNamespacedConfigMap({ namespace, name: 'a', body: { ...read, data: { k: 'z' } } }),
    (error) => error instanceof k8s.ApiException && error.code === 409,
  );
  const listed = await core.listNamespacedConfigMap({ namespace, labelSelector: 'app=x' });
  assert.deepEqual(
    listed.items.map(({ metadata }) => metadata?.name),
    ['a'],
  );
  await core.deleteNamespacedConfigMap({ namespace, name: 'a' });
  await assert.rejects(
    core.readNamespacedConfigMap({ namespace, name: 'a' }),
    (error) => error instanceof k8s.ApiException && error.code === 404,
  );
});

test('the official JavaScript client patches in every way, and applies on the server side', async () => {
  const config = configuration();
  const objects = k8s.KubernetesObjectApi.makeApiClient(config);
  const base = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'patched', namespace } };
  const applied = await objects.patch<k8s.V1ConfigMap>(
    { ...base, data: { own: '1' } } as k8s.V1ConfigMap,
    undefined,
    undefined,
    'tester',
    true,
    k8s.PatchStrategy.ServerSideApply,
  );
  assert.deepEqual(applied.data, { own: '1' });
  assert.equal(applied.metadata?.managedFields?.[0]?.manager, 'tester');
  const merged = await objects.patch<k8s.V1ConfigMap>(
    { ...base, data: { other: '2' } } as k8s.V1ConfigMap,
    undefined,
    undefined,
    undefined,
    undefined,
    k8s.PatchStrategy.MergePatch,
  );
  assert.deepEqual(merged.data, { own: '1', other: '2' });
  const core = await client(k8s.CoreV1Api);
  const options = k8s.setHeaderOptions('Content-Type', k8s.PatchStrategy.JsonPatch);
  const body = [{ op: 'remove', path: '/data/other' }];
  const left = await core.patchNamespacedConfigMap({ namespace, name: 'patched', body }, options);
  assert.deepEqual(left.data, { own: '1' });
});

test('an informer of the official JavaScript client follows the cluster over a restart of the server', async () => {
  const config = configuration();
  const core = await client(k8s.CoreV1Api);
  const list = () => core.listNamespacedConfigMap({ namespace });
  const informer = k8s.makeInformer(config, `/api/v1/namespaces/${namespace}/configmaps`, list);
  const seen = new Map<string, string>();
  informer.on('add', ({ metadata, data }) => seen.set(metadata?.name ?? '', data?.['k'] ?? ''));
  informer.on('update', ({ metadata, data }) => seen.set(metadata?.name ?? '', data?.['k'] ?? ''));
  informer.on('delete', ({ metadata }) => seen.delete(metadata?.name ?? ''));
  // It gives up when the server goes away; starting it again is what its users do.
  informer.on('error', () => setTimeout(() => void informer.start().catch(() => {}), 100).unref());
  await informer.start();
  const body = (k: string) => ({ metadata: { name: 'watched' }, data: { k } });
  await core.createNamespacedConfigMap({ namespace, body: body('1') });
  await until('object in the informer', 5_000, () => seen.get('watched') === '1');
  await core.replaceNamespacedConfigMap({ namespace, name: 'watched', body: body('2') });
  await until('change in the informer', 5_000, () => seen.get('watched') === '2');
  const address = new URL(cluster.url).host;
  await cluster.end('SIGKILL');
  await cluster.start('server', ['--listen', address]);
  await core.replaceNamespacedConfigMap({ namespace, name: 'watched', body: body('3') });
  await until('change after the restart', 15_000, () => seen.get('watched') === '3');
  await core.deleteNamespacedConfigMap({ namespace, name: 'watched' });
  await until('end of the object in the informer', 5_000, () => !seen.has('watched'));
  await informer.stop();
  assert.equal(await cluster.end(), 0);
});
