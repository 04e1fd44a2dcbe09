import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Instant } from '../../base/env.ts';
import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { flowSchemas } from './flow-schema.ts';
import { mutatingAdmissionPolicyBindings } from './mutating-admission-policy-binding.ts';
import { nodes } from './node.ts';
import { priorityLevels } from './priority-level.ts';
import { validatingAdmissionPolicyBindings } from './validating-admission-policy-binding.ts';

const made = (name: string, part: object): KubeObject => ({ metadata: { name }, ...part }) as unknown as KubeObject;

/** What a table shows of an object, by the names of the columns. */
function shown(kind: unknown, part: object): Readonly<Record<string, unknown>> {
  const { rules } = kind as Kind;
  const cells = rules.cells?.(made('a', part), 0 as Instant) ?? [];
  return Object.fromEntries((rules.columns ?? []).map(({ name }, index) => [name, cells[index]]));
}

test('A binding of a policy is shown with its parameters, by their name or by what selects them', () => {
  const paramOf = (paramRef?: object) =>
    [validatingAdmissionPolicyBindings, mutatingAdmissionPolicyBindings].map(
      (kind) => shown(kind, { spec: { policyName: 'p', paramRef } }).ParamRef,
    );
  const both = (text: string) => [text, text];
  assert.deepEqual(paramOf(), both('<unset>'));
  assert.deepEqual(paramOf({ name: 'n' }), both('*/n'));
  assert.deepEqual(paramOf({ name: 'n', namespace: 's' }), both('s/n'));
  const selector = {
    matchLabels: { b: '2', a: '1' },
    matchExpressions: [{ key: 'k', operator: 'In', values: ['x', 'y'] }],
  };
  const expression = 'LabelSelectorRequirement{Key:k,Operator:In,Values:[x y],},';
  const text = `&LabelSelector{MatchLabels:map[string]string{a: 1,b: 2,},MatchExpressions:[]LabelSelectorRequirement{${expression}},}`;
  assert.deepEqual(paramOf({ selector }), both(text));
});

test('A node is shown with its kernel and what that runs on', () => {
  const kernelOf = (nodeInfo: object) => shown(nodes, { status: { nodeInfo } })['Kernel-Version'];
  assert.equal(kernelOf({}), '<unknown>');
  assert.equal(kernelOf({ kernelVersion: '6.1', architecture: 'arm64' }), '6.1 (arm64)');
});

test('What is exempt has no shares', () => {
  const sharesOf = (spec: object) => shown(priorityLevels, { spec }).NominalConcurrencyShares;
  assert.equal(sharesOf({ type: 'Exempt', exempt: { nominalConcurrencyShares: 0 } }), '<none>');
  assert.equal(sharesOf({ type: 'Limited', limited: { nominalConcurrencyShares: 0 } }), 0);
});

test('Flow schemas are shown in the order in which they are asked, then by name', () => {
  const schema = (name: string, matchingPrecedence: number) => made(name, { spec: { matchingPrecedence } });
  const { tableOrder } = (flowSchemas as unknown as Kind).rules;
  const ordered = [schema('c', 1), schema('b', 2), schema('a', 2), schema('d', 0)].toSorted(tableOrder);
  assert.deepEqual(
    ordered.map(({ metadata }) => metadata.name),
    ['d', 'c', 'a', 'b'],
  );
});
