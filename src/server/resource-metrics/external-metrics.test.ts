import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiRequest, ApiResponse } from '../../api/wire.ts';
import { encodeText, type Json, type JsonObject } from '../../base/json.ts';
import { seeded } from '../../base/random.ts';
import { never } from '../../base/stop.ts';
import { jsonOf } from '../../client/client.ts';
import { SimClock } from '../../sim/clock.ts';
import { simEnv } from '../../sim/env.ts';
import { ExternalMetrics } from './external-metrics.ts';

const root = '/apis/external.metrics.k8s.io/v1beta1/namespaces/default';

/** A Prometheus that notes what it is asked. */
function world(answer: Json) {
  const asked: string[] = [];
  const prometheus = async ({ query }: ApiRequest): Promise<ApiResponse> => {
    asked.push(query.find(([name]) => name === 'query')?.[1] ?? '');
    return { status: 200, body: { bytes: encodeText(JSON.stringify(answer)), mediaType: 'application/json' } };
  };
  const metrics = new ExternalMetrics(simEnv({ clock: new SimClock(), random: seeded('prometheus') }), prometheus);
  const get = async (path: string) => {
    const [bare = '', query = ''] = path.split('?');
    const pairs = [...new URLSearchParams(query)] as [string, string][];
    return (await jsonOf(
      await metrics.answer({ method: 'GET', path: bare, query: pairs, headers: {}, stop: never }),
    )) as JsonObject;
  };
  return { asked, get };
}
const vector = (...result: readonly Json[]): Json => ({ status: 'success', data: { resultType: 'vector', result } });
const depth = (queue: string, value: string): Json => ({
  metric: { __name__: 'queue_depth', queue },
  value: [1_767_225_600.5, value],
});

test('an external metric is the series of its name, each with its labels', async () => {
  const { asked, get } = world(vector(depth('a', '12.5'), depth('b', '3'), depth('c', 'NaN')));
  const { kind, items } = await get(`${root}/queue_depth`);
  assert.equal(kind, 'ExternalMetricValueList');
  const at = { metricName: 'queue_depth', timestamp: '2026-01-01T00:00:00Z' };
  assert.deepEqual(items, [
    { ...at, metricLabels: { queue: 'a' }, value: '12500m' },
    { ...at, metricLabels: { queue: 'b' }, value: '3' },
  ]);
  assert.deepEqual(asked, ['queue_depth{}']);
});

const selectors: readonly (readonly [string, string])[] = [
  ['queue=a,env!=test', 'queue_depth{queue="a",env!="test"}'],
  ['queue in (a,b.c)', 'queue_depth{queue=~"a|b\\\\.c"}'],
  ['queue notin (a,b)', 'queue_depth{queue!~"a|b"}'],
  ['queue,!old', 'queue_depth{queue!="",old=""}'],
];
for (const [selector, query] of selectors) {
  test(`a selector is told in the words of Prometheus: ${selector}`, async () => {
    const { asked, get } = world(vector());
    await get(`${root}/queue_depth?labelSelector=${encodeURIComponent(selector)}`);
    assert.deepEqual(asked, [query]);
  });
}

test('what Prometheus refuses is refused, with its words', async () => {
  const { get } = world({ status: 'error', error: 'too many samples' });
  await assert.rejects(get(`${root}/queue_depth`), /Prometheus refused the query: too many samples/);
});

test('a name that no metric can have is not asked for', async () => {
  const { asked, get } = world(vector());
  await assert.rejects(get(`${root}/up%7B%7D`), { reason: 'NotFound' });
  assert.deepEqual(asked, []);
});
