import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deployments } from '../../api/kinds/deployment.ts';
import { namespaces } from '../../api/kinds/namespace.ts';
import { pods } from '../../api/kinds/pod.ts';
import { SimClock } from '../../sim/clock.ts';
import { admitted, asked, storeWith, whole } from './plugin.test-data.ts';
import { PodSecurity, type PodSecurityOptions } from './pod-security.ts';

const label = (name: string) => `pod-security.kubernetes.io/${name}`;
const shop = (labels: Record<string, string>) => {
  const named = Object.fromEntries(Object.entries(labels).map(([name, value]) => [label(name), value]));
  return [namespaces, { metadata: { name: 'shop', labels: named } } as never] as const;
};
const world = async (labels: Record<string, string>, options: PodSecurityOptions = {}) =>
  new PodSecurity(await storeWith(shop(labels)), new SimClock(), options);

const hardened = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } };
const container = (security: object = {}, more: object = {}) => ({
  name: 'c',
  securityContext: { ...hardened, ...security },
  ...more,
});
const secure = { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } };
const pod = (spec: object = {}, metadata: object = {}) => ({
  metadata,
  spec: { securityContext: secure, containers: [container()], ...spec },
});
const inside = (security: object, more: object = {}) => pod({ containers: [container(security, more)] });
const level = (found: string) => found.replace(/^violates PodSecurity "[^"]*": /, '');

/** One of each control, and in which versions of which level it refuses. */
const controls: readonly (readonly [given: object, level: 'baseline' | 'restricted', since: string, why: string])[] = [
  [
    inside({ appArmorProfile: { type: 'Unconfined' } }),
    'baseline',
    'v1.0',
    'forbidden AppArmor profile (container "c" must not set AppArmor profile type to "Unconfined")',
  ],
  [
    inside({ capabilities: { add: ['SYS_ADMIN', 'CHOWN'] } }),
    'baseline',
    'v1.0',
    'non-default capabilities (container "c" must not include "SYS_ADMIN" in securityContext.capabilities.add)',
  ],
  [pod({ hostNetwork: true, hostPID: true }), 'baseline', 'v1.0', 'host namespaces (hostNetwork=true, hostPID=true)'],
  [pod({ volumes: [{ name: 'v', hostPath: { path: '/' } }] }), 'baseline', 'v1.0', 'hostPath volumes (volume "v")'],
  [inside({}, { ports: [{ hostPort: 80 }] }), 'baseline', 'v1.0', 'hostPort (container "c" uses hostPort 80)'],
  [
    inside({}, { livenessProbe: { tcpSocket: { host: 'h' } } }),
    'baseline',
    'v1.34',
    'probe or lifecycle host (container "c" uses probe or lifecycle host "h")',
  ],
  [
    inside({ privileged: true }),
    'baseline',
    'v1.0',
    'privileged (container "c" must not set securityContext.privileged=true)',
  ],
  [
    inside({ procMount: 'Unmasked' }),
    'baseline',
    'v1.0',
    'procMount (container "c" must not set securityContext.procMount to "Unmasked")',
  ],
  [
    pod({ securityContext: { ...secure, seLinuxOptions: { type: 't', user: 'u' } } }),
    'baseline',
    'v1.0',
    'seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type "t"; user may not be set)',
  ],
  [
    inside({ seccompProfile: { type: 'Unconfined' } }),
    'baseline',
    'v1.19',
    'seccompProfile (container "c" must not set securityContext.seccompProfile.type to "Unconfined")',
  ],
  [
    pod({ securityContext: { ...secure, sysctls: [{ name: 'kernel.msgmax' }] } }),
    'baseline',
    'v1.0',
    'forbidden sysctls (kernel.msgmax)',
  ],
  [
    pod({ securityContext: { ...secure, windowsOptions: { hostProcess: true } } }),
    'baseline',
    'v1.0',
    'hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)',
  ],
  [
    inside({ allowPrivilegeEscalation: true }),
    'restricted',
    'v1.8',
    'allowPrivilegeEscalation != false (container "c" must set securityContext.allowPrivilegeEscalation=false)',
  ],
  [
    inside({ capabilities: { drop: ['NET_RAW'], add: ['CHOWN'] } }),
    'restricted',
    'v1.22',
    'unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"]; container "c" must not include "CHOWN" in securityContext.capabilities.add)',
  ],
  [
    pod({ volumes: [{ name: 'v', nfs: {} }] }),
    'restricted',
    'v1.0',
    'restricted volume types (volume "v" uses restricted volume type "nfs")',
  ],
  [
    pod({ securityContext: { ...secure, runAsNonRoot: undefined } }),
    'restricted',
    'v1.0',
    'runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true)',
  ],
  [
    pod({ securityContext: { ...secure, runAsUser: 0 } }),
    'restricted',
    'v1.23',
    'runAsUser=0 (pod must not set runAsUser=0)',
  ],
  [
    pod({ securityContext: { runAsNonRoot: true } }),
    'restricted',
    'v1.19',
    'seccompProfile (pod or container "c" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
  ],
];
for (const [given, lowest, since, why] of controls) {
  test(`PodSecurity: ${lowest} since ${since}: ${why}`, async () => {
    const judge = async (enforce: string, version: string) =>
      admitted(await world({ enforce, 'enforce-version': version }), given, asked(pods));
    assert.equal(level(String(await judge(lowest, 'latest'))), why);
    assert.equal(level(String(await judge(lowest, since))), why);
    assert.equal(typeof (await judge('privileged', 'latest')), 'object');
    const minor = Number(since.slice(3));
    if (minor > 0) assert.equal(typeof (await judge(lowest, `v1.${minor - 1}`)), 'object');
    if (lowest === 'restricted') assert.equal(typeof (await judge('baseline', 'v1.0')), 'object');
  });
}

