import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Instant } from '../../base/env.ts';
import type { Kind } from '../kind.ts';
import type { KubeObject, Meta } from '../object.ts';
import { customResourceDefinitions } from './custom-resource-definition.ts';
import { daemonSets } from './daemon-set.ts';
import { jobs } from './job.ts';
import { judgedBy } from './kind-rules.test-data.ts';
import { namespaces } from './namespace.ts';
import { nodes } from './node.ts';
import { persistentVolumes } from './persistent-volume.ts';
import { persistentVolumeClaims } from './persistent-volume-claim.ts';
import { replicationControllers } from './replication-controller.ts';
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

const written = (kind: unknown, next: object, previous: object, subresource = 'status') => {
  const { rules } = kind as Kind;
  const whole = (part: object) => {
    const made = { metadata: { name: 'a' }, ...part } as unknown as KubeObject;
    return rules.defaults?.(made) ?? made;
  };
  return rules.prepareUpdate?.(whole(next), whole(previous), context(subresource)) as KubeObject;
};
const template = { metadata: { labels: { a: 'b' } }, spec: {} };

test('Who takes the labels of a job or of a replication controller away through the status sees those of its pods', () => {
  for (const kind of [jobs, replicationControllers]) {
    assert.deepEqual(written(kind, {}, { spec: { template } }).metadata.labels, { a: 'b' });
  }
});

test('A write of the status does not count the template of a daemon set anew', () => {
  const { metadata } = written(daemonSets, {}, { spec: { template } });
  assert.deepEqual(metadata.annotations, { 'deprecated.daemonset.template.generation': '0' });
  const counted = { metadata: { name: 'a', annotations: { 'deprecated.daemonset.template.generation': '7' } } };
  assert.deepEqual(written(daemonSets, {}, counted).metadata.annotations, counted.metadata.annotations);
});

test('Nobody configures a node through its status, besides where somebody did', () => {
  const config = { error: 'x' };
  assert.deepEqual(written(nodes, { status: { config } }, {}).status, {});
  assert.deepEqual(written(nodes, { status: { config } }, { status: { config } }).status, { config });
});

test('A status that says nothing of its phase is in the first one', () => {
  assert.deepEqual(written(namespaces, {}, {}).status, { phase: 'Active' });
  assert.deepEqual(written(persistentVolumeClaims, {}, {}).status, { phase: 'Pending' });
  assert.deepEqual(written(persistentVolumes, {}, {}).status, { phase: 'Pending' });
});

test('A definition keeps what is stored, whatever is said about its status', () => {
  const spec = { names: {}, versions: [{ name: 'v1', storage: true }] };
  const { status } = written(customResourceDefinitions, { status: { conditions: [] } }, { spec });
  assert.deepEqual(status, { conditions: [], storedVersions: ['v1'] });
  const unknown = { spec, status: { storedVersions: ['v0'] } };
  assert.deepEqual(judgedBy(customResourceDefinitions, unknown, { spec }, 'status'), []);
});
