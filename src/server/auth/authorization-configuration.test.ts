import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Transport } from '../../api/wire.ts';
import type { JsonObject } from '../../base/json.ts';
import { SimClock } from '../../sim/clock.ts';
import type { Attributes } from '../attributes.ts';
import { Authorization } from './authorization.ts';
import { authorizationConfiguration, type WebhookChoice } from './authorization-configuration.ts';
import { WebhookAuthorizer } from './webhook.ts';

const head = { apiVersion: 'apiserver.config.k8s.io/v1', kind: 'AuthorizationConfiguration' };
const connectionInfo = { type: 'KubeConfigFile', kubeConfigFile: '/etc/hook' };
const plainHook = { timeout: '3s', subjectAccessReviewVersion: 'v1', failurePolicy: 'Deny', connectionInfo };
const withConditions = (...expressions: string[]) => ({
  ...plainHook,
  matchConditionSubjectAccessReviewVersion: 'v1',
  matchConditions: expressions.map((expression) => ({ expression })),
});
const read = (...authorizers: object[]) => authorizationConfiguration({ ...head, authorizers });
const readHook = (webhook: object) => read({ type: 'Webhook', name: 'hook', webhook })[0] as WebhookChoice;

const asked: Attributes = {
  caller: { name: 'jane', groups: ['dev'], extra: {} },
  ...{ verb: 'get', group: '', version: 'v1', resource: 'pods', subresource: '', namespace: 'a', name: 'x' },
};
const path: Attributes = { caller: asked.caller, verb: 'get', path: '/metrics' };

const drain = async () => {
  for (let turn = 0; turn < 20; turn++) await null;
};

/** A webhook with these rules that answers these statuses, one after another; without one it never answers. */
function hook(webhook: object, ...answers: JsonObject[]) {
  const heard: JsonObject[] = [];
  const clock = new SimClock();
  const transport: Transport = (request) => {
    heard.push((request.body as { readonly object: JsonObject }).object);
    const status = answers.shift();
    if (status) return Promise.resolve({ status: 200, body: { object: { status } } });
    return new Promise((_resolve, reject) => request.stop.onStop(() => reject(new Error('stopped'))));
  };
  const authorizer = new WebhookAuthorizer({ transport, clock, rules: readHook(webhook).rules });
  return { heard, clock, authorizer, verdict: async (what = asked) => (await authorizer.authorize(what)).verdict };
}

test('a configuration names who is asked, in its order, with the usual times where it names none', () => {
  const choices = read(
    { type: 'Webhook', name: 'first.example.com', webhook: { ...plainHook, authorizedTTL: '1m30s' } },
    { type: 'Node', name: 'node' },
    { type: 'RBAC', name: 'roles' },
  );
  assert.deepEqual(
    choices.map(({ type, name }) => `${type} ${name}`),
    ['Webhook first.example.com', 'Node node', 'RBAC roles'],
  );
  const { rules, kubeconfig } = choices[0] as WebhookChoice;
  assert.deepEqual(
    [kubeconfig, rules.allowedForMs, rules.refusedForMs, rules.timeoutMs],
    ['/etc/hook', 90_000, 30_000, 3_000],
  );
  assert.equal(readHook({ ...plainHook, cacheAuthorizedRequests: false }).rules.allowedForMs, 0);
});

