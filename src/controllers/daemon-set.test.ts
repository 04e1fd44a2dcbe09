import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ControllerRevision, controllerRevisions } from '../api/kinds/controller-revision.ts';
import { type DaemonSet, daemonSets } from '../api/kinds/daemon-set.ts';
import { type Node, nodes } from '../api/kinds/node.ts';
import { type Pod, pods } from '../api/kinds/pod.ts';
import type { Instant } from '../base/env.ts';
import { seeded } from '../base/random.ts';
import { Cache } from '../machinery/cache.ts';
import { templateData } from './controller-revisions.ts';
import { DaemonSetController } from './daemon-set.ts';
import { born, inWords, noClient, noEnv, now, ownedBy, type PodFacts, podOf } from './plan.test-data.ts';

const controller = new DaemonSetController({
  sets: new Cache(noEnv, noClient, daemonSets),
  pods: new Cache(noEnv, noClient, pods),
  nodes: new Cache(noEnv, noClient, nodes),
  revisions: new Cache(noEnv, noClient, controllerRevisions),
});
const owner = ownedBy(daemonSets, 'log');
const meta = (name: string, more: object = {}) => ({
  name,
  namespace: 'default',
  uid: name,
  resourceVersion: '5',
  creationTimestamp: born,
  ...more,
});
const templateWith = (spec: object = {}) => ({
  metadata: { labels: { app: 'a' } },
  spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
});
const set = (spec: object = {}): DaemonSet =>
  ({
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: meta('log', { generation: 1 }),
    spec: {
      selector: { matchLabels: { app: 'a' } },
      template: templateWith(),
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } },
      ...spec,
    },
  }) as DaemonSet;
const revisionOf = (template: ReturnType<typeof templateWith>) =>
  ({
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: meta('log-new', {
      labels: { app: 'a', 'controller-revision-hash': 'new' },
      ownerReferences: [owner],
    }),
    data: templateData(template),
    revision: 1,
  }) as unknown as ControllerRevision;
const node = (name: string, spec: object = {}, labels: Readonly<Record<string, string>> = {}): Node =>
  ({ apiVersion: 'v1', kind: 'Node', metadata: { ...meta(name), labels }, spec }) as Node;
const pod = (name: string, on: string, facts: PodFacts & { readonly old?: boolean } = {}): Pod =>
  podOf(name, { owner, node: on, ...facts, labels: { 'controller-revision-hash': facts.old ? 'old' : 'new' } });

interface World {
  readonly failures?: ReadonlyMap<string, ReadonlyMap<string, Instant>>;
}
const planOf = (
  one: DaemonSet,
  on: readonly Node[],
  all: readonly Pod[] = [],
  { failures = new Map() }: World = {},
) => {
  const { template } = one.spec as unknown as { readonly template: ReturnType<typeof templateWith> };
  const fresh = { name: 'log-fresh', hash: 'fresh', collisionCount: 0 };
  const observed = { set: one, pods: all, nodes: on, revisions: [revisionOf(template)], fresh, failures };
  return controller.plan(observed, now, seeded('daemon'));
};
const words = (...world: Parameters<typeof planOf>) =>
  inWords(planOf(...world))
    .flat()
    .filter((word) => !word.startsWith('status') && !word.startsWith('tell Successful'));
const two = [node('n1'), node('n2')];

test('DaemonSetController makes a pod for every node without one, bound by nothing but its affinity', () => {
  assert.deepEqual(words(set(), two, [pod('a', 'n1')]), ['create pod log-']);
  const create = planOf(set(), two, [pod('a', 'n1')])
    .actions.flat()
    .find(({ verb }) => verb === 'create');
  const made = create?.verb === 'create' ? (create.object as unknown as Pod) : undefined;
  const required = { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n2'] }] }] };
  assert.deepEqual(made?.spec.affinity, { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: required } });
  assert.equal(made?.spec.nodeName, undefined);
  assert.equal(made?.spec.tolerations?.length, 6);
});

