import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from '../base/env.ts';
import { ImageCollector } from './image-collector.ts';
import type { Runtime } from './runtime.ts';

const space = (available: number) => ({ 'imagefs.available': { available, capacity: 1000 } });

function engine(images: Record<string, number>, own: readonly string[]) {
  let used: readonly string[] = [];
  const removed: string[] = [];
  const runtime = {
    list: async () => ({ sandboxes: [], containers: used.map((imageId) => ({ imageId })) }),
    images: {
      own: async () => own,
      list: async () => Object.entries(images).map(([id, bytes]) => ({ id, names: [], bytes })),
      remove: async (id: string) => {
        removed.push(id);
        delete images[id];
      },
    },
  };
  const use = (...ids: readonly string[]) => {
    used = ids;
  };
  return { runtime: runtime as unknown as Runtime, removed, use };
}

test('Images go when the disk fills up: those of ours that were used longest ago, until there is room', async () => {
  let now = 0;
  const { runtime, removed, use } = engine({ a: 60, b: 60, c: 60, users: 500 }, ['a', 'b', 'c']);
  const collector = new ImageCollector({ monotonic: () => now } as Clock, [runtime]);
  use('a', 'c');
  await collector.look(space(500));
  now = 60_000;
  use('c');
  await collector.look(space(500));
  now = 300_000;
  await collector.look(space(200));
  assert.deepEqual(removed, [], 'below the mark nothing goes');
  await collector.look(space(100));
  assert.deepEqual(removed, ['b', 'a']);
});

test('A node that runs short gives back what nobody uses at once, and says when there is nothing', async () => {
  const { runtime, removed, use } = engine({ a: 60, b: 60 }, ['a', 'b']);
  const collector = new ImageCollector({ monotonic: () => 0 } as Clock, [runtime]);
  use('b');
  assert.equal(await collector.reclaim(), true);
  assert.deepEqual(removed, ['a']);
  assert.equal(await collector.reclaim(), false);
});
