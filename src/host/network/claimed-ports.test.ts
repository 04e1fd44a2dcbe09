import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import type { Route } from '../../network/dataplane.ts';
import { hostEnv } from '../env.ts';
import { ClaimedPorts } from './claimed-ports.ts';

const errors: string[] = [];
const log = {
  debug() {},
  info() {},
  error: (text: string, fields?: object) => errors.push(text + JSON.stringify(fields)),
};
const env = { ...hostEnv({ seed: 'claims' }), log };
const route = (port: number, more: Partial<Route> = {}): Route => ({
  namespace: 'default',
  name: 'web',
  portName: '',
  scope: 'balancer',
  vip: '127.0.0.1',
  port,
  protocol: 'TCP',
  backends: [],
  ...more,
});

async function listenAt(port: number) {
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

test('ClaimedPorts leaves out a port of this machine that a program has, and holds the others', async () => {
  const squatter = await listenAt(0);
  const taken = (squatter.address() as AddressInfo).port;
  const probe = await listenAt(0);
  const free = (probe.address() as AddressInfo).port;
  probe.close();
  await once(probe, 'close');
  const tables: (readonly Route[])[] = [];
  const plane = new ClaimedPorts(env, { replace: async (table) => void tables.push(table) });
  const outside = route(taken, { vip: '203.0.113.9' });
  const inside = route(taken, { scope: 'cluster', vip: '10.96.0.9' });
  await plane.replace([route(taken), route(free), outside, inside, route(free, { protocol: 'UDP' })]);
  assert.deepEqual(tables[0], [route(free), outside, inside, route(free, { protocol: 'UDP' })]);
  assert.equal(errors.length, 1);
  assert.match(errors[0] ?? '', /default\/web.*EADDRINUSE/);
  await assert.rejects(listenAt(free), { code: 'EADDRINUSE' });

  squatter.close();
  await once(squatter, 'close');
  await plane.replace([route(taken)]);
  assert.deepEqual(tables[1], [route(taken)]);
  const again = await listenAt(free);
  again.close();
  await plane.close();
  const last = await listenAt(taken);
  last.close();
});
