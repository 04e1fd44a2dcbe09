import assert from 'node:assert/strict';
import { test } from 'node:test';
import { controllerRevisions } from './controller-revision.ts';
import { judgedBy } from './kind-rules.test-data.ts';
import { leases } from './lease.ts';
import { podDisruptionBudgets } from './pod-disruption-budget.ts';
import { priorityClasses } from './priority-class.ts';
import { runtimeClasses } from './runtime-class.ts';

const created: readonly (readonly [claim: string, kind: unknown, object: object, ...errors: readonly string[]])[] = [
  ['A revision has data', controllerRevisions, { revision: 1 }, 'data Required'],
  [
    'The data of a revision is an object',
    controllerRevisions,
    { data: 'x', revision: -1 },
    'data Required',
    'revision Invalid',
  ],
  [
    'A lease lasts at least a second',
    leases,
    { spec: { leaseDurationSeconds: 0 } },
    'spec.leaseDurationSeconds Invalid',
  ],
  ['A lease counts its holders', leases, { spec: { leaseTransitions: -1 } }, 'spec.leaseTransitions Invalid'],
  [
    'A budget counts in one way',
    podDisruptionBudgets,
    { spec: { minAvailable: 1, maxUnavailable: 1 } },
    'spec Invalid',
  ],
  ['A budget is a portion', podDisruptionBudgets, { spec: { minAvailable: '101%' } }, 'spec.minAvailable Invalid'],
  [
    'A budget evicts in a known way',
    podDisruptionBudgets,
    { spec: { unhealthyPodEvictionPolicy: 'x' } },
    'spec.unhealthyPodEvictionPolicy NotSupported',
  ],
  ['A priority is at most a billion', priorityClasses, { value: 1_000_000_001 }, 'value Forbidden'],
  [
    'A system priority is one of two',
    priorityClasses,
    { metadata: { name: 'system-x' }, value: 1 },
    'metadata.name Forbidden',
  ],
  [
    'A system priority has its own value',
    priorityClasses,
    { metadata: { name: 'system-node-critical' }, value: 2_000_001_000 },
  ],
  ['A priority preempts or not', priorityClasses, { preemptionPolicy: 'x' }, 'preemptionPolicy NotSupported'],
  ['A runtime has a handler', runtimeClasses, { handler: '' }, 'handler Required'],
  [
    'A runtime tolerates each thing once',
    runtimeClasses,
    { handler: 'a', scheduling: { tolerations: [{ operator: 'Exists' }, { operator: 'Exists' }, {}] } },
    'scheduling.tolerations[2].operator Invalid',
    'scheduling.tolerations[1] Duplicate',
  ],
];
for (const [claim, kind, object, ...errors] of created) {
  test(claim, () => assert.deepEqual(judgedBy(kind, object), errors));
}

const updated: readonly (readonly [
  claim: string,
  kind: unknown,
  next: object,
  previous: object,
  ...errors: readonly string[],
])[] = [
  ['The data of a revision stays', controllerRevisions, { data: {} }, { data: { a: 1 } }, 'data Invalid'],
  ['A priority stays', priorityClasses, { value: 2 }, { value: 1 }, 'value Forbidden'],
  ['Preemption stays', priorityClasses, { preemptionPolicy: 'Never' }, {}, 'preemptionPolicy Invalid'],
  ['A runtime keeps its handler', runtimeClasses, { handler: 'b' }, { handler: 'a' }, 'handler Invalid'],
];
for (const [claim, kind, next, previous, ...errors] of updated) {
  test(claim, () => assert.deepEqual(judgedBy(kind, next, previous), errors));
}

test('The name of a budget may be anything that a path can hold', () => {
  assert.deepEqual(podDisruptionBudgets.rules.validateName?.('Any_Name!', false), []);
  assert.equal(podDisruptionBudgets.rules.validateName?.('a/b', false).length, 1);
});

test('A budget counts nothing below zero in its status', () => {
  const status = { disruptionsAllowed: -1, currentHealthy: 0 };
  assert.deepEqual(judgedBy(podDisruptionBudgets, { status }, {}, 'status'), ['status.disruptionsAllowed Invalid']);
});
