import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type NetworkPolicy, networkPolicies } from '../api/kinds/network-policy.ts';
import { type Node, nodes } from '../api/kinds/node.ts';
import { policiesEnforcedLabel } from '../api/policy-enforcement.ts';
import { Cache } from '../machinery/cache.ts';
import { NetworkPolicyNoticeController } from './network-policy-notice.ts';
import { noClient, noEnv } from './plan.test-data.ts';

const meta = (name: string) => ({ name, uid: name, resourceVersion: '1', creationTimestamp: '' });
const node = (name: string, enforced?: string): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { ...meta(name), labels: enforced === undefined ? {} : { [policiesEnforcedLabel]: enforced } },
  spec: {},
});
const policy: NetworkPolicy = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { ...meta('deny'), namespace: 'shop' },
  spec: {},
};

test('NetworkPolicyNoticeController names the nodes where a policy does not hold, and is silent where it does', () => {
  const controller = new NetworkPolicyNoticeController(
    new Cache(noEnv, noClient, networkPolicies),
    new Cache(noEnv, noClient, nodes),
  );
  const told = (...given: readonly Node[]) =>
    controller
      .plan({ policy, nodes: given })
      .actions.flat()
      .map((action) => (action.verb === 'event' ? action.message : action.verb));
  assert.deepEqual(told(node('a'), node('b', 'true')), []);
  assert.deepEqual(told(node('a', 'true'), node('b', 'false')), [
    'NetworkPolicy is not enforced on node b: it takes containers, root on Linux and the tool nft',
  ]);
  assert.deepEqual(told(...['e', 'd', 'c', 'b', 'a'].map((name) => node(name, 'false'))), [
    'NetworkPolicy is not enforced on nodes a, b, c and 2 more: it takes containers, root on Linux and the tool nft',
  ]);
});
