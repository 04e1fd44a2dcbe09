import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Instant } from '../../base/env.ts';
import type { KubeObject, Meta } from '../object.ts';
import { keepsHalves, statusKeepsLabels, statusKeepsMetadata } from './status-writes.ts';

const object = (word: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Any',
  metadata: { name: 'a', labels: { is: word }, annotations: { is: word } } as unknown as Meta,
  spec: word,
  status: word,
});
const context = (subresource: string) => ({ now: 0 as Instant, subresource });

test('A write of the main resource keeps the status that was', () => {
  assert.deepEqual(statusKeepsLabels.prepareUpdate(object('new'), object('old'), context('')), {
    ...object('new'),
    status: 'old',
  });
});

test('A write of the status keeps the spec and the labels', () => {
  const { metadata, spec, status } = statusKeepsLabels.prepareUpdate(object('new'), object('old'), context('status'));
  assert.deepEqual([spec, status], ['old', 'new']);
  assert.deepEqual([metadata.labels, metadata.annotations], [{ is: 'old' }, { is: 'new' }]);
});

test('A write of the status that keeps the metadata changes who owns what alone', () => {
  const managedFields = [{ manager: 'm' }];
  const next: KubeObject = { ...object('new'), metadata: { ...object('new').metadata, managedFields } };
  const { metadata, status } = statusKeepsMetadata.prepareUpdate(next, object('old'), context('status'));
  assert.deepEqual(metadata, { ...object('old').metadata, managedFields });
  assert.equal(status, 'new');
});

test('What a write of the status took away is filled in again, and other writes are left alone', () => {
  const prepare = keepsHalves((next: KubeObject, previous) => ({ ...next, spec: [previous.spec] }));
  assert.deepEqual(prepare(object('new'), object('old'), context('status')).spec, ['old']);
  assert.equal(prepare(object('new'), object('old'), context('')).spec, 'new');
});
