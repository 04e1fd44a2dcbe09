import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Kind } from '../api/kind.ts';
import { ipAddresses } from '../api/kinds/ip-address.ts';
import { services } from '../api/kinds/service.ts';
import { serviceCidrs } from '../api/kinds/service-cidr.ts';
import type { KubeObject } from '../api/object.ts';
import { seeded } from '../base/random.ts';
import { MemoryStore } from '../store/memory.ts';
import { storageKey } from './kinds.ts';
import { ServiceGoods } from './service-goods.ts';

const range = (more: object, status: 'True' | 'False') => ({
  metadata: { name: 'more', ...more },
  spec: { cidrs: ['10.200.0.0/24'] },
  status: { conditions: [{ type: 'Ready', status }] },
});
const rangeKey = storageKey(serviceCidrs as unknown as Kind, '', 'more');
const service = (clusterIP: string) =>
  ({
    metadata: { name: 'web', namespace: 'default' },
    spec: { type: 'ClusterIP', clusterIP },
  }) as unknown as KubeObject;

test('ServiceGoods follows which ranges are ready and which leave', async () => {
  const store = new MemoryStore();
  const goods = new ServiceGoods(store, { serviceRange: '10.96.0.0/16', random: seeded('goods') });
  const isGiven = async () => {
    const kind = services as unknown as Kind;
    try {
      (await goods.reserve(kind, service('10.200.0.9'), { previous: undefined, dryRun: false })).undo();
      return true;
    } catch (error) {
      assert.match(String(error), /not in the valid range|already allocated/);
      return false;
    }
  };
  const put = async (value: object | undefined, key = rangeKey) => {
    const { entry } = await store.get(key);
    const done = await store.commit(key, entry?.modified ?? 0, value as never);
    assert.ok(done.ok);
  };
  assert.equal(await isGiven(), false, 'nobody offers it');
  await put(range({}, 'False'));
  assert.equal(await isGiven(), false, 'it is not ready');
  await put(range({}, 'True'));
  assert.equal(await isGiven(), true);
  const address = storageKey(ipAddresses as unknown as Kind, '', '10.200.0.9');
  const ofGateway = { group: 'gateway.networking.k8s.io', resource: 'gateways', namespace: 'default', name: 'web' };
  await put({ metadata: { name: '10.200.0.9' }, spec: { parentRef: ofGateway } }, address);
  assert.equal(await isGiven(), false, 'a gateway has it');
  await put(undefined, address);
  const ofService = { group: '', resource: 'services', namespace: 'default', name: 'web' };
  await put({ metadata: { name: '10.200.0.9' }, spec: { parentRef: ofService } }, address);
  assert.equal(await isGiven(), true, 'of services it is known from themselves');
  await put(range({ deletionTimestamp: '2026-01-01T00:00:00Z' }, 'True'));
  assert.equal(await isGiven(), false, 'it leaves');
  await store.close();
});
