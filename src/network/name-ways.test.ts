import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dnsWorld } from '../sim/dns-world.test-data.ts';
import { ClusterNames } from './cluster-names.ts';
import { waysOf } from './name-ways.ts';

const drain = () => new Promise<void>((resolve) => setImmediate(resolve));
const times = { domain: 'cluster.local', ttlSeconds: 30, absentSeconds: 5 };

test('waysOf leads a name, as a pod of its namespace says it, to the pods behind it, and others out of the cluster', async () => {
  const world = await dnsWorld(drain);
  await world.service('web', { clusterIP: '10.96.0.20', ports: [{ name: 'http', port: 80 }] });
  await world.service('pets', { clusterIP: 'None', ports: [{ name: 'http', port: 80 }] });
  await world.service('away', { type: 'ExternalName', externalName: 'shop.example.com' });
  for (const name of ['web', 'pets']) await world.endpoints(name, ['10.244.0.5', '10.244.0.6']);
  await world.begin();
  const zone = { ...times, serial: 0 };
  const view = new ClusterNames(world.caches, times, (answer) => answer);
  const ways = (host: string, port: number, namespace = 'default') => {
    const found = waysOf({ zone, view }, host, port, namespace);
    return 'outside' in found
      ? `outside ${found.outside}`
      : found.places.map(({ ip, port: at }) => `${ip}:${at}`).join(' ');
  };
  const both = '10.244.0.5:8080 10.244.0.6:8080';
  for (const name of [
    'web',
    'Web.default',
    'web.default.svc',
    'web.default.svc.cluster.local',
    'web.default.svc.cluster.local.',
  ]) {
    assert.equal(ways(name, 80), both, name);
  }
  assert.equal(ways('10.96.0.20', 80), both, 'an address of a Service leads nowhere by itself');
  assert.equal(ways('web', 81), '', 'no such port');
  assert.equal(ways('web', 80, 'other'), 'outside web');
  assert.equal(ways('web.default', 80, 'other'), both);
  assert.equal(ways('pets', 8080), both);
  assert.equal(ways('10-244-0-6.pets', 9), '10.244.0.6:9');
  assert.equal(ways('10.244.0.9', 9), '10.244.0.9:9');
  assert.equal(ways('away', 443), 'outside shop.example.com');
  assert.equal(ways('www.example.com', 443), 'outside www.example.com');
  assert.equal(ways('nobody.default.svc.cluster.local', 80), '');
  world.end();
});
