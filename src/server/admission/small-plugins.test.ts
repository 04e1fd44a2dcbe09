import assert from 'node:assert/strict';
import { test } from 'node:test';
import { certificateSigningRequests } from '../../api/kinds/certificate-signing-request.ts';
import { configMaps } from '../../api/kinds/config-map.ts';
import { events } from '../../api/kinds/event.ts';
import { ingresses } from '../../api/kinds/ingress.ts';
import { ingressClasses } from '../../api/kinds/ingress-class.ts';
import { namespaces } from '../../api/kinds/namespace.ts';
import { networkPolicies } from '../../api/kinds/network-policy.ts';
import { nodes } from '../../api/kinds/node.ts';
import { persistentVolumeClaims } from '../../api/kinds/persistent-volume-claim.ts';
import { pods } from '../../api/kinds/pod.ts';
import { runtimeClasses } from '../../api/kinds/runtime-class.ts';
import { storageClasses } from '../../api/kinds/storage-class.ts';
import type { KubeObject } from '../../api/object.ts';
import { policiesEnforcedLabel } from '../../api/policy-enforcement.ts';
import { encodeBase64 } from '../../base/base64.ts';
import { encodeText } from '../../base/json.ts';
import { seeded } from '../../base/random.ts';
import { SimClock } from '../../sim/clock.ts';
import { simEnv } from '../../sim/env.ts';
import type { ResourceAttributes } from '../attributes.ts';
import { Authorization } from '../auth/authorization.ts';
import { KindRegistry } from '../kinds.ts';
import { type AdmissionOptions, builtInPlugins, pluginNames } from './built-in.ts';
import { CertificateApproval } from './certificate-approval.ts';
import { CertificateSigning } from './certificate-signing.ts';
import { CertificateSubjectRestriction } from './certificate-subject-restriction.ts';
import { DefaultIngressClass } from './default-ingress-class.ts';
import { DefaultStorageClass } from './default-storage-class.ts';
import { EventRateLimit } from './event-rate-limit.ts';
import { NamespaceLifecycle } from './namespace-lifecycle.ts';
import { NetworkPolicyNotice } from './network-policy-notice.ts';
import { optionalPlugins } from './optional-plugins.ts';
import { OwnerReferencesPermissionEnforcement } from './owner-references-permission-enforcement.ts';
import { PersistentVolumeClaimResize } from './persistent-volume-claim-resize.ts';
import { admitted, admittedSpec, asked, storeWith, whole } from './plugin.test-data.ts';
import { PodTopologyLabels } from './pod-topology-labels.ts';
import { RuntimeClass } from './runtime-class.ts';
import { StorageObjectInUseProtection } from './storage-object-in-use-protection.ts';
import { TaintNodesByCondition } from './taint-nodes-by-condition.ts';

/** Whoever asks may do just this. */
const allowing = (allowed: (right: ResourceAttributes) => boolean) =>
  new Authorization([
    {
      name: 'test',
      authorize: (right) => ({ verdict: 'verb' in right && allowed(right as never) ? 'allow' : 'none' }),
    },
  ]);

test('NamespaceLifecycle: nothing is made where there is no namespace, or one that goes', async () => {
  const gone = { name: 'shop', deletionTimestamp: 'now' };
  const nowhere = new NamespaceLifecycle(await storeWith());
  assert.equal(await admitted(nowhere, {}, asked(configMaps)), 'namespaces "shop" not found');
  const going = new NamespaceLifecycle(await storeWith([namespaces, { metadata: gone } as never]));
  const why = 'unable to create new content in namespace shop because it is being terminated';
  assert.equal(await admitted(going, {}, asked(configMaps)), why);
  assert.equal(typeof (await admitted(going, {}, asked(configMaps, { operation: 'UPDATE' }))), 'object');
});

test('NamespaceLifecycle: the system namespaces stay', async () => {
  const plugin = new NamespaceLifecycle(await storeWith());
  const remove = (name: string) => admitted(plugin, {}, asked(namespaces, { operation: 'DELETE', name }));
  assert.equal(await remove('kube-system'), 'this namespace may not be deleted');
  assert.equal(typeof (await remove('shop')), 'object');
});

const marked = (name: string, age: number, annotation: string) => ({
  metadata: { name, creationTimestamp: `2026-01-0${age}T00:00:00Z`, annotations: { [annotation]: 'true' } },
});

