import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Instant } from '../../base/env.ts';
import { type Pod, pods } from './pod.ts';

const context = (subresource = '') => ({ now: 0 as Instant, subresource });
const container = { name: 'c', image: 'i' };
const podOf = (spec: object, metadata: object = {}): Pod =>
  pods.rules.defaults?.({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'a', uid: 'u', ...metadata },
    spec: { containers: [container], serviceAccountName: 'default', ...spec },
  } as unknown as Pod) as Pod;
const judged = (next: Pod, previous?: Pod, subresource = ''): readonly string[] => {
  const errors = pods.rules.validate?.(next, previous, context(subresource)) ?? [];
  return [...new Set(errors.map(({ path, type }) => `${path} ${type}`))].sort();
};
const withContainer = (part: object): object => ({ containers: [{ ...container, ...part }] });
const withVolume = (source: object, part: object = {}): object => ({
  volumes: [{ name: 'v', ...source }],
  ...withContainer(part),
});

const created: readonly (readonly [claim: string, spec: object, ...errors: readonly string[]])[] = [
  ['may say nothing but its containers', {}],
  ['needs containers', { containers: [] }, 'spec.containers Required'],
  [
    'needs names for its containers, each once',
    { containers: [container, container, { image: 'i' }] },
    'spec.containers[1].name Duplicate',
    'spec.containers[2].name Required',
  ],
  ['trims no image', withContainer({ image: ' i' }), 'spec.containers[0].image Invalid'],
  [
    'cannot mount a volume that is not in order',
    withVolume({ secret: {} }, { volumeMounts: [{ name: 'v', mountPath: '/v' }] }),
    'spec.containers[0].volumeMounts[0].name NotFound',
    'spec.volumes[0].secret.secretName Required',
  ],
  [
    'has one source for each volume',
    withVolume({ emptyDir: {}, hostPath: { path: '/x' } }),
    'spec.volumes[0].hostPath Forbidden',
  ],
  [
    'has one source for each part of a projected volume, and may have two tokens at one path',
    withVolume({
      projected: {
        sources: [
          { serviceAccountToken: { path: 't', expirationSeconds: 3_600 }, configMap: { name: 'm' } },
          { serviceAccountToken: { path: 't', expirationSeconds: 3_600 } },
        ],
      },
    }),
    'spec.volumes[0].projected.sources[0] Forbidden',
  ],
  [
    'has no token of an account where it has no account',
    {
      serviceAccountName: '',
      ...withVolume({ projected: { sources: [{ serviceAccountToken: { path: 't', expirationSeconds: 3_600 } }] } }),
    },
    'spec.volumes[0].projected.sources[0].serviceAccountToken Forbidden',
  ],
  [
    'has other names for hosts, each of them right',
    { hostAliases: [{ ip: '10.0.0.1', hostnames: ['a', 'a,b'] }] },
    'spec.hostAliases[0].hostnames[1] Invalid',
  ],
  [
    'mounts each path once, below where it says',
    withVolume(
      { emptyDir: {} },
      {
        volumeMounts: [
          { name: 'v', mountPath: '/v', subPath: '../x' },
          { name: 'v', mountPath: '/v', mountPropagation: 'Bidirectional' },
        ],
      },
    ),
    'spec.containers[0].volumeMounts[0].subPath Invalid',
    'spec.containers[0].volumeMounts[1].mountPath Invalid',
    'spec.containers[0].volumeMounts.mountPropagation Forbidden',
  ],
  [
    'sees only claims as devices',
    withVolume({ emptyDir: {} }, { volumeDevices: [{ name: 'v', devicePath: '/dev/x' }] }),
    'spec.containers[0].volumeDevices[0].name Invalid',
  ],
  [
    'asks for no more than it limits',
    withContainer({ resources: { limits: { cpu: '1' }, requests: { cpu: '2' } } }),
    'spec.containers[0].resources.requests Invalid',
  ],
  [
    'limits large pages as it requests them, and beside compute',
    withContainer({ resources: { requests: { 'hugepages-2Mi': '2Mi' } } }),
    'spec.containers[0].resources Forbidden',
    'spec.containers[0].resources.limits Required',
  ],
  [
    'names the resources that there are',
    withContainer({ resources: { limits: { gpus: '1', 'example.com/gpu': '1500m' } } }),
    'spec.containers[0].resources.limits[example.com/gpu] Invalid',
    'spec.containers[0].resources.limits[gpus] Invalid',
    'spec.containers[0].resources.requests[example.com/gpu] Invalid',
    'spec.containers[0].resources.requests[gpus] Invalid',
  ],
  [
    'claims devices by names that it has',
    { ...withContainer({ resources: { claims: [{ name: 'gpu' }] } }), resourceClaims: [{ name: 'other' }] },
    'spec.containers[0].resources.claims[0] NotFound',
    'spec.resourceClaims[0] Invalid',
  ],
  [
    'resizes processors and memory, each by one policy',
    withContainer({
      resizePolicy: [
        { resourceName: 'cpu', restartPolicy: 'NotRequired' },
        { resourceName: 'cpu', restartPolicy: 'Sometimes' },
      ],
    }),
    'spec.containers[0].resizePolicy NotSupported',
    'spec.containers[0].resizePolicy[1] Duplicate',
  ],
  [
    'takes a variable from one place',
    withContainer({
      env: [
        { name: 'A', valueFrom: {} },
        { name: 'B', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'status.phase' } } },
        { name: 'C', value: 'x', valueFrom: { configMapKeyRef: { name: 'm', key: 'k' } } },
      ],
      envFrom: [{}],
    }),
    'spec.containers[0].env[0].valueFrom Invalid',
    'spec.containers[0].env[1].valueFrom.fieldRef.fieldPath NotSupported',
    'spec.containers[0].env[2].valueFrom Invalid',
    'spec.containers[0].envFrom Invalid',
  ],
  [
    'handles each probe by one handler',
    withContainer({
      livenessProbe: { exec: { command: ['x'] }, tcpSocket: { port: 1 }, successThreshold: 2 },
      readinessProbe: { httpGet: { path: '/', port: 'Bad Name' }, terminationGracePeriodSeconds: 1 },
    }),
    'spec.containers[0].livenessProbe.successThreshold Invalid',
    'spec.containers[0].livenessProbe.tcpSocket Forbidden',
    'spec.containers[0].readinessProbe.httpGet.port Invalid',
    'spec.containers[0].readinessProbe.terminationGracePeriodSeconds Invalid',
  ],
  [
    'probes an init container only where it goes on',
    { initContainers: [{ ...container, name: 'i', startupProbe: { exec: { command: ['x'] } } }] },
    'spec.initContainers[0].startupProbe Forbidden',
  ],
  [
    'does not both give and take rights',
    withContainer({ securityContext: { allowPrivilegeEscalation: false, privileged: true, procMount: 'Unmasked' } }),
    'spec.containers[0].securityContext Invalid',
    'spec.containers[0].securityContext.procMount Invalid',
  ],
  [
    'names its profiles in full',
    { securityContext: { seccompProfile: { type: 'Localhost' }, appArmorProfile: { type: 'Other' } } },
    'spec.securityContext.appArmorProfile.type NotSupported',
    'spec.securityContext.seccompProfile.localhostProfile Required',
  ],
  [
    'shares no host namespace where its users are its own',
    { hostUsers: false, hostNetwork: true, hostPID: true },
    'spec.HostPID Forbidden',
    'spec.hostNetwork Forbidden',
  ],
  [
    'is of one system',
    { os: { name: 'windows' }, securityContext: { runAsUser: 1 } },
    'spec.securityContext.runAsUser Forbidden',
  ],
  ['runs on systems that there are', { os: { name: 'plan9' } }, 'spec.os NotSupported'],
  [
    'comes without ephemeral containers',
    { ephemeralContainers: [{ ...container, name: 'e' }] },
    'spec.ephemeralContainers Forbidden',
  ],
  ['has no node while it is gated', { nodeName: 'n', schedulingGates: [{ name: 'g' }] }, 'spec.nodeName Forbidden'],
  [
    'writes each projected file once',
    {
      volumes: [
        {
          name: 'v',
          projected: {
            sources: [
              { configMap: { name: 'm', items: [{ key: 'k', path: 'p' }] } },
              { secret: { name: 's', items: [{ key: 'k', path: 'p' }] } },
            ],
          },
        },
      ],
    },
    'spec.volumes[0].projected Invalid',
  ],
  [
    'spreads by each key and action once',
    {
      topologySpreadConstraints: [
        { maxSkew: 0, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule' },
        { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule' },
      ],
    },
    'spec.topologySpreadConstraints[0].maxSkew Invalid',
    'spec.topologySpreadConstraints[0].{topologyKey, whenUnsatisfiable} Duplicate',
  ],
  [
    'tolerates in order',
    {
      tolerations: [
        { operator: 'Equal', value: 'x' },
        { key: 'k', operator: 'Exists', value: 'x' },
      ],
    },
    'spec.tolerations[0].operator Invalid',
    'spec.tolerations[1].operator Invalid',
  ],
  [
    'takes together no less than its containers',
    { ...withContainer({ resources: { requests: { cpu: '2' } } }), resources: { requests: { cpu: '1' } } },
    'spec.resources.requests[cpu] Invalid',
  ],
];
for (const [claim, spec, ...errors] of created) {
  test(`A pod ${claim}`, () => assert.deepEqual(judged(podOf(spec)), [...errors].sort()));
}

const gated = { schedulingGates: [{ name: 'g' }], nodeSelector: { a: 'b' } };
const resources = (cpu: string): object => withContainer({ resources: { requests: { cpu } } });
const two = { containers: [container, { ...container, name: 'd' }] };
const updated: readonly (readonly [
  claim: string,
  before: object,
  after: object,
  subresource: string,
  ...errors: readonly string[],
])[] = [
  ['may change its image', {}, withContainer({ image: 'j' }), ''],
  ['may not change its command', {}, withContainer({ command: ['x'] }), '', 'spec Forbidden'],
  [
    'keeps its containers',
    {},
    { containers: [container, { ...container, name: 'd' }] },
    '',
    'spec.containers Forbidden',
  ],
  ['may be given a deadline', {}, { activeDeadlineSeconds: 5 }, ''],
  [
    'keeps its deadline',
    { activeDeadlineSeconds: 5 },
    { activeDeadlineSeconds: 6 },
    '',
    'spec.activeDeadlineSeconds Invalid',
  ],
  ['may tolerate more', {}, { tolerations: [{ key: 'k', operator: 'Exists' }] }, ''],
  ['tolerates no less', { tolerations: [{ key: 'k', operator: 'Exists' }] }, {}, '', 'spec.tolerations Forbidden'],
  ['loses gates', gated, { ...gated, schedulingGates: [] }, ''],
  ['gains no gate', {}, { schedulingGates: [{ name: 'g' }] }, '', 'spec.schedulingGates[0].name Forbidden'],
  ['is narrowed while it is gated', gated, { ...gated, nodeSelector: { a: 'b', c: 'd' } }, ''],
  ['is not widened', gated, { ...gated, nodeSelector: {} }, '', 'spec.nodeSelector Invalid'],
  ['is not narrowed later', {}, { nodeSelector: { a: 'b' } }, '', 'spec Forbidden'],
  ['is resized through its own door', resources('1'), resources('2'), 'resize'],
  ['is not resized otherwise', resources('1'), resources('2'), '', 'spec Forbidden'],
  [
    'keeps how well it is promised when it is resized',
    resources('1'),
    {},
    'resize',
    'spec Invalid',
    'spec.containers[0].resources.requests Forbidden',
  ],
  [
    'keeps the names and the number of its containers when it is resized',
    { initContainers: [{ ...container, name: 'i' }] },
    { containers: [{ ...container, name: 'd' }], initContainers: [{ ...container, name: 'i' }] },
    'resize',
    'spec.containers[0].name Forbidden',
  ],
  ['gains no containers when it is resized', {}, two, 'resize', 'spec.containers Forbidden'],
  [
    'changes amounts alone when it is resized',
    resources('1'),
    withContainer({
      resources: { requests: { cpu: '1' } },
      resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'NotRequired' }],
    }),
    'resize',
    'spec Forbidden',
  ],
  [
    'takes containers in while it runs',
    {},
    { ephemeralContainers: [{ ...container, name: 'e', targetContainerName: 'c' }] },
    'ephemeralcontainers',
  ],
  [
    'keeps what was put in',
    { ephemeralContainers: [{ ...container, name: 'e' }] },
    {},
    'ephemeralcontainers',
    'spec.ephemeralContainers Forbidden',
  ],
  ['is bound to any node', {}, { nodeName: 'No Such Node' }, 'binding'],
];
for (const [claim, before, after, subresource, ...errors] of updated) {
  test(`A pod that is there ${claim}`, () => {
    const previous = podOf(before);
    const next = pods.rules.prepareUpdate?.(podOf(after), previous, context(subresource)) as Pod;
    assert.deepEqual(judged(next, previous, subresource), [...errors].sort());
  });
}

