import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { hostEnv } from '../env.ts';
import { HealthCheckPorts } from './health-check-ports.ts';

const errors: string[] = [];
const log = { debug() {}, info() {}, error: (text: string) => void errors.push(text) };
const env = { ...hostEnv({ seed: 'health' }), log };

async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
const check = (port: number, localEndpoints: number) => ({ namespace: 'shop', name: 'web', port, localEndpoints });

test('HealthCheckPorts say how many endpoints a node has, and that it is not worth asking where it has none', async () => {
  const ports = new HealthCheckPorts(env);
  const port = await freePort();
  const ask = () => fetch(`http://127.0.0.1:${port}/healthz`, { headers: { connection: 'close' } });
  ports.replace([check(port, 2)]);
  const good = await ask();
  assert.equal(good.status, 200);
  assert.equal(good.headers.get('x-load-balancing-endpoint-weight'), '2');
  assert.deepEqual(await good.json(), {
    service: { namespace: 'shop', name: 'web' },
    localEndpoints: 2,
    serviceProxyHealthy: true,
  });
  ports.replace([check(port, 0)]);
  const bad = await ask();
  assert.equal(bad.status, 503);
  assert.equal(((await bad.json()) as { localEndpoints: number }).localEndpoints, 0);
  ports.replace([]);
  await assert.rejects(ask());
  ports.close();
});

test('HealthCheckPorts tell of a port that somebody else has', async () => {
  const squatter = createServer().listen(0);
  await once(squatter, 'listening');
  const ports = new HealthCheckPorts(env);
  ports.replace([check((squatter.address() as AddressInfo).port, 1)]);
  await new Promise((resolve) => env.clock.after(50, () => resolve(undefined)));
  assert.deepEqual(errors, ['a port for health checks of a service cannot be listened at, trying again']);
  ports.close();
  squatter.close();
});
