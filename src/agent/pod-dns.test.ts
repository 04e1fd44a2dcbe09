import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '../api/kinds/pod.ts';
import { podDns } from './pod-dns.ts';

const machine = { servers: ['192.0.2.53'], searches: ['example.com'], options: ['timeout:1'] };
const setting = { domain: 'cluster.local', servers: () => ['10.96.0.10'], machine: () => machine };
const pod = (spec: object): Pod =>
  ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web', namespace: 'shop' }, spec }) as unknown as Pod;
const searches = ['shop.svc.cluster.local', 'svc.cluster.local', 'cluster.local'];
const cluster = { servers: ['10.96.0.10'], searches: [...searches, 'example.com'], options: ['ndots:5'] };
const nothing = { servers: [], searches: [], options: [] };
const fileOf = (spec: object) => podDns(pod(spec), setting).file;

test('podDns gives a pod the names of the cluster first, unless it shares the network of its machine', () => {
  assert.deepEqual(fileOf({}), cluster);
  assert.deepEqual(fileOf({ dnsPolicy: 'ClusterFirst' }), cluster);
  assert.deepEqual(fileOf({ dnsPolicy: 'ClusterFirstWithHostNet', hostNetwork: true }), cluster);
  assert.deepEqual(fileOf({ dnsPolicy: 'ClusterFirst', hostNetwork: true }), nothing);
  assert.deepEqual(fileOf({ dnsPolicy: 'Default' }), nothing);
  assert.deepEqual(fileOf({ dnsPolicy: 'None' }), nothing);
});

test("podDns adds a pod's own wishes: more servers and searches, options that win by name", () => {
  const dnsConfig = {
    nameservers: ['1.1.1.1', '10.96.0.10'],
    searches: ['more.example', 'cluster.local'],
    options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }],
  };
  assert.deepEqual(fileOf({ dnsConfig }), {
    servers: ['10.96.0.10', '1.1.1.1'],
    searches: [...searches, 'example.com', 'more.example'],
    options: ['ndots:2', 'edns0'],
  });
  assert.deepEqual(fileOf({ dnsPolicy: 'None', dnsConfig }), {
    servers: ['1.1.1.1', '10.96.0.10'],
    searches: ['more.example', 'cluster.local'],
    options: ['ndots:2', 'edns0'],
  });
  assert.deepEqual(fileOf({ dnsPolicy: 'Default', dnsConfig: { options: [{ name: 'timeout', value: '3' }] } }), {
    ...machine,
    options: ['timeout:3'],
  });
});

test('podDns falls back to what the machine uses where the node knows no names of the cluster, and says so', () => {
  const { file, warnings } = podDns(pod({}), { ...setting, servers: () => [] });
  assert.deepEqual(file, nothing);
  assert.deepEqual(
    warnings.map(([reason]) => reason),
    ['MissingClusterDNS'],
  );
  assert.match(warnings[0]?.[1] ?? '', /pod: "shop\/web"\..*"ClusterFirst" policy. Falling back to "Default" policy/);
});

test('podDns keeps to what resolvers can read and says what it left out', () => {
  const many = Array.from({ length: 40 }, (_, index) => `${'s'.repeat(60)}${index}.example`);
  const dnsConfig = { nameservers: ['1.1.1.1', '1.1.1.2', '1.1.1.3'], searches: many };
  const { file, warnings } = podDns(pod({ dnsConfig }), setting);
  assert.deepEqual(file.servers, ['10.96.0.10', '1.1.1.1', '1.1.1.2']);
  assert.ok(file.searches.join(' ').length <= 2_048 && file.searches.length > 20);
  assert.deepEqual(
    warnings.map(([reason, message]) => `${reason}: ${message.split(',', 1)[0]}`),
    ['DNSConfigForming: Nameserver limits were exceeded', 'DNSConfigForming: Search Line limits were exceeded'],
  );
});
