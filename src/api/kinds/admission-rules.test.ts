import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgedBy } from './kind-rules.test-data.ts';
import { mutatingAdmissionPolicies } from './mutating-admission-policy.ts';
import { mutatingWebhooks } from './mutating-webhook.ts';
import { validatingAdmissionPolicies } from './validating-admission-policy.ts';
import { validatingAdmissionPolicyBindings } from './validating-admission-policy-binding.ts';
import { validatingWebhooks } from './validating-webhook.ts';

const rule = { operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] };
const hook = {
  name: 'a.example.com',
  rules: [rule],
  sideEffects: 'None',
  clientConfig: { url: 'https://example.com/judge' },
  admissionReviewVersions: ['v1'],
};
const hooks = (...webhooks: readonly object[]) => ({ webhooks: webhooks.map((given) => ({ ...hook, ...given })) });
const resources = (...names: readonly string[]) => hooks({ rules: [{ ...rule, resources: names }] });
const policy = (spec: object) => ({
  spec: { matchConstraints: { resourceRules: [rule] }, validations: [{ expression: 'true' }], ...spec },
});
const mutation = { patchType: 'JSONPatch', jsonPatch: { expression: '[]' } };
const mutating = (spec: object) => ({
  spec: { matchConstraints: { resourceRules: [rule] }, mutations: [mutation], reinvocationPolicy: 'Never', ...spec },
});
const binding = (spec: object) => ({ spec: { policyName: 'p', validationActions: ['Deny'], ...spec } });

type Case = readonly [claim: string, kind: unknown, object: object, ...errors: readonly string[]];
const created: readonly Case[] = [
  ['A webhook may be plain', validatingWebhooks, hooks({})],
  [
    'A webhook needs a name of three parts, a client, side effects and versions',
    validatingWebhooks,
    { webhooks: [{ name: 'a.b' }] },
    'webhooks[0].name Invalid',
    'webhooks[0].sideEffects Required',
    'webhooks[0].clientConfig Required',
    'webhooks[0].admissionReviewVersions Required',
  ],
  ['Webhooks have different names', validatingWebhooks, hooks({}, {}), 'webhooks[1].name Duplicate'],
  [
    'A webhook is asked in a version that the server speaks, each named once',
    validatingWebhooks,
    hooks({ admissionReviewVersions: ['v9', 'v9'] }),
    'webhooks[0].admissionReviewVersions[1] Invalid',
    'webhooks[0].admissionReviewVersions Invalid',
  ],
  [
    'An address of a webhook is https and nothing but host and path',
    validatingWebhooks,
    hooks({ clientConfig: { url: 'http://me@example.com/?a=b#c' } }),
    'webhooks[0].clientConfig.url Invalid',
    'webhooks[0].clientConfig.url Invalid',
    'webhooks[0].clientConfig.url Invalid',
    'webhooks[0].clientConfig.url Invalid',
  ],
  [
    'An address of a webhook must be one',
    validatingWebhooks,
    hooks({ clientConfig: { url: 'https://a b' } }),
    'webhooks[0].clientConfig.url Required',
  ],
  [
    'What a service of a webhook lacks is told at the other place, as upstream does',
    validatingWebhooks,
    hooks({ clientConfig: { service: { namespace: 'n', path: '/a//b', port: 70_000 } } }),
    'webhooks[0].clientConfig.service.namespace Required',
    'webhooks[0].clientConfig.service.port Invalid',
    'webhooks[0].clientConfig.service.path Invalid',
  ],
  ['A wildcard stands alone', validatingWebhooks, resources('*/*', 'pods'), 'webhooks[0].rules[0].resources Invalid'],
  [
    'Nothing that a wildcard covers stands beside it',
    validatingWebhooks,
    resources('pods/*', 'pods/log', '*/status', 'nodes/status'),
    'webhooks[0].rules[0].resources[1] Invalid',
    'webhooks[0].rules[0].resources[3] Invalid',
  ],
  [
    'A mutating webhook is asked again or never',
    mutatingWebhooks,
    hooks({ reinvocationPolicy: 'x' }),
    'webhooks[0].reinvocationPolicy NotSupported',
  ],
  ['A policy may be plain', validatingAdmissionPolicies, policy({})],
  [
    'A policy must match and check something',
    validatingAdmissionPolicies,
    { spec: {} },
    'spec.matchConstraints Required',
    'spec.validations Required',
    'spec.auditAnnotations Required',
  ],
  [
    'A reason, a message and a variable have their forms',
    validatingAdmissionPolicies,
    policy({
      validations: [{ expression: 'true', message: 'a\nb', reason: 'Unauthorized' }],
      variables: [{ name: 'in', expression: '' }],
    }),
    'spec.variables[0].name Invalid',
    'spec.variables[0].expression Required',
    'spec.validations[0].message Invalid',
    'spec.validations[0].reason NotSupported',
  ],
  [
    'A kind of parameters has a version and a name',
    validatingAdmissionPolicies,
    policy({ paramKind: { apiVersion: 'a_b/V1', kind: 'A b' } }),
    'spec.paramKind.apiVersion Invalid',
    'spec.paramKind.apiVersion Invalid',
    'spec.paramKind.kind Invalid',
  ],
  [
    'A mutating policy cannot change what is deleted',
    mutatingAdmissionPolicies,
    mutating({ matchConstraints: { resourceRules: [{ ...rule, operations: ['DELETE'] }] } }),
    'spec.matchConstraints.resourceRules.operations NotSupported',
  ],
  [
    'A mutation holds the form that its type names, and no other',
    mutatingAdmissionPolicies,
    mutating({ mutations: [{ ...mutation, patchType: 'ApplyConfiguration' }, {}] }),
    'spec.mutations[0].applyConfiguration Required',
    'spec.mutations[0].jsonPatch Invalid',
    'spec.mutations[1].patchType Required',
  ],
  [
    'A binding names its parameters in one way, and says what if there are none',
    validatingAdmissionPolicyBindings,
    binding({ paramRef: { name: 'a', selector: {} } }),
    'spec.paramRef.name Forbidden',
    'spec.paramRef.selector Forbidden',
    'spec.paramRef.parameterNotFoundAction Required',
  ],
  [
    'A binding does not deny and warn',
    validatingAdmissionPolicyBindings,
    binding({ validationActions: ['Deny', 'Warn', 'Warn'] }),
    'spec.validationActions[2] Duplicate',
    'spec.validationActions Invalid',
  ],
];
for (const [claim, kind, object, ...errors] of created) {
  test(claim, () => assert.deepEqual(judgedBy(kind, object), errors));
}

test('A stored webhook with side effects may keep them, a new one may not have any', () => {
  const loud = hooks({ sideEffects: 'Some' });
  assert.deepEqual(judgedBy(validatingWebhooks, loud), ['webhooks[0].sideEffects NotSupported']);
  assert.deepEqual(judgedBy(validatingWebhooks, loud, loud), []);
});