test('DefaultStorageClass: a claim without a class gets the newest default, one that wants none gets none', async () => {
  const by = 'storageclass.kubernetes.io/is-default-class';
  const classes = [marked('old', 1, by), marked('b', 2, by), marked('a', 2, by), { metadata: { name: 'other' } }];
  const store = await storeWith(...classes.map((one) => [storageClasses, one as never] as const));
  const plugin = new DefaultStorageClass(store);
  const request = asked(persistentVolumeClaims);
  assert.deepEqual(await admittedSpec(plugin, { spec: {} }, request), { storageClassName: 'a' });
  assert.deepEqual(await admittedSpec(plugin, { spec: { storageClassName: '' } }, request), { storageClassName: '' });
  const annotations = { 'volume.beta.kubernetes.io/storage-class': 'x' };
  assert.deepEqual(await admittedSpec(plugin, { metadata: { annotations }, spec: {} }, request), {});
});

test('DefaultIngressClass: an ingress without a class gets the default one, unless the old annotation names one', async () => {
  const found = marked('main', 1, 'ingressclass.kubernetes.io/is-default-class');
  const plugin = new DefaultIngressClass(await storeWith([ingressClasses, found as never]));
  assert.deepEqual(await admittedSpec(plugin, { spec: {} }, asked(ingresses)), { ingressClassName: 'main' });
  const annotations = { 'kubernetes.io/ingress.class': 'x' };
  assert.deepEqual(await admittedSpec(plugin, { metadata: { annotations }, spec: {} }, asked(ingresses)), {});
});

test('StorageObjectInUseProtection: a claim is held, once', async () => {
  const plugin = new StorageObjectInUseProtection();
  const held = { metadata: { finalizers: ['kubernetes.io/pvc-protection'] } };
  for (const given of [{}, held]) {
    const made = (await admitted(plugin, given, asked(persistentVolumeClaims))) as KubeObject;
    assert.deepEqual(made.metadata.finalizers, ['kubernetes.io/pvc-protection']);
  }
});

test('TaintNodesByCondition: a new node is kept free until it is seen to be ready', async () => {
  const plugin = new TaintNodesByCondition();
  const taint = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' };
  assert.deepEqual(await admittedSpec(plugin, {}, asked(nodes)), { taints: [taint] });
  assert.deepEqual(await admittedSpec(plugin, { spec: { taints: [taint] } }, asked(nodes)), { taints: [taint] });
  assert.equal(await admittedSpec(plugin, {}, asked(nodes, { operation: 'UPDATE' })), undefined);
});

test('PersistentVolumeClaimResize: grows only what is bound, of a class that lets volumes grow', async () => {
  const classes = [
    [storageClasses, { metadata: { name: 'grows' }, allowVolumeExpansion: true } as never] as const,
    [storageClasses, { metadata: { name: 'stays' } } as never] as const,
  ];
  const plugin = new PersistentVolumeClaimResize(await storeWith(...classes));
  const claim = (storageClassName: string, storage: string, phase: string) => ({
    spec: { storageClassName, resources: { requests: { storage } } },
    status: { phase },
  });
  const resize = (name: string, phase: string, to: string) => {
    const previous = whole(claim(name, '1Gi', phase));
    const request = asked(persistentVolumeClaims, { operation: 'UPDATE', previous });
    return admitted(plugin, claim(name, to, phase), request);
  };
  assert.equal(typeof (await resize('grows', 'Bound', '2Gi')), 'object');
  assert.equal(typeof (await resize('stays', 'Pending', '1024Mi')), 'object');
  assert.equal(await resize('grows', 'Pending', '2Gi'), 'Only bound persistent volume claims can be expanded');
  assert.equal(
    await resize('stays', 'Bound', '2Gi'),
    'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
  );
});

