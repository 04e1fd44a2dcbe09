import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Kind } from '../api/kind.ts';
import type { WatchEvent } from '../api/wire.ts';
import type { Change } from '../store/store.ts';
import { seenAlike } from './seen-alike.ts';

const change: Change = { type: 'put', entry: { key: '/core/pods/a/b', value: {}, created: 2, modified: 2 } };
const [pods, otherPods] = [{ plural: 'pods' }, { plural: 'pods' }] as unknown as readonly [Kind, Kind];

test('watchers of one kind with one selection see one batch once, and are given the same array', () => {
  let looks = 0;
  const see = (): readonly WatchEvent[] => {
    looks++;
    return [];
  };
  const batch = [change];
  const first = seenAlike({ batch, kind: pods, by: 'app=a' }, see);
  assert.equal(seenAlike({ batch, kind: pods, by: 'app=a' }, see), first);
  assert.equal(looks, 1);
});

test('another selection, another version of the kind or another batch is looked at by itself', () => {
  let looks = 0;
  const see = (): readonly WatchEvent[] => {
    looks++;
    return [];
  };
  const batch = [change];
  for (const look of [
    { batch, kind: pods, by: 'app=a' },
    { batch, kind: pods, by: 'app=b' },
    { batch, kind: otherPods, by: 'app=a' },
    { batch: [change], kind: pods, by: 'app=a' },
  ]) {
    seenAlike(look, see);
  }
  assert.equal(looks, 4);
});
