import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError, statusOf } from '../api/error.ts';
import type { Pod } from '../api/kinds/pod.ts';
import type { ApiRequest } from '../api/wire.ts';
import type { Instant } from '../base/env.ts';
import { decodeText, type Json } from '../base/json.ts';
import { timestamp } from '../base/text.ts';
import { Client } from '../client/client.ts';
import { AccountTokens, tokenKey } from './account-tokens.ts';

const pod = {
  metadata: { name: 'web', namespace: 'shop', uid: 'u1' },
  spec: { serviceAccountName: 'robot', containers: [] },
} as unknown as Pod;
const source = { path: 'token', expirationSeconds: 1000 };

/** A server that gives tokens with numbers, while it is up. */
function world() {
  const at = { now: 0 as Instant, isUp: true };
  const asked: ApiRequest[] = [];
  const client = new Client(async (request) => {
    asked.push(request);
    if (!at.isUp) return { status: 503, body: { object: statusOf(new ApiError('ServiceUnavailable', 'down')) } };
    const expirationTimestamp = timestamp((at.now + 1_000_000) as Instant);
    return { status: 201, body: { object: { status: { token: `t${asked.length}`, expirationTimestamp } } } };
  });
  const clock = { now: () => at.now, monotonic: () => at.now, after: () => () => {} };
  const tokens = new AccountTokens(clock, client);
  const read = async () => decodeText((await tokens.of(pod, [source])).get(tokenKey(source)) ?? new Uint8Array());
  return { at, asked, tokens, read };
}

test('a token is asked for in the name of the pod and bound to it', async () => {
  const { asked, read } = world();
  assert.equal(await read(), 't1');
  const [request] = asked;
  assert.ok(request);
  assert.equal(request.path, '/api/v1/namespaces/shop/serviceaccounts/robot/token');
  const { spec } = (request.body as { readonly object: { readonly spec: Json } }).object;
  assert.deepEqual(spec, {
    audiences: [],
    expirationSeconds: 1000,
    boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'web', uid: 'u1' },
  });
});

test('a token is kept until most of its time is over', async () => {
  const { at, tokens, read } = world();
  await read();
  assert.equal(tokens.dueMs, 800_000);
  at.now = 799_999 as Instant;
  assert.deepEqual([tokens.isDue, await read()], [false, 't1']);
  at.now = 800_000 as Instant;
  assert.deepEqual([tokens.isDue, await read()], [true, 't2']);
});

test('an old token goes on while no new one is to be had, as long as it holds', async () => {
  const { at, asked, tokens, read } = world();
  await read();
  Object.assign(at, { isUp: false, now: 900_000 });
  assert.deepEqual([await read(), tokens.isDue, asked.length], ['t1', false, 2]);
  at.now = 910_000 as Instant;
  assert.deepEqual([tokens.isDue, await read(), asked.length], [true, 't1', 3]);
  at.now = 1_000_000 as Instant;
  await assert.rejects(read, /down/);
});
