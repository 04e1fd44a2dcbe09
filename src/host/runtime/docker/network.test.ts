import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Call, type EngineClient, EngineError } from './engine-client.ts';
import { ensureNetwork, removeNetwork } from './network.ts';

const cluster = 'cluster-1';
const name = 'mini-k8s-cluster1';

/** An engine that believes that these are in the network, and has some of them. */
function engine(inside: readonly string[], there: readonly string[]) {
  const left = new Set(inside);
  const said: string[] = [];
  const json = async (method: string, path: string, call: Call = {}) => {
    said.push(`${method} ${path}`);
    if (method === 'DELETE' && left.size > 0) throw new EngineError(403, 'it has active endpoints');
    if (path.endsWith('/disconnect')) left.delete((call.body as { readonly Container: string }).Container);
    if (path === `/networks/${name}`)
      return { Containers: Object.fromEntries(inside.map((one) => [one, { Name: one }])) };
    const [, container = ''] = /^\/containers\/(.*)\/json$/.exec(path) ?? [];
    if (container !== '' && !there.includes(container)) throw new EngineError(404, 'no such container');
    return {};
  };
  return { client: { json } as unknown as EngineClient, said, left };
}

test('a network goes although its engine still believes in containers that it has lost', async () => {
  const { client, said } = engine(['lost'], []);
  await removeNetwork(client, cluster);
  assert.equal(said.at(-1), `DELETE /networks/${name}`);
  assert.ok(said.includes(`POST /networks/${name}/disconnect`));
});

test('a network stays as long as somebody lives in it', async () => {
  const { client, left } = engine(['lives'], ['lives']);
  await removeNetwork(client, cluster);
  assert.deepEqual([...left], ['lives']);
});

test('a range that is taken is told with the networks that clusters have left', async () => {
  const json = async (method: string, path: string, { query }: Call = {}) => {
    if (method === 'POST') throw new EngineError(403, 'Pool overlaps with other one on this address space');
    if (path !== '/networks') throw new EngineError(404, 'no such network');
    assert.deepEqual(JSON.parse(String(query?.['filters'])).dangling, ['true']);
    return [{ Name: 'mini-k8s-old' }];
  };
  await assert.rejects(
    ensureNetwork({ json } as unknown as EngineClient, cluster, '10.244.0.0/16'),
    /in the range of pods 10\.244\.0\.0\/16: .*--pod-range, or .* docker network rm mini-k8s-old$/,
  );
});
