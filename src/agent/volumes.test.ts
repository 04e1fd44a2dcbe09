import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '../api/kinds/pod.ts';
import { encodeText } from '../base/json.ts';
import { containerMounts, MountError, SubPathError, volumePlan } from './volumes.ts';

const sources = {
  configMaps: new Map([['settings', { a: encodeText('1'), b: encodeText('2') }]]),
  secrets: new Map([['hidden', { key: encodeText('x') }]]),
  tokens: new Map([['3607 ', encodeText('eyJ')]]),
  podIps: ['10.244.0.2'],
  hostIps: [],
  allocatable: {},
};
const pod = (volume: object): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'default', uid: 'u1', resourceVersion: '1', creationTimestamp: '' },
  spec: {
    containers: [{ name: 'c', volumeMounts: [{ name: 'v', mountPath: '/v' }] }],
    volumes: [{ name: 'v', ...volume }],
  },
});
const plan = (volume: object) => volumePlan(pod(volume), 'v', sources);

test('volumePlan turns maps and secrets into files, by item where items are named', () => {
  assert.deepEqual(plan({ configMap: { name: 'settings', defaultMode: 0o400, items: [{ key: 'a', path: 'x/a' }] } }), {
    kind: 'files',
    files: [{ path: 'x/a', bytes: encodeText('1'), mode: 0o400 }],
  });
  assert.deepEqual(plan({ secret: { secretName: 'hidden' } }), {
    kind: 'files',
    files: [{ path: 'key', bytes: encodeText('x'), mode: 0o644 }],
  });
});

test('volumePlan joins projected sources, and waits for what is missing unless it is optional', () => {
  const downwardAPI = { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }] };
  assert.deepEqual(
    plan({ projected: { sources: [{ configMap: { name: 'none', optional: true } }, { downwardAPI }] } }),
    {
      kind: 'files',
      files: [{ path: 'name', bytes: encodeText('web'), mode: 0o644 }],
    },
  );
  assert.throws(() => plan({ configMap: { name: 'none' } }), new MountError('configmap "none" not found'));
});

test('volumePlan puts a token of the account where the pod looks for it, and waits while there is none', () => {
  const source = (serviceAccountToken: object) => plan({ projected: { sources: [{ serviceAccountToken }] } });
  assert.deepEqual(source({ path: 'token', expirationSeconds: 3607 }), {
    kind: 'files',
    files: [{ path: 'token', bytes: encodeText('eyJ'), mode: 0o644 }],
  });
  assert.throws(() => source({ path: 'token', audience: 'vault' }), new MountError('no token for token yet'));
});

const host = {
  folder: async (uid: string, volume: string) => `/pods/${uid}/${volume}`,
  hostPath: async (path: string) => path,
  inside: async (folder: string, { path }: { readonly path: string }) => `${folder}/${path}`,
  release: async () => {},
  file: async () => '',
  textOf: async () => '',
  bytesIn: async () => 0,
  textInside: async () => undefined,
};

test('containerMounts names the folder of the host', async () => {
  const empty = pod({ emptyDir: {} });
  const mounts = await containerMounts(empty, empty.spec.containers[0]!, { host, sources });
  assert.deepEqual(mounts, [{ name: 'v', source: '/pods/u1/v', target: '/v', readOnly: false }]);
});

test('A path inside a volume that variables have made absolute, or lead upwards, is no path', async () => {
  const from = (subPathExpr: string, value: string) => {
    const asked = pod({ emptyDir: {} });
    const [container] = asked.spec.containers;
    const mounting = { ...container!, volumeMounts: [{ name: 'v', mountPath: '/v', subPathExpr }] };
    return containerMounts(asked, mounting, { host, sources, variables: new Map([['PLACE', value]]) });
  };
  assert.equal((await from('a/$(PLACE)', 'b'))[0]?.source, '/pods/u1/v/a/b');
  await assert.rejects(from('$(PLACE)', '/tmp'), new SubPathError('error SubPath `/tmp` must not be an absolute path'));
  await assert.rejects(
    from('$(PLACE)', '..'),
    new SubPathError("unable to provision SubPath `..`: must not contain '..'"),
  );
});
