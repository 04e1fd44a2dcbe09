import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiRequest } from '../api/wire.ts';
import type { Clock } from '../base/env.ts';
import { never } from '../base/stop.ts';
import { NodeLinks } from './node-links.ts';

let now = 0;
const clock = { monotonic: () => now } as Clock;
const ask = (links: NodeLinks, method: 'GET' | 'PUT', query: ApiRequest['query'] = []) => {
  const answer = links.answer({ method, path: '/mini-k8s/nodes/one/link', query, headers: {}, stop: never });
  return answer && 'body' in answer && 'object' in answer.body ? answer.body.object : undefined;
};

test('NodeLinks says how long ago a node was heard, and what its agent promised with that', () => {
  now = 1_000;
  const links = new NodeLinks(clock);
  ask(links, 'PUT', [['fencedAfterMs', '4000']]);
  now = 1_700;
  assert.deepEqual(ask(links, 'GET'), { heard: true, ageMs: 700, fencedAfterMs: 4_000 });
  ask(links, 'PUT', [['fencedAfterMs', 'soon']]);
  assert.deepEqual(ask(links, 'GET'), { heard: true, ageMs: 0 });
});

test('NodeLinks counts the silence of a node that it never heard from its own start', () => {
  now = 5_000;
  const links = new NodeLinks(clock);
  now = 7_500;
  assert.deepEqual(ask(links, 'GET'), { heard: false, ageMs: 2_500 });
});