test('The doors to a part of a pod change nothing else', () => {
  const previous = podOf({});
  const next = podOf({ nodeName: 'n', ephemeralContainers: [{ ...container, name: 'e' }] }, { labels: { a: 'b' } });
  const after = pods.rules.prepareUpdate?.(next, previous, context('ephemeralcontainers')) as Pod;
  assert.deepEqual(after.metadata, previous.metadata);
  assert.equal(after.spec.nodeName, undefined);
});

test('A selector that asks for a label of the pod itself does not ask for it otherwise', () => {
  const asks = (labelSelector: object) => {
    const term = { topologyKey: 'zone', labelSelector, matchLabelKeys: ['app', 'tier'] };
    const affinity = { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } };
    const pod = podOf({ affinity }, { labels: { app: 'x', tier: 'y' } });
    return judged(pods.rules.prepareCreate?.(pod, context()) as Pod);
  };
  const path = 'spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0]';
  assert.deepEqual(asks({ matchLabels: { other: 'z' } }), []);
  assert.deepEqual(asks({ matchLabels: { tier: 'z' } }), [`${path}[1] Invalid`]);
  assert.deepEqual(asks({ matchExpressions: [{ key: 'app', operator: 'Exists' }] }), [`${path}[0] Invalid`]);
});

test("A pod's own labels complete the selectors that ask for them", () => {
  const term = { topologyKey: 'zone', labelSelector: {}, matchLabelKeys: ['app', 'none'], mismatchLabelKeys: ['tier'] };
  const affinity = { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } };
  const pod = podOf({ affinity }, { labels: { app: 'x', tier: 'y' } });
  const made = pods.rules.prepareCreate?.(pod, context()) as unknown as { spec: { affinity: typeof affinity } };
  const [completed] = made.spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution;
  assert.deepEqual(completed?.labelSelector, {
    matchExpressions: [
      { key: 'app', operator: 'In', values: ['x'] },
      { key: 'tier', operator: 'NotIn', values: ['y'] },
    ],
  });
});

