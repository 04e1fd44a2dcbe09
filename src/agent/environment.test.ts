import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container, Pod } from '../api/kinds/pod.ts';
import type { Service } from '../api/kinds/service.ts';
import { ConfigError, containerEnvironment, type EnvironmentSources, fileVariables } from './environment.ts';

const meta = (name: string, namespace = 'default') => ({
  name,
  namespace,
  uid: name,
  resourceVersion: '1',
  creationTimestamp: '2026-01-01T00:00:00Z',
});
const config = { apiVersion: 'v1', kind: 'ConfigMap', metadata: meta('settings'), data: { a: '1', b: '2' } };
const secret = { apiVersion: 'v1', kind: 'Secret', metadata: meta('hidden'), data: { key: 'aMOkbGxv' } };
const sources: EnvironmentSources = {
  configMap: (name) => (name === 'settings' ? config : undefined),
  secret: (name) => (name === 'hidden' ? secret : undefined),
  services: [],
  podIps: ['10.244.0.2'],
  hostIps: ['10.0.0.1'],
  allocatable: { cpu: '4', memory: '8Gi' },
};
const environment = (container: Partial<Container>, more: Partial<EnvironmentSources> = {}) => {
  const full = { name: 'c', ...container };
  const pod: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...meta('web'), labels: { app: 'x' } },
    spec: { containers: [full] },
  };
  const variables = containerEnvironment(pod, full, { ...sources, ...more });
  return Object.fromEntries(variables.map(({ name, value }) => [name, value]));
};

test('containerEnvironment expands what is known so far and leaves the rest as it is written', () => {
  const env = [
    { name: 'A', value: 'x' },
    { name: 'B', value: '$(A)-$(C)-$$(A)-$' },
    { name: 'C', value: 'late' },
  ];
  assert.deepEqual(environment({ env }), { A: 'x', B: 'x-$(C)-$(A)-$', C: 'late' });
});

test('containerEnvironment takes whole maps with a prefix, and single keys over them', () => {
  const envFrom = [{ prefix: 'P_', configMapRef: { name: 'settings' } }, { secretRef: { name: 'hidden' } }];
  const env = [{ name: 'P_a', valueFrom: { configMapKeyRef: { name: 'settings', key: 'b' } } }];
  assert.deepEqual(environment({ envFrom, env }), { P_a: '2', P_b: '2', key: 'hällo' });
});

test('containerEnvironment says what is missing as upstream does, unless it is optional', () => {
  const fails = (valueFrom: object, message: string) =>
    assert.throws(() => environment({ env: [{ name: 'A', valueFrom }] }), new ConfigError(message));
  fails({ configMapKeyRef: { name: 'none', key: 'a' } }, 'configmap "none" not found');
  fails({ configMapKeyRef: { name: 'settings', key: 'z' } }, "couldn't find key z in ConfigMap default/settings");
  fails({ secretKeyRef: { name: 'none', key: 'a' } }, 'secret "none" not found');
  fails({ secretKeyRef: { name: 'hidden', key: 'z' } }, "couldn't find key z in Secret default/hidden");
  const optional = { configMapKeyRef: { name: 'none', key: 'a', optional: true } };
  assert.deepEqual(environment({ env: [{ name: 'A', valueFrom: optional }] }), {});
});

test('containerEnvironment tells fields of the pod and amounts of resources', () => {
  const from = (name: string, valueFrom: object) => ({ name, valueFrom });
  const env = [
    from('NAME', { fieldRef: { fieldPath: 'metadata.name' } }),
    from('APP', { fieldRef: { fieldPath: "metadata.labels['app']" } }),
    from('IP', { fieldRef: { fieldPath: 'status.podIP' } }),
    from('CPU', { resourceFieldRef: { resource: 'limits.cpu' } }),
    from('CPU_MILLIS', { resourceFieldRef: { resource: 'requests.cpu', divisor: '1m' } }),
    from('MEMORY_MI', { resourceFieldRef: { resource: 'limits.memory', divisor: '1Mi' } }),
  ];
  const told = environment({ env, resources: { requests: { cpu: '250m' }, limits: { cpu: '1500m' } } });
  assert.deepEqual(told, { NAME: 'web', APP: 'x', IP: '10.244.0.2', CPU: '2', CPU_MILLIS: '250', MEMORY_MI: '8192' });
});

test('containerEnvironment tells of the services of its namespace', () => {
  const service = (name: string, namespace: string): Service => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: meta(name, namespace),
    spec: { clusterIP: '10.96.0.9', ports: [{ name: 'http', port: 80 }] },
  });
  assert.deepEqual(environment({}, { services: [service('my-db', 'default'), service('other', 'elsewhere')] }), {
    MY_DB_SERVICE_HOST: '10.96.0.9',
    MY_DB_SERVICE_PORT: '80',
    MY_DB_SERVICE_PORT_HTTP: '80',
    MY_DB_PORT: 'tcp://10.96.0.9:80',
    MY_DB_PORT_80_TCP: 'tcp://10.96.0.9:80',
    MY_DB_PORT_80_TCP_PROTO: 'tcp',
    MY_DB_PORT_80_TCP_PORT: '80',
    MY_DB_PORT_80_TCP_ADDR: '10.96.0.9',
  });
});

test('fileVariables reads what a shell could, and says which line it cannot', () => {
  const text = "# made by init\nA='one two'\n\nexport B=\"x # y\"\nC=plain \nD='first\nsecond'\nE=''";
  const expected = { A: 'one two', B: 'x # y', C: 'plain', D: 'first\nsecond', E: '' };
  assert.deepEqual(Object.fromEntries(fileVariables(text, 'env')), expected);
  assert.throws(() => fileVariables("A='x'\nnot this\n", 'vars.env'), /line 2 of "vars.env" is not of the form/);
});
