import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError } from '../api/error.ts';
import { type Node, nodes } from '../api/kinds/node.ts';
import { type Pod, pods } from '../api/kinds/pod.ts';
import { fencingPromise } from '../api/node-link.ts';
import type { Env, Instant, Random } from '../base/env.ts';
import type { JsonObject } from '../base/json.ts';
import { Client } from '../client/client.ts';
import { Cache } from '../machinery/cache.ts';
import type { Answer } from '../machinery/controller.ts';
import { StatefulSetFencing } from './stateful-set-fencing.ts';

const unused = new Client(() => Promise.reject(new Error('a controller never calls')));
const make = () => new StatefulSetFencing(new Cache({} as Env, unused, pods), new Cache({} as Env, unused, nodes));
const created = '2026-01-01T00:00:00Z';
const pod = {
  metadata: {
    name: 'db-0',
    namespace: 'n',
    uid: 'p',
    resourceVersion: '1',
    creationTimestamp: created,
    deletionTimestamp: '2026-01-01T00:00:10Z',
    deletionGracePeriodSeconds: 30,
    ownerReferences: [{ apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'db', uid: 's', controller: true }],
  },
  spec: { nodeName: 'node-0', containers: [] },
} as unknown as Pod;
const node = (ready: string) =>
  ({
    metadata: { name: 'node-0', uid: 'n0', resourceVersion: '1', creationTimestamp: created },
    status: { conditions: [{ type: 'Ready', status: ready }] },
  }) as unknown as Node;
const link = (found: JsonObject, heard = true): Answer => ({ found: { heard, ...found } });
const promising = (runtimeVersion: string): Node => {
  const { metadata, status, ...rest } = node('Unknown');
  const annotations = fencingPromise(4_000, 'process://26');
  const nodeInfo = { containerRuntimeVersion: runtimeVersion };
  return { ...rest, metadata: { ...metadata, annotations }, status: { ...status, nodeInfo } };
};
const plan = (answer: Answer | undefined, of: Node | undefined = node('Unknown')) =>
  make().plan({ pod, node: of }, 0 as Instant, {} as Random, answer ? [answer] : []);

const cases: readonly { readonly name: string; readonly answer: Answer; readonly again?: number }[] = [
  { name: 'its agent never said that it ends them', answer: link({ ageMs: 60_000 }) },
  { name: 'the server has not heard of it', answer: link({ ageMs: 60_000 }, false) },
  { name: 'the server cannot say', answer: { error: new ApiError('Timeout', 'late') }, again: 1_000 },
  { name: 'its time is not over', answer: link({ ageMs: 3_000, fencedAfterMs: 4_000 }), again: 2_000 },
  { name: 'only the margin is left', answer: link({ ageMs: 4_999, fencedAfterMs: 4_000 }), again: 1_000 },
];
for (const { name, answer, again } of cases) {
  test(`a pod of a silent node stays where ${name}`, () => {
    assert.deepEqual(plan(answer), { actions: [], ...(again === undefined ? {} : { again }) });
  });
}

test('a pod goes once its agent must have ended it, and an event says why', () => {
  const { actions } = plan(link({ ageMs: 6_200, fencedAfterMs: 4_000 }));
  const [group = []] = actions;
  assert.deepEqual(
    group.map((action) => (action.verb === 'event' ? action.message : action.verb)),
    ['delete', 'Node node-0 has been silent for 6 s, so its agent has ended this pod: another may run'],
  );
  assert.deepEqual(group[0], {
    verb: 'delete',
    kind: pods,
    key: { namespace: 'n', name: 'db-0' },
    uid: 'p',
    graceSeconds: 0,
  });
});

test('of a node that answers nothing is asked', () => {
  assert.deepEqual(make().wants({ pod, node: node('True') }), []);
  assert.deepEqual(make().wants({ pod, node: node('Unknown') }), [{ path: '/mini-k8s/nodes/node-0/link' }]);
});

test('what the agent of a node has promised before holds for a server that has just started, from its start', () => {
  const { actions, again } = plan(link({ ageMs: 1_000 }, false), promising('process://26'));
  assert.deepEqual([actions, again], [[], 4_000]);
  const verbs = plan(link({ ageMs: 5_000 }, false), promising('process://26'))
    .actions.flat()
    .map(({ verb }) => verb);
  assert.deepEqual(verbs, ['delete', 'event']);
});

test('a promise does not hold for whoever keeps the node now, nor against what its agent says now', () => {
  assert.deepEqual(plan(link({ ageMs: 60_000 }, false), promising('containerd://2')), { actions: [] });
  assert.deepEqual(plan(link({ ageMs: 60_000 }), promising('process://26')), { actions: [] });
});