test('PodSecurity: a hardened pod passes every level in every version', async () => {
  for (const version of ['latest', 'v1.0', 'v1.19', 'v1.25', 'v1.36', 'v1.99']) {
    const plugin = await world({ enforce: 'restricted', 'enforce-version': version });
    assert.equal(typeof (await admitted(plugin, pod(), asked(pods))), 'object');
  }
});

test('PodSecurity: users of its own and windows lift what makes no sense for them', async () => {
  const own = pod({ hostUsers: false, securityContext: { ...secure, runAsNonRoot: false, runAsUser: 0 } });
  const windows = pod({
    os: { name: 'windows' },
    containers: [{ name: 'c' }],
    securityContext: { runAsNonRoot: true },
  });
  for (const given of [own, windows]) {
    assert.equal(typeof (await admitted(await world({ enforce: 'restricted' }), given, asked(pods))), 'object');
    const old = await world({ enforce: 'restricted', 'enforce-version': 'v1.24' });
    assert.equal(typeof (await admitted(old, given, asked(pods))), 'string');
  }
});

test('PodSecurity: workloads are never refused, their makers are warned', async () => {
  const told: string[] = [];
  const template = pod({ hostPID: true });
  const request = asked(deployments, { warn: (text) => told.push(text) });
  await admitted(await world({ enforce: 'baseline' }), { spec: { template } }, request);
  await admitted(await world({ warn: 'restricted', 'warn-version': 'v1.24' }), { spec: { template } }, request);
  assert.deepEqual(told, [
    'would violate PodSecurity "baseline:latest": host namespaces (hostPID=true)',
    'would violate PodSecurity "restricted:v1.24": host namespaces (hostPID=true)',
  ]);
});

test('PodSecurity: whom the options exempt is not judged', async () => {
  const bad = pod({ hostPID: true, runtimeClassName: 'sandboxed' });
  const exemptions = [{ usernames: ['jane'] }, { namespaces: ['shop'] }, { runtimeClasses: ['sandboxed'] }];
  for (const one of exemptions) {
    const plugin = await world({ enforce: 'baseline' }, { exemptions: one });
    assert.equal(typeof (await admitted(plugin, bad, asked(pods))), 'object');
  }
});

test('PodSecurity: only an update that matters judges a pod again', async () => {
  const plugin = await world({ enforce: 'baseline' });
  const before = pod({ hostPID: true, containers: [container({}, { image: 'a' })] });
  const update = (next: object) =>
    admitted(plugin, next, asked(pods, { operation: 'UPDATE', previous: whole(before) }));
  assert.equal(typeof (await update({ ...before, metadata: { labels: { a: 'b' } } })), 'object');
  const other = pod({ hostPID: true, containers: [container({}, { image: 'b' })] });
  assert.equal(level(String(await update(other))), 'host namespaces (hostPID=true)');
});

test('PodSecurity: labels that say nothing are refused when they are written', async () => {
  const plugin = await world({});
  const made = { metadata: { name: 'n', labels: { [label('enforce')]: 'strict', [label('warn-version')]: '1.2' } } };
  assert.equal(
    await admitted(plugin, made, asked(namespaces, { name: 'n' })),
    'Namespace "n" is invalid: [metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "strict": must be one of privileged, baseline, restricted, metadata.labels[pod-security.kubernetes.io/warn-version]: Invalid value: "1.2": must be "latest" or "v1.x"]',
  );
});

test('PodSecurity: whoever makes a namespace stricter is told of the pods in it, one line for all alike', async () => {
  const inShop = (name: string, spec: object) =>
    [pods, { ...pod(spec), metadata: { name, namespace: 'shop' } } as never] as const;
  const store = await storeWith(
    shop({}),
    inShop('b', { hostPID: true }),
    inShop('a', { hostPID: true }),
    inShop('c', { hostIPC: true, securityContext: {} }),
    inShop('good', {}),
  );
  const told: string[] = [];
  const previous = whole({ metadata: { name: 'shop' } });
  const request = asked(namespaces, { operation: 'UPDATE', name: 'shop', previous, warn: (text) => told.push(text) });
  const strict = { metadata: { name: 'shop', labels: { [label('enforce')]: 'restricted' } } };
  await admitted(new PodSecurity(store, new SimClock()), strict, request);
  assert.deepEqual(told, [
    'existing pods in namespace "shop" violate the new PodSecurity enforce level "restricted:latest"',
    'a (and 1 other pod): host namespaces',
    'c: host namespaces, runAsNonRoot != true, seccompProfile',
  ]);
});
