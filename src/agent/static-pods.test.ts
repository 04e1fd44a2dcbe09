import assert from 'node:assert/strict';
import { test } from 'node:test';
import { staticPod } from './static-pods.ts';

const file = (more: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'own', labels: { app: 'own' } },
  spec: { containers: [{ name: 'c', image: 'web' }] },
  ...more,
});

test('A pod of a file is named after its node, stays on it, and is the same as long as its file is', () => {
  const pod = staticPod(file(), 'node-0');
  assert.deepEqual([pod.metadata.name, pod.metadata.namespace, pod.spec.nodeName], ['own-node-0', 'default', 'node-0']);
  assert.deepEqual(pod.spec.tolerations, [{ operator: 'Exists', effect: 'NoExecute' }]);
  assert.equal(pod.metadata.annotations?.['kubernetes.io/config.source'], 'file');
  assert.match(pod.metadata.uid, /^[0-9a-f]{32}$/);
  assert.equal(pod.spec.restartPolicy, 'Always', 'what is left out is filled in as everywhere');
  assert.equal(staticPod(file(), 'node-0').metadata.uid, pod.metadata.uid);
  assert.notEqual(staticPod(file(), 'node-1').metadata.uid, pod.metadata.uid);
  const changed = file({ spec: { containers: [{ name: 'c', image: 'web:2' }] } });
  assert.notEqual(staticPod(changed, 'node-0').metadata.uid, pod.metadata.uid);
});

test('A file that is no pod is refused with what is wrong about it', () => {
  assert.throws(() => staticPod(file({ kind: 'Service' }), 'n'), /kind must be Pod and apiVersion v1/);
  assert.throws(() => staticPod(file({ metadata: {} }), 'n'), /metadata.name must be a name/);
  assert.throws(() => staticPod(file({ spec: { containers: {} } }), 'n'), /spec.containers must be a list/);
  assert.throws(() => staticPod('text', 'n'), /kind must be Pod/);
});
