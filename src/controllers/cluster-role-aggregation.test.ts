import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ClusterRole, clusterRoles } from '../api/kinds/cluster-role.ts';
import type { Env } from '../base/env.ts';
import type { Json } from '../base/json.ts';
import { act } from '../client/action.ts';
import { Client } from '../client/client.ts';
import { Cache } from '../machinery/cache.ts';
import { nothing } from '../machinery/controller.ts';
import { ClusterRoleAggregationController } from './cluster-role-aggregation.ts';

const unused = new Client(() => Promise.reject(new Error('a plan sends nothing')), { name: '', groups: [], extra: {} });
const controller = new ClusterRoleAggregationController(new Cache({} as Env, unused, clusterRoles));
const rule = (resource: string): Json => ({ verbs: ['get'], apiGroups: [''], resources: [resource] });
const role = (name: string, rules: readonly Json[]): ClusterRole =>
  ({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name, uid: name, resourceVersion: '1', creationTimestamp: '' },
    rules,
  }) as unknown as ClusterRole;
const plan = (held: readonly Json[], parts: readonly ClusterRole[]) =>
  controller.plan({ role: role('whole', held), parts });
const writes = (rules: readonly Json[]) => ({
  actions: [[act({ verb: 'patch', kind: clusterRoles, key: { namespace: '', name: 'whole' }, patch: { rules } })]],
});

test('an aggregated role takes the rules of its parts, in their order, each once', () => {
  const parts = [role('a', [rule('pods'), rule('secrets')]), role('b', [rule('secrets'), rule('nodes')])];
  assert.deepEqual(plan([], parts), writes([rule('pods'), rule('secrets'), rule('nodes')]));
});

test('an aggregated role loses what no part has any more, and what somebody wrote into it', () => {
  assert.deepEqual(plan([rule('pods'), rule('stolen')], [role('a', [rule('pods')])]), writes([rule('pods')]));
  assert.deepEqual(plan([rule('pods')], []), writes([]));
});

test('an aggregated role that is as its parts are is left alone', () => {
  assert.deepEqual(plan([rule('pods')], [role('a', [rule('pods')])]), nothing);
});