test('A new pod is warned about what is hardly meant', () => {
  const pod = podOf({
    nodeSelector: { 'beta.kubernetes.io/os': 'linux' },
    containers: [
      {
        ...container,
        env: [{ name: 'A' }, { name: 'A' }],
        ports: [{ containerPort: 80 }, { containerPort: 80 }],
        resources: { requests: { memory: '100m' } },
      },
    ],
  });
  assert.deepEqual(pods.rules.warnings?.(pod, undefined), [
    'spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead',
    'spec.containers[0].resources.requests[memory]: fractional byte value "100m" is invalid, must be an integer',
    'spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply',
    'spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]',
  ]);
});

test('What a pod has very many of takes no longer for each of them', { timeout: 30_000 }, () => {
  const many = (count: number, one: (n: number) => object) => Array.from({ length: count }, (_, n) => one(n));
  const ports = many(40_000, (n) => ({ containerPort: 1 + (n % 20_000), protocol: 'TCP' }));
  const warnings = pods.rules.warnings?.(podOf({ containers: [{ ...container, ports }] }), undefined) ?? [];
  assert.equal(warnings.length, 20_000);
  assert.equal(
    warnings.at(-1),
    'spec.containers[0].ports[39999]: duplicate port definition with spec.containers[0].ports[19999]',
  );
  const volumes = (name: string) => many(2_000, (n) => ({ name: `${name}-${n}`, emptyDir: {} }));
  assert.deepEqual(judged(podOf({ volumes: volumes('b') }), podOf({ volumes: volumes('a') })), ['spec Forbidden']);
  const tolerations = many(20_000, (n) => ({ key: `k${n}`, operator: 'Exists' }));
  assert.deepEqual(judged(podOf({ tolerations: tolerations.toReversed() }), podOf({ tolerations })), []);
  const topologySpreadConstraints = many(10_000, (n) => ({
    maxSkew: 1,
    topologyKey: `k${n}`,
    whenUnsatisfiable: 'DoNotSchedule',
  }));
  assert.deepEqual(judged(podOf({ topologySpreadConstraints })), []);
});
