import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '../api/kinds/pod.ts';
import { hostsText } from './own-files.ts';
import { podNames } from './pod-names.ts';

const domain = 'cluster.local';
const pod = (spec: object, name = 'web-0'): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'shop', uid: 'u1', resourceVersion: '1', creationTimestamp: '' },
  spec: { containers: [], ...spec },
});

test('A pod is called by its name, its hostname or its full name, as it asks', () => {
  const names = (spec: object) => podNames(pod(spec), domain);
  const fullName = 'db.data.shop.svc.cluster.local';
  assert.deepEqual(names({}), { hostname: 'web-0' });
  assert.deepEqual(names({ hostname: 'db', subdomain: 'data' }), { hostname: 'db', fullName });
  const full = { hostname: 'db', subdomain: 'data', setHostnameAsFQDN: true };
  assert.deepEqual(names(full), { hostname: fullName, fullName });
  assert.deepEqual(names({ ...full, hostnameOverride: 'other' }), { hostname: 'other' });
});

test('A host is called by no more than 63 characters, and none of them ends in a mark', () => {
  const { hostname } = podNames(pod({}, `${'a'.repeat(62)}-bcd`), domain);
  assert.equal(hostname, 'a'.repeat(62));
});

test('The file of hosts names the pod, and then its aliases', () => {
  const hostAliases = [{ ip: '10.0.0.9', hostnames: ['db', 'db.local'] }];
  const text = hostsText(pod({ hostname: 'db', subdomain: 'data', hostAliases }), ['10.244.0.2'], domain);
  assert.match(text, /^# Kubernetes-managed hosts file\.\n127\.0\.0\.1\tlocalhost\n/);
  assert.ok(text.includes('\n10.244.0.2\tdb.data.shop.svc.cluster.local\tdb\n'));
  assert.ok(text.endsWith('\n# Entries added by HostAliases.\n10.0.0.9\tdb\tdb.local\n'));
});