test('DaemonSetController chooses nodes by selector, affinity and taints', () => {
  const tainted = (effect: string) => node('n1', { taints: [{ key: 'k', effect }] });
  const tolerant = set({ template: templateWith({ tolerations: [{ key: 'k', operator: 'Exists' }] }) });
  const picky = set({ template: templateWith({ nodeSelector: { disk: 'ssd' } }) });
  const table: readonly [DaemonSet, Node, readonly Pod[], readonly string[]][] = [
    [set(), tainted('NoSchedule'), [], []],
    [set(), tainted('NoSchedule'), [pod('a', 'n1')], []],
    [set(), tainted('NoExecute'), [pod('a', 'n1')], ['delete pod a']],
    [set(), tainted('PreferNoSchedule'), [], ['create pod log-']],
    [
      set(),
      node('n1', { taints: [{ key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }] }),
      [],
      ['create pod log-'],
    ],
    [tolerant, tainted('NoSchedule'), [], ['create pod log-']],
    [picky, node('n1'), [], []],
    [picky, node('n1'), [pod('a', 'n1')], ['delete pod a']],
    [picky, node('n1', {}, { disk: 'ssd' }), [], ['create pod log-']],
  ];
  for (const [one, on, all, expected] of table) assert.deepEqual(words(one, [on], all), expected);
});

test('DaemonSetController replaces one node after another', () => {
  const old = [pod('a', 'n1', { old: true }), pod('b', 'n2', { old: true })];
  assert.deepEqual(words(set(), two, old), ['delete pod a']);
  const renewed = pod('c', 'n1', { ready: false });
  assert.deepEqual(words(set(), two, [renewed, pod('b', 'n2', { old: true })]), []);
  const broken = pod('b', 'n2', { old: true, ready: false });
  assert.deepEqual(words(set(), two, [pod('a', 'n1', { old: true }), broken]), ['delete pod b']);
  assert.deepEqual(words(set({ updateStrategy: { type: 'OnDelete' } }), two, old), []);
});

test('DaemonSetController with surge makes the new pod first', () => {
  const rollingUpdate = { maxUnavailable: 0, maxSurge: 1 };
  const surging = set({ updateStrategy: { type: 'RollingUpdate', rollingUpdate } });
  const old = [pod('a', 'n1', { old: true }), pod('b', 'n2', { old: true })];
  assert.deepEqual(words(surging, two, old), ['create pod log-']);
  assert.deepEqual(words(surging, two, [...old, pod('c', 'n1', { ready: false })]), []);
  assert.deepEqual(words(surging, two, [...old, pod('c', 'n1')]), ['delete pod a']);
});

test('DaemonSetController takes ended pods away, failed ones more and more rarely', () => {
  const failed = pod('a', 'n1', { phase: 'Failed' });
  assert.deepEqual(words(set(), [node('n1')], [failed]), ['tell FailedDaemonPod', 'delete pod a']);
  const lately = new Map([['n1', new Map([['x', (now - 400) as Instant]])]]);
  assert.equal(planOf(set(), [node('n1')], [failed], { failures: lately }).again, 600);
  const succeeded = pod('a', 'n1', { phase: 'Succeeded' });
  assert.deepEqual(words(set(), [node('n1')], [succeeded]), ['tell SucceededDaemonPod', 'delete pod a']);
  const twice = [pod('a', 'n1'), pod('b', 'n1')];
  assert.deepEqual(words(set(), [node('n1')], twice), ['delete pod b']);
});

test('DaemonSetController counts nodes, not pods', () => {
  const plan = planOf(set(), two, [pod('a', 'n1'), pod('b', 'n2', { ready: false })]);
  const action = plan.actions.flat().find(({ verb }) => verb === 'patch');
  assert.deepEqual(action?.verb === 'patch' && (action.patch as { readonly status: unknown }).status, {
    currentNumberScheduled: 2,
    numberMisscheduled: 0,
    desiredNumberScheduled: 2,
    numberReady: 1,
    observedGeneration: 1,
    updatedNumberScheduled: 2,
    numberAvailable: 1,
    numberUnavailable: 1,
  });
});
