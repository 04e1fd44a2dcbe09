import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '../base/json.ts';
import type { Change } from '../store/store.ts';
import { nodeLeaseRenewals } from './node-leases.ts';

const lease = (spec: JsonObject, metadata: JsonObject = {}): JsonObject => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { name: 'one', namespace: 'kube-node-lease', ...metadata },
  spec: { holderIdentity: 'one', ...spec },
});
const key = `${nodeLeaseRenewals.prefix}one`;
const changed = (before: JsonObject, after: JsonObject): Change => ({
  type: 'put',
  entry: { key, value: after, created: 2, modified: 4 },
  previous: { key, value: before, created: 2, modified: 3 },
});
const before = lease({ renewTime: '2026-01-01T00:00:00.000000Z' }, { managedFields: [{ time: 'then' }] });
const later = { renewTime: '2026-01-01T00:00:10.000000Z' };

test('a renewal of the Lease of a node may be lost', () => {
  assert.equal(nodeLeaseRenewals.prefix, '/coordination.k8s.io/leases/kube-node-lease/');
  assert.ok(nodeLeaseRenewals.allows(changed(before, lease(later, { managedFields: [{ time: 'now' }] }))));
});

test('whatever else becomes of the Lease of a node is kept', () => {
  const made: Change = { type: 'put', entry: { key, value: before, created: 2, modified: 2 } };
  const { entry } = changed(before, before);
  assert.equal(nodeLeaseRenewals.allows(made), false);
  assert.equal(nodeLeaseRenewals.allows({ type: 'delete', entry, previous: entry }), false);
  for (const after of [
    lease({ ...later, holderIdentity: 'other' }),
    lease({ ...later, leaseTransitions: 1 }),
    lease(later, { finalizers: ['example.com/kept'] }),
    lease(later, { deletionTimestamp: '2026-01-01T00:00:10Z' }),
  ]) {
    assert.equal(nodeLeaseRenewals.allows(changed(before, after)), false, JSON.stringify(after));
  }
});