test('what is not understood is refused with the place and what would be right', () => {
  const faults: readonly (readonly [() => unknown, RegExp])[] = [
    [() => authorizationConfiguration({ ...head, kind: 'Config' }), /^Error: kind must be AuthorizationConfiguration/],
    [() => authorizationConfiguration({ ...head, more: 1 }), /more: there is no such field/],
    [() => read(), /authorizers: at least one is needed/],
    [() => read({ type: 'ABAC', name: 'a' }), /authorizers\[0\]\.type: "ABAC" is none of Webhook, Node, RBAC/],
    [() => read({ type: 'RBAC', name: 'A B' }), /authorizers\[0\]\.name: "A B" is no name/],
    [
      () => read({ type: 'RBAC', name: 'a' }, { type: 'RBAC', name: 'b' }),
      /authorizers\[1\]\.type: RBAC stands there twice/,
    ],
    [
      () => read({ type: 'RBAC', name: 'a' }, { type: 'Node', name: 'a' }),
      /authorizers\[1\]\.name: "a" stands there twice/,
    ],
    [() => read({ type: 'RBAC', name: 'a', webhook: plainHook }), /webhook: only where the type is Webhook/],
    [() => read({ type: 'Webhook', name: 'a' }), /webhook: is needed/],
    [() => readHook({ ...plainHook, timeout: '31s' }), /webhook\.timeout: "31s" is not more than 0s and at most 30s/],
    [() => readHook({ ...plainHook, timeout: 'soon' }), /webhook\.timeout: "soon" is no duration/],
    [() => readHook({ ...plainHook, failurePolicy: 'Allow' }), /failurePolicy: "Allow" is neither NoOpinion nor Deny/],
    [() => readHook({ ...plainHook, subjectAccessReviewVersion: 'v2' }), /subjectAccessReviewVersion: "v2"/],
    [() => readHook({ ...plainHook, connectionInfo: { type: 'InClusterConfig' } }), /is not KubeConfigFile/],
    [() => readHook({ ...plainHook, retries: 3 }), /authorizers\[0\]\.webhook\.retries: there is no such field/],
    [() => readHook({ ...plainHook, matchConditions: [{ expression: 'true' }] }), /v1 is needed where there are/],
    [
      () => readHook(withConditions('request.users == "a"')),
      /matchConditions\[0\]\.expression: .*undefined field 'users'/,
    ],
    [() => readHook(withConditions('"text"')), /matchConditions\[0\]\.expression/],
    [() => readHook(withConditions('true', 'true')), /matchConditions\[1\]\.expression: stands there twice/],
  ];
  for (const [fault, message] of faults) assert.throws(fault, message);
});

test('a webhook is asked about what all of its conditions let through, and has no opinion on the rest', async () => {
  const { heard, verdict } = hook(
    withConditions(
      'has(request.resourceAttributes)',
      'request.resourceAttributes.namespace == "a" && !("admins" in request.groups)',
    ),
    { allowed: true },
  );
  assert.equal(await verdict(path), 'none');
  assert.equal(await verdict({ ...asked, namespace: 'b' }), 'none');
  assert.equal(await verdict({ ...asked, namespace: '' }), 'none');
  assert.equal(await verdict({ ...asked, caller: { ...asked.caller, groups: ['admins'] } }), 'none');
  assert.equal(heard.length, 0);
  assert.equal(await verdict(), 'allow');
  assert.equal(heard.length, 1);
});

test('a condition that fails is judged by the failure policy, unless another one says no', async () => {
  const fails = 'request.resourceAttributes.namespace == "a"';
  const strict = hook(withConditions(fails));
  assert.equal(await strict.verdict(path), 'deny');
  assert.equal(await hook({ ...withConditions(fails), failurePolicy: 'NoOpinion' }).verdict(path), 'none');
  assert.equal(await hook(withConditions(fails, 'request.user == "joe"')).verdict(path), 'none');
  assert.equal(strict.heard.length, 0);
});

test('a webhook that is silent for longer than its time denies or has no opinion, as its policy says', async () => {
  for (const [failurePolicy, wanted] of [
    ['Deny', 'deny'],
    ['NoOpinion', 'none'],
  ] as const) {
    const { clock, authorizer } = hook({ ...plainHook, failurePolicy });
    const waiting: Promise<unknown> = Promise.resolve(authorizer.authorize(asked));
    await clock.run(10_000, drain);
    assert.deepEqual(await waiting, { verdict: wanted, error: 'the webhook did not answer within 3 s' });
    const again = new Authorization([authorizer]).require(asked) as Promise<void>;
    const refused = assert.rejects(again, { reason: 'InternalError', message: /did not answer within 3 s/ });
    await clock.run(10_000, drain);
    await refused;
  }
});

test('what is not to be remembered is asked each time, and the older review names groups its own way', async () => {
  const { heard, verdict } = hook(
    { ...plainHook, subjectAccessReviewVersion: 'v1beta1', cacheUnauthorizedRequests: false },
    { allowed: false },
    { allowed: true },
  );
  assert.deepEqual([await verdict(), await verdict(), await verdict()], ['none', 'allow', 'allow']);
  assert.equal(heard.length, 2);
  assert.equal(heard[0]?.apiVersion, 'authorization.k8s.io/v1beta1');
  assert.deepEqual((heard[0] as { readonly spec: JsonObject }).spec.group, ['dev']);
});
