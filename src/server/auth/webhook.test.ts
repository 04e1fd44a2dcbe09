import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Transport } from '../../api/wire.ts';
import type { JsonObject } from '../../base/json.ts';
import { SimClock } from '../../sim/clock.ts';
import type { ResourceAttributes } from '../attributes.ts';
import { WebhookAuthorizer, WebhookTokens } from './webhook.ts';

const drain = () => Promise.resolve();
const asked: ResourceAttributes = {
  caller: { name: 'jane', groups: ['dev'], extra: { scopes: ['a'] } },
  verb: 'list',
  group: '',
  version: 'v1',
  resource: 'pods',
  subresource: '',
  namespace: 'a',
  name: '',
  fields: [{ field: 'spec.nodeName', equal: true, value: 'one' }],
};

/** A webhook that answers these, one after another, and what it was asked. */
function webhook(...answers: (JsonObject | number)[]) {
  const heard: JsonObject[] = [];
  const transport: Transport = async (request) => {
    heard.push((request.body as { readonly object: JsonObject }).object);
    const answer = answers.shift() ?? 500;
    if (typeof answer === 'number') return { status: answer, body: { object: {} } };
    return { status: 200, body: { object: { status: answer } } };
  };
  return { heard, clock: new SimClock(), transport };
}

test('a webhook is told who asks for what, selectors too, and its answer is the decision', async () => {
  const { heard, ...options } = webhook({ allowed: true, reason: 'may' });
  const decision = await new WebhookAuthorizer(options).authorize(asked);
  assert.deepEqual(decision, { verdict: 'allow', reason: 'may' });
  assert.deepEqual(heard[0]?.spec, {
    user: 'jane',
    groups: ['dev'],
    extra: { scopes: ['a'] },
    resourceAttributes: {
      namespace: 'a',
      verb: 'list',
      version: 'v1',
      resource: 'pods',
      fieldSelector: { requirements: [{ key: 'spec.nodeName', operator: 'In', values: ['one'] }] },
    },
  });
});

test('a webhook that denies is final, one that fails or contradicts itself allows nothing', async () => {
  const verdict = async (...answers: (JsonObject | number)[]) =>
    (await new WebhookAuthorizer(webhook(...answers)).authorize(asked)).verdict;
  assert.equal(await verdict({ denied: true }), 'deny');
  assert.equal(await verdict({ allowed: false }), 'none');
  assert.equal(await verdict({ allowed: true, denied: true }), 'none');
  assert.equal(await verdict(500, 500, 500), 'none');
  assert.equal(await verdict({ allowed: 'true' }), 'none');
  assert.equal(await verdict(500, { allowed: true }), 'allow');
});

test('what a webhook said is remembered for a while, a refusal for less', async () => {
  const { heard, ...options } = webhook({ allowed: false }, { allowed: true }, { allowed: false });
  const authorizer = new WebhookAuthorizer(options);
  const verdict = async () => (await authorizer.authorize(asked)).verdict;
  assert.deepEqual([await verdict(), await verdict()], ['none', 'none']);
  await options.clock.run(31_000, drain);
  assert.deepEqual([await verdict(), await verdict()], ['allow', 'allow']);
  await options.clock.run(299_000, drain);
  assert.equal(await verdict(), 'allow');
  await options.clock.run(2_000, drain);
  assert.equal(await verdict(), 'none');
  assert.equal(heard.length, 3);
});

test('a token that a webhook knows is for the audiences that it names, and for nobody where it names none', async () => {
  const user = { username: 'jane', groups: ['dev'] };
  const known = async (status: JsonObject) => new WebhookTokens(webhook(status)).verify('secret', ['api', 'x']);
  assert.deepEqual(await known({ authenticated: true, user, audiences: ['api', 'other'] }), {
    caller: { name: 'jane', groups: ['dev'], extra: {} },
    audiences: ['api'],
  });
  assert.equal(await known({ authenticated: true, user }), undefined);
  assert.equal(await known({ authenticated: true, user: { username: '' }, audiences: ['api'] }), undefined);
  assert.deepEqual(await known({ authenticated: false, error: 'unknown' }), { error: 'unknown' });
});