const sandboxed = {
  metadata: { name: 'sandboxed' },
  overhead: { podFixed: { cpu: '100m' } },
  scheduling: { nodeSelector: { a: 'b' }, tolerations: [{ key: 't', operator: 'Exists' }] },
};
const classed: readonly (readonly [spec: object, outcome: unknown])[] = [
  [
    { runtimeClassName: 'sandboxed', tolerations: [{ key: 't', operator: 'Exists', effect: 'NoSchedule' }] },
    {
      runtimeClassName: 'sandboxed',
      overhead: { cpu: '100m' },
      nodeSelector: { a: 'b' },
      tolerations: [{ key: 't', operator: 'Exists' }],
    },
  ],
  [{ runtimeClassName: 'none' }, 'pod rejected: RuntimeClass "none" not found'],
  [
    { runtimeClassName: 'sandboxed', overhead: { cpu: '1' } },
    "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead",
  ],
  [{ overhead: { cpu: '1' } }, 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead'],
  [
    { runtimeClassName: 'sandboxed', nodeSelector: { a: 'c' } },
    'conflict: runtimeClass.scheduling.nodeSelector[a] = b; pod.spec.nodeSelector[a] = c',
  ],
];
for (const [spec, outcome] of classed) {
  test(`RuntimeClass: ${JSON.stringify(spec)}`, async () => {
    const plugin = new RuntimeClass(await storeWith([runtimeClasses, sandboxed as never]));
    assert.deepEqual(await admittedSpec(plugin, { spec }, asked(pods)), outcome);
  });
}

test('PodTopologyLabels: a pod gets the zone and the region of the node that it is bound to, or made on', async () => {
  const labels = { 'topology.kubernetes.io/zone': 'z', 'topology.kubernetes.io/region': 'r', other: 'x' };
  const plugin = new PodTopologyLabels(await storeWith([nodes, { metadata: { name: 'n', labels } } as never]));
  const { other: _other, ...own } = labels;
  const bound = asked(pods, { subresource: 'binding' });
  const binding = (await admitted(plugin, { target: { name: 'n' } }, bound)) as KubeObject;
  assert.deepEqual(binding.metadata.labels, own);
  const placed = (await admitted(plugin, { spec: { nodeName: 'n' } }, asked(pods))) as KubeObject;
  assert.deepEqual(placed.metadata.labels, own);
  const free = (await admitted(plugin, { spec: {} }, asked(pods))) as KubeObject;
  assert.equal(free.metadata.labels, undefined);
});

test('CertificateApproval and CertificateSigning: a right for the signer or for its whole domain is needed', async () => {
  const authorization = allowing(({ verb, resource, name }) =>
    resource === 'signers' && `${verb} ${name}` === 'approve a.example/x'
      ? true
      : `${verb} ${name}` === 'sign b.example/*',
  );
  const request = (signerName: string, status: object = {}) => ({ spec: { signerName }, status });
  const through = (subresource: string, signer: string) =>
    asked(certificateSigningRequests, { operation: 'UPDATE', subresource, previous: whole(request(signer)) });
  const approve = (signer: string) =>
    admitted(new CertificateApproval(authorization), request(signer), through('approval', signer));
  assert.equal(typeof (await approve('a.example/x')), 'object');
  assert.equal(await approve('a.example/y'), 'user not permitted to approve requests with signerName "a.example/y"');
  const sign = (signer: string, status: object) =>
    admitted(new CertificateSigning(authorization), request(signer, status), through('status', signer));
  assert.equal(typeof (await sign('b.example/any', { certificate: 'x' })), 'object');
  assert.equal(typeof (await sign('a.example/x', {})), 'object');
  const why = 'user not permitted to sign requests with signerName "a.example/x"';
  assert.equal(await sign('a.example/x', { certificate: 'x' }), why);
});

test('OwnerReferencesPermissionEnforcement: owners are set by who may delete, and held by who may hold them', async () => {
  const kinds = new KindRegistry([pods as never]);
  const owner = { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'u', blockOwnerDeletion: true };
  const owned = { metadata: { ownerReferences: [owner] } };
  const judge = (allowed: (right: ResourceAttributes) => boolean) =>
    admitted(new OwnerReferencesPermissionEnforcement(allowing(allowed), kinds), owned, asked(configMaps));
  assert.equal(await judge(() => false), "cannot set an ownerRef on a resource you can't delete: , <nil>");
  assert.equal(
    await judge(({ verb }) => verb === 'delete'),
    "cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on: , <nil>",
  );
  assert.equal(typeof (await judge(() => true)), 'object');
});

test('EventRateLimit: a source that tells too much waits, others are heard', async () => {
  const clock = new SimClock();
  const plugin = new EventRateLimit(clock, [{ type: 'Namespace', qps: 1, burst: 2 }]);
  const tell = (namespace: string) => {
    const request = asked(events);
    return admitted(plugin, {}, { ...request, route: { ...request.route, namespace } });
  };
  const heard = async (namespace: string) => typeof (await tell(namespace)) === 'object';
  assert.deepEqual([await heard('a'), await heard('a'), await heard('a'), await heard('b')], [true, true, false, true]);
  assert.equal(await tell('a'), 'limit reached on type Namespace for key a');
});

test('every plugin can be switched by its name, and stands where it is named', async () => {
  const deps = {
    env: simEnv({ clock: new SimClock(), random: seeded('plugins') }),
    store: await storeWith(),
    authorization: allowing(() => true),
    kinds: new KindRegistry([]),
    self: () => Promise.reject(new Error('nobody is asked')),
  };
  const namesOf = (options: AdmissionOptions) => {
    const { first, last } = builtInPlugins(deps, { optional: optionalPlugins, ...options });
    return [...first, ...last].map(({ name }) => name);
  };
  assert.deepEqual(namesOf({ enable: pluginNames }), pluginNames);
  assert.deepEqual(namesOf({ disable: pluginNames }), []);
  const off = pluginNames.filter((name) => !namesOf({}).includes(name));
  assert.deepEqual(off, [
    ...['NamespaceAutoProvision', 'NamespaceExists', 'LimitPodHardAntiAffinityTopology', 'AlwaysPullImages'],
    ...['EventRateLimit', 'ExtendedResourceToleration', 'OwnerReferencesPermissionEnforcement'],
    'DenyServiceExternalIPs',
  ]);
});

/** What openssl made of a client named eve in the group system:masters. */
const ofMasters = `-----BEGIN CERTIFICATE REQUEST-----
MIHiMIGJAgEAMCcxFzAVBgNVBAoMDnN5c3RlbTptYXN0ZXJzMQwwCgYDVQQDDANl
dmUwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQ8bM6W2tmdaKkASn0snk+cHXwd
jdUt8Pp2nR2NniDAgMAerBoZyHboLmJ6lXFljcaBEMBMtVOav6/JjM7DvPWfoAAw
CgYIKoZIzj0EAwIDSAAwRQIgct4tX/KUxxjSAeUWD2k2Ha8+AYsMN7hk8EpCfXm2
7gYCIQDj9DiJRK1HW5Z19mWis36VJ6y08O54hPK/23dyAbfQ3g==
-----END CERTIFICATE REQUEST-----
`;

test('CertificateSubjectRestriction: nobody asks for a client certificate of the masters', async () => {
  const plugin = new CertificateSubjectRestriction();
  const encoded = encodeBase64(encodeText(ofMasters));
  const ask = (signerName: string, request: string) =>
    admitted(plugin, { spec: { signerName, request } }, asked(certificateSigningRequests));
  const signer = 'kubernetes.io/kube-apiserver-client';
  const why = `use of ${signer} signer with system:masters group is not allowed`;
  assert.equal(await ask(signer, encoded), why);
  assert.equal(await ask(signer, 'eA=='), 'failed to parse CSR: asn1: syntax error');
  assert.equal(typeof (await ask('example.com/other', encoded)), 'object');
});

test('NetworkPolicyNotice: a policy is taken, and its maker told of nodes where it does not hold', async () => {
  const node = (name: string, enforced: string) =>
    [nodes, { metadata: { name, labels: { [policiesEnforcedLabel]: enforced } } } as never] as const;
  const plugin = new NetworkPolicyNotice(await storeWith(node('a', 'true'), node('b', 'false')));
  const told: string[] = [];
  const warn = (text: string) => void told.push(text);
  assert.equal(typeof (await admitted(plugin, { spec: {} }, asked(networkPolicies, { warn }))), 'object');
  await admitted(plugin, { spec: {} }, asked(networkPolicies, { warn, operation: 'UPDATE' }));
  await admitted(plugin, { spec: {} }, asked(networkPolicies, { warn, operation: 'DELETE' }));
  await admitted(plugin, { spec: {} }, asked(ingresses, { warn }));
  assert.equal(told.length, 2);
  assert.match(told[0] ?? '', /^NetworkPolicy is not enforced on node b: /);
});
