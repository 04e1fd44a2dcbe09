import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ApiRequest, type Caller, jsonType } from '../api/wire.ts';
import { decodeText, type JsonObject } from '../base/json.ts';
import { never } from '../base/stop.ts';
import { Client } from '../client/client.ts';
import { NodeGate } from './node-gate.ts';

const server: Caller = { name: 'kube-apiserver-kubelet-client', groups: ['system:masters'], extra: {} };
const clock = { now: () => 0 as never, monotonic: () => time, after: () => () => {} };
let time = 0;

/** An API server that knows one token, and lets masters do everything and eve read figures. */
function gate() {
  const reviews: JsonObject[] = [];
  const client = new Client(async ({ path, body }: ApiRequest) => {
    const review = (
      body && 'object' in body ? body.object : JSON.parse(decodeText(body?.bytes as never))
    ) as JsonObject;
    reviews.push(review);
    const spec = review.spec as JsonObject & { resourceAttributes: JsonObject; groups: readonly string[] };
    const status = path.endsWith('tokenreviews')
      ? spec.token === 'good'
        ? { authenticated: true, user: { username: 'eve', groups: ['a'] } }
        : { authenticated: false }
      : { allowed: spec.groups.includes('system:masters') || spec.resourceAttributes.subresource === 'stats' };
    return { status: 201, body: { object: { ...review, status } as never } };
  });
  const inside = async ({ caller }: ApiRequest) => ({ status: 200, body: { object: caller?.name ?? '' } });
  const { handle } = new NodeGate(clock, client, 'n', inside);
  const ask = async (path: string, more: Partial<ApiRequest> = {}) =>
    (await handle({ method: 'GET', path, query: [], headers: {}, stop: never, ...more })).status;
  return { ask, reviews };
}

const token = (text: string) => ({ headers: { authorization: `Bearer ${text}`, accept: jsonType } });

test('NodeGate lets in whom the cluster knows and allows, and nobody else', async () => {
  const { ask, reviews } = gate();
  assert.equal(await ask('/exec/a/web/main'), 401);
  assert.equal(await ask('/exec/a/web/main', token('bad')), 401);
  assert.equal(await ask('/exec/a/web/main', token('good')), 403);
  assert.equal(await ask('/stats/summary', token('good')), 200);
  assert.equal(await ask('/exec/a/web/main', { caller: server }), 200);
  const last = reviews.at(-1)?.spec as JsonObject;
  assert.deepEqual(last.resourceAttributes, {
    verb: 'get',
    version: 'v1',
    resource: 'nodes',
    subresource: 'proxy',
    name: 'n',
  });
});

test('NodeGate remembers an answer for a while only', async () => {
  const { ask, reviews } = gate();
  for (let times = 0; times < 3; times++) await ask('/pods', { caller: server });
  assert.equal(reviews.length, 1);
  time += 61_000;
  await ask('/pods', { caller: server });
  assert.equal(reviews.length, 2);
});
