import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '../../base/json.ts';
import { MemoryStore } from '../../store/memory.ts';
import { NodeGraph } from './node-graph.ts';

const key = '/core/pods/default/a';
const spec = (node: string, secret: string): JsonObject => ({
  ...(node === '' ? {} : { nodeName: node }),
  volumes: [{ name: 'v', secret: { secretName: secret } }],
});
const pod = (of: JsonObject, more: JsonObject = {}): JsonObject => ({
  metadata: { name: 'a', namespace: 'default' },
  spec: of,
  ...more,
});

test('what a pod names concerns its node from the binding on until it is gone, whatever its status says', async () => {
  const store = new MemoryStore();
  const graph = new NodeGraph(store);
  await graph.ready();
  let revision = 0;
  const put = async (value: JsonObject | undefined) => {
    const done = await store.commit(key, revision, value);
    assert(done.ok);
    revision = done.revision;
  };
  const concerns = (node: string, secret: string) =>
    graph.concerns(node, 'secrets', { namespace: 'default', name: secret });
  await put(pod(spec('', 's')));
  assert.equal(concerns('n', 's'), false);
  await put(pod(spec('n', 's')));
  assert.deepEqual([concerns('n', 's'), concerns('m', 's')], [true, false]);
  const claims = { resourceClaimStatuses: [{ name: 'r', resourceClaimName: 'made' }] };
  const claiming = { ...spec('n', 's'), resourceClaims: [{ name: 'r' }] };
  await put(pod(claiming, { status: { phase: 'Pending' } }));
  await put(pod(claiming, { status: { phase: 'Running' } }));
  const hasClaim = () => graph.concerns('n', 'resourceclaims', { namespace: 'default', name: 'made' });
  assert.deepEqual([concerns('n', 's'), hasClaim()], [true, false]);
  await put(pod(claiming, { status: { phase: 'Running', ...claims } }));
  assert.equal(hasClaim(), true);
  await put(undefined);
  assert.deepEqual([concerns('n', 's'), hasClaim()], [false, false]);
});
