import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ConfigMap, configMaps } from '../api/kinds/config-map.ts';
import { namespaces } from '../api/kinds/namespace.ts';
import type { Env } from '../base/env.ts';
import { Client } from '../client/client.ts';
import { Cache } from '../machinery/cache.ts';
import { nothing } from '../machinery/controller.ts';
import { RootCaPublisher } from './root-ca.ts';

const unused = new Client(() => Promise.reject(new Error('a plan sends nothing')), { name: '', groups: [], extra: {} });
const controller = new RootCaPublisher(
  new Cache({} as Env, unused, namespaces),
  new Cache({} as Env, unused, configMaps),
);
const map = (data: Readonly<Record<string, string>>, annotations = {}): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: {
    name: 'kube-root-ca.crt',
    namespace: 'shop',
    uid: 'u',
    resourceVersion: '1',
    creationTimestamp: '',
    annotations,
  },
  data,
});
const plan = (found: ConfigMap | undefined) => controller.plan({ namespace: 'shop', authority: 'PEM', map: found });
const first = (found: ConfigMap | undefined) => {
  const [action] = plan(found).actions.flat();
  assert.ok(action && 'object' in action);
  return [action.verb, (action.object as ConfigMap).data] as const;
};

test('a namespace without the certificate of the cluster gets it', () => {
  assert.deepEqual(first(undefined), ['create', { 'ca.crt': 'PEM' }]);
});

test('a certificate that somebody changed, or added others to, is put right', () => {
  assert.deepEqual(first(map({ 'ca.crt': 'forged' })), ['update', { 'ca.crt': 'PEM' }]);
  assert.deepEqual(first(map({ 'ca.crt': 'PEM', more: 'x' })), ['update', { 'ca.crt': 'PEM' }]);
});

test('a certificate that is right is left alone', () => {
  assert.deepEqual(plan(map({ 'ca.crt': 'PEM' }, { 'kubernetes.io/description': 'x' })), nothing);
});
