import assert from 'node:assert/strict';
import { test } from 'node:test';
import { builtInKinds } from '../api/kinds/all.ts';
import type { ApiRequest } from '../api/wire.ts';
import type { Labels } from '../base/env.ts';
import { StopSource } from '../base/stop.ts';
import { KindRegistry } from './kinds.ts';
import { RequestFigures } from './request-figures.ts';
import { routeOf } from './route.ts';

const kinds = new KindRegistry(builtInKinds);

function counting() {
  const seen: string[] = [];
  const note = (name: string, labels: Labels = {}, value: number | string = '') =>
    seen.push(`${name}{${Object.values(labels).join(' ')}}${value}`);
  const figures = new RequestFigures({
    metrics: {
      count: (name, labels) => note(name, labels),
      gauge: (name, value, labels) => note(name, labels, value),
      observe: (name, _value, labels) => note(name, labels),
    },
  });
  return { figures, seen };
}

test('a request is counted under the names of upstream, each kind of request with the same labels', () => {
  const { figures, seen } = counting();
  const ask = {
    method: 'GET',
    path: '/api/v1/namespaces/a/endpoints/b',
    query: [],
    headers: {},
    stop: new StopSource(),
  };
  const request = ask as ApiRequest;
  const response = { status: 200, chunks: [new Uint8Array(5)], mediaType: 'application/json' };
  figures.count({ request, route: routeOf(request, kinds), response, tookMs: 3 });
  assert.deepEqual(seen, [
    'apiserver_request_total{apiserver GET  v1 endpoints  resource 200 }',
    'apiserver_request_duration_seconds{apiserver GET  v1 endpoints  resource}',
    'apiserver_request_sli_duration_seconds{apiserver GET  v1 endpoints  resource}',
    'apiserver_response_sizes{apiserver GET  v1 endpoints  resource}',
    'apiserver_requested_deprecated_apis{ v1 endpoints  }1',
  ]);
});

test('an open watch is counted until its client is gone, and what a client makes up is no label', () => {
  const { figures, seen } = counting();
  const stop = new StopSource();
  const path = '/api/v1/pods';
  const request: ApiRequest = { method: 'GET', path, query: [['watch', '1']], headers: {}, stop };
  const watch = { onBatch: () => {}, onEnd: () => {} };
  figures.count({
    request,
    route: routeOf(request, kinds),
    response: { status: 200, watch, mediaType: 'application/json' },
    tookMs: 1,
  });
  stop.stop();
  const strange = { ...request, path: '/made-up-by-somebody', query: [] };
  figures.count({
    request: strange,
    route: undefined,
    response: { status: 404, chunks: [], mediaType: '' },
    tookMs: 1,
  });
  assert.deepEqual(seen.slice(0, 4), [
    'apiserver_request_total{apiserver WATCH  v1 pods  cluster 200 }',
    'apiserver_longrunning_requests{apiserver WATCH  v1 pods  cluster}1',
    'apiserver_longrunning_requests{apiserver WATCH  v1 pods  cluster}0',
    'apiserver_request_total{apiserver GET      404 }',
  ]);
});

test('How much is sent to a resource is told, and nothing of what is sent elsewhere', () => {
  const { figures, seen } = counting();
  const body = { bytes: new Uint8Array(9), mediaType: 'application/json' };
  for (const path of ['/api/v1/namespaces/a/pods', '/nowhere/at/all']) {
    const request: ApiRequest = { method: 'POST', path, query: [], headers: {}, body, stop: new StopSource() };
    const route = path === '/nowhere/at/all' ? undefined : routeOf(request, kinds);
    figures.count({ request, route, response: { status: 201, body: { object: {} } }, tookMs: 1 });
  }
  const sizes = seen.filter((text) => text.startsWith('apiserver_request_body_size_bytes'));
  assert.deepEqual(sizes, ['apiserver_request_body_size_bytes{ pods create}']);
});
