import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pods } from '../../api/kinds/pod.ts';
import { serviceAccounts } from '../../api/kinds/service-account.ts';
import { seeded } from '../../base/random.ts';
import { admittedSpec, asked, storeWith, whole } from './plugin.test-data.ts';
import { ServiceAccount } from './service-account.ts';

const inShop = (name: string, more: object = {}, annotations: object = {}) =>
  [serviceAccounts, { metadata: { name, namespace: 'shop', annotations }, ...more } as never] as const;
const strict = inShop(
  'strict',
  { automountServiceAccountToken: false, secrets: [{ name: 'known' }] },
  { 'kubernetes.io/enforce-mountable-secrets': 'true' },
);
const plugin = async () =>
  new ServiceAccount(
    await storeWith(
      inShop('default', { imagePullSecrets: [{ name: 'pull' }] }),
      inShop('quiet', { automountServiceAccountToken: false }),
      strict,
    ),
    seeded('accounts'),
  );
const container = (more: object = {}) => ({ name: 'c', ...more });
const because = 'is not allowed because service account strict does not reference that';
const path = '/var/run/secrets/kubernetes.io/serviceaccount';

interface Spec {
  readonly serviceAccountName?: string;
  readonly imagePullSecrets?: unknown;
  readonly volumes?: readonly { readonly name: string; readonly projected: { readonly sources: readonly object[] } }[];
  readonly containers: readonly { readonly volumeMounts?: readonly object[] }[];
}

test('ServiceAccount: a pod that names none gets the default account, its token and its pull secrets', async () => {
  const spec = (await admittedSpec(await plugin(), { spec: { containers: [container()] } }, asked(pods))) as Spec;
  assert.equal(spec.serviceAccountName, 'default');
  assert.deepEqual(spec.imagePullSecrets, [{ name: 'pull' }]);
  const [volume] = spec.volumes ?? [];
  assert.match(volume?.name ?? '', /^kube-api-access-[a-z0-9]{5}$/);
  assert.deepEqual(
    volume?.projected.sources.map((source) => Object.keys(source)[0]),
    ['serviceAccountToken', 'configMap', 'downwardAPI'],
  );
  assert.deepEqual(spec.containers[0]?.volumeMounts, [{ name: volume?.name, readOnly: true, mountPath: path }]);
});

test('ServiceAccount: a token is not mounted where something else is, nor where account or pod say no', async () => {
  const own = { volumeMounts: [{ name: 'v', mountPath: path }] };
  const quiet = [
    { containers: [container(own)] },
    { serviceAccountName: 'quiet', containers: [container()] },
    { automountServiceAccountToken: false, containers: [container()] },
  ];
  for (const given of quiet) {
    const spec = (await admittedSpec(await plugin(), { spec: given }, asked(pods))) as Spec;
    assert.equal(spec.volumes, undefined);
  }
});

test('ServiceAccount: what the pod says about pulling wins', async () => {
  const given = { imagePullSecrets: [{ name: 'mine' }], containers: [] };
  const spec = (await admittedSpec(await plugin(), { spec: given }, asked(pods))) as Spec;
  assert.deepEqual(spec.imagePullSecrets, [{ name: 'mine' }]);
});

const env = { env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'other', key: 'k' } } }] };
const envFrom = { envFrom: [{ secretRef: { name: 'other' } }] };
const volumes = [{ name: 'v', secret: { secretName: 'other' } }];
const refusals: readonly (readonly [spec: object, why: string])[] = [
  [{ serviceAccountName: 'none' }, 'error looking up service account shop/none: serviceaccount "none" not found'],
  [{ volumes }, `volume with secret.secretName="other" ${because} secret`],
  [
    { containers: [container(env)] },
    `container c with envVar A referencing secret.secretName="other" ${because} secret`,
  ],
  [
    { initContainers: [container(envFrom)] },
    `init container c with envFrom referencing secret.secretName="other" ${because} secret`,
  ],
  [{ imagePullSecrets: [{ name: 'other' }] }, `imagePullSecrets[0].name="other" ${because} imagePullSecret`],
];
for (const [spec, why] of refusals) {
  test(`ServiceAccount: refuses with "${why}"`, async () => {
    const given = { spec: { containers: [], serviceAccountName: 'strict', ...spec } };
    assert.equal(await admittedSpec(await plugin(), given, asked(pods)), why);
  });
}

const mirrors: readonly (readonly [spec: object, why: string])[] = [
  [{ serviceAccountName: 'default' }, 'a mirror pod may not reference service accounts'],
  [{ volumes }, 'a mirror pod may not reference secrets'],
  [
    { volumes: [{ name: 'v', projected: { sources: [{ serviceAccountToken: { path: 't' } }] } }] },
    'a mirror pod may not use ServiceAccountToken volume projections',
  ],
];
for (const [spec, why] of mirrors) {
  test(`ServiceAccount: ${why}`, async () => {
    const metadata = { annotations: { 'kubernetes.io/config.mirror': 'x' } };
    assert.equal(await admittedSpec(await plugin(), { metadata, spec: { containers: [], ...spec } }, asked(pods)), why);
  });
}

test('ServiceAccount: containers put into a running pod are held to the secrets of its account', async () => {
  const request = asked(pods, { operation: 'UPDATE', subresource: 'ephemeralcontainers' });
  const spec = { serviceAccountName: 'strict', containers: [], ephemeralContainers: [container(env)] };
  const why = `ephemeral container c with envVar A referencing secret.secretName="other" ${because} secret`;
  assert.equal(await admittedSpec(await plugin(), { spec }, request), why);
});

test('ServiceAccount: a refused pod without a name of its own is called by what its name would begin with', async () => {
  const request = asked(pods, { name: 'web-x2k4z', generateName: 'web-' });
  await assert.rejects(
    async () => (await plugin()).mutate(whole({ spec: { serviceAccountName: 'none', containers: [] } }), request),
    /^ApiError: pods "web-" is forbidden: /,
  );
});
