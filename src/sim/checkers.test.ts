import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiRequest, WatchEvent } from '../api/wire.ts';
import type { Json } from '../base/json.ts';
import { never } from '../base/stop.ts';
import type { Change, Entry } from '../store/store.ts';
import { PlacementChecker } from './check-placement.ts';
import { GenerationChecker, RevisionChecker, WatchChecker } from './check-store.ts';

const entry = (key: string, modified: number, value: Json = {}): Entry => ({ key, value, created: 1, modified });
const put = (now: Entry, previous?: Entry): Change => ({ type: 'put', entry: now, ...(previous ? { previous } : {}) });
const pod = (modified: number, node: string, cpu = '1') =>
  entry('/core/pods/default/web', modified, {
    metadata: { uid: 'u', name: 'web', resourceVersion: String(modified) },
    spec: { nodeName: node, containers: [{ name: 'main', resources: { requests: { cpu } } }] },
  });
const node = (modified: number) =>
  entry('/core/nodes/a', modified, {
    metadata: { uid: 'n', name: 'a' },
    status: { allocatable: { cpu: '2', pods: '10' } },
  });

test('revisions are caught when one is left out, and when two writes stand on the same value', () => {
  const checker = new RevisionChecker();
  const first = entry('/core/pods/default/web', 5);
  checker.commit(put(first));
  const second = entry(first.key, 6, { a: 1 });
  checker.commit(put(second, first));
  assert.throws(() => checker.commit(put(entry(first.key, 8), second)), /revision 8 follows 6/);
  assert.throws(() => checker.commit(put(entry(first.key, 7), first)), /was written over 5, not 6/);
});

test('a list that differs from the replay of all changes is caught', () => {
  const checker = new RevisionChecker();
  const web = entry('/core/pods/default/web', 5, { a: 1 });
  checker.commit(put(web));
  checker.compare([web]);
  assert.throws(() => checker.compare([]), /0 objects/);
  assert.throws(() => checker.compare([{ ...web, value: { a: 2 } }]), /is listed at 5/);
});

test('a watch is caught when it leaves out a change, repeats one, or goes back', () => {
  const request: ApiRequest = {
    method: 'GET',
    path: '/api/v1/pods',
    query: [
      ['watch', 'true'],
      ['resourceVersion', '4'],
    ],
    headers: {},
    stop: never,
  };
  const event = (revision: number) =>
    ({ type: 'ADDED', object: { metadata: { resourceVersion: String(revision) } } }) as unknown as WatchEvent;
  const checker = new WatchChecker();
  const see = checker.tap(request) as (event: WatchEvent) => void;
  for (const revision of [5, 6, 7]) checker.commit(put(pod(revision, '')));
  see(event(5));
  assert.throws(() => see(event(5)), /came after 5/);
  checker.verify();
  see(event(7));
  assert.throws(() => see(event(6)), /came after 7/);
  assert.throws(() => checker.verify(), /7 came, not 6/);
});

test('a write that changes nothing, and a generation without a new spec, are caught', () => {
  const checker = new GenerationChecker();
  const at = (modified: number, generation: number, image: string) =>
    entry('/apps/deployments/default/web', modified, { metadata: { uid: 'u', generation }, spec: { image } });
  checker.commit(put(at(6, 2, 'b'), at(5, 1, 'a')));
  assert.throws(() => checker.commit(put(at(7, 2, 'b'), at(6, 2, 'b'))), /written unchanged/);
  assert.throws(() => checker.commit(put(at(7, 3, 'b'), at(6, 2, 'b'))), /generation 3 for the same spec/);
  assert.throws(() => checker.commit(put(at(7, 1, 'c'), at(6, 2, 'b'))), /back to 1/);
});

test('a pod that moves, and a pod that does not fit, are caught', () => {
  const checker = new PlacementChecker();
  checker.commit(put(node(4)));
  checker.commit(put(pod(5, 'a')));
  assert.throws(() => checker.commit(put(pod(6, 'b'), pod(5, 'a'))), /web moved from a to b/);
  const full = new PlacementChecker();
  full.commit(put(node(4)));
  assert.throws(() => full.commit(put(pod(5, 'a', '2500m'))), /a carries 2500 of 2000 cpu with web/);
});
