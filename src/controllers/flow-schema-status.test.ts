import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FlowSchema, flowSchemas } from '../api/kinds/flow-schema.ts';
import { priorityLevels } from '../api/kinds/priority-level.ts';
import type { Env, Instant } from '../base/env.ts';
import { act } from '../client/action.ts';
import { Client } from '../client/client.ts';
import { Cache } from '../machinery/cache.ts';
import { nothing } from '../machinery/controller.ts';
import { FlowSchemaStatusController } from './flow-schema-status.ts';

const unused = new Client(() => Promise.reject(new Error('a plan sends nothing')), { name: '', groups: [], extra: {} });
const cacheOf = (kind: typeof flowSchemas) => new Cache({} as Env, unused, kind);
const controller = new FlowSchemaStatusController(cacheOf(flowSchemas), cacheOf(priorityLevels));
const now = Date.parse('2026-01-01T00:00:00Z') as Instant;
const found = 'This FlowSchema references the PriorityLevelConfiguration object named "calm"';
const lost = { type: 'Dangling', status: 'True', reason: 'NotFound', message: `${found} but there is no such object` };
const there = { type: 'Dangling', status: 'False', reason: 'Found', message: `${found} and it exists` };
const schemaWith = (...conditions: readonly object[]): FlowSchema => ({
  apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
  kind: 'FlowSchema',
  metadata: { name: 's', uid: 's', resourceVersion: '1', creationTimestamp: '' },
  spec: { priorityLevelConfiguration: { name: 'calm' } },
  status: { conditions },
});
const planned = (hasLevel: boolean, ...conditions: readonly object[]) =>
  controller.plan({ schema: schemaWith(...conditions), level: 'calm', hasLevel }, now);
const says = (...conditions: readonly object[]) => {
  const patch = { status: { conditions } } as never;
  const key = { namespace: '', name: 's' };
  return { actions: [[act({ verb: 'patch', kind: flowSchemas, key, patch, subresource: 'status' })]] };
};

test('a flow schema says whether its level is there, from then on, beside what others say of it', () => {
  const lastTransitionTime = '2026-01-01T00:00:00Z';
  assert.deepEqual(planned(true), says({ ...there, lastTransitionTime }));
  const other = { type: 'Other', status: 'True' };
  assert.deepEqual(planned(false, there, other), says(other, { ...lost, lastTransitionTime }));
});

test('a flow schema that says it already is left alone', () => {
  assert.deepEqual(planned(true, { ...there, lastTransitionTime: '2025-01-01T00:00:00Z' }), nothing);
  assert.deepEqual(planned(false, lost), nothing);
});
