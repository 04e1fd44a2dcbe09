import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Signals } from './eviction.ts';
import type { Threshold } from './eviction-settings.ts';
import { ShortageMemory } from './shortages.ts';

const memory = (available: number): Signals => ({ 'memory.available': { available, capacity: 1000 } });
const hard: Threshold = { signal: 'memory.available', below: { amount: 100 } };
const soft: Threshold = { signal: 'memory.available', below: { percent: 30 }, patienceMs: 60 };

const memoryOf = (...thresholds: readonly Threshold[]) => {
  const kept = new ShortageMemory({ thresholds, transitionMs: 300 });
  return (available: number, now: number) => {
    const { conditions, any, urgent } = kept.look(memory(available), now);
    return [[...conditions].join(' '), any, urgent.map(({ limit, isSoft }) => (isSoft ? `soft ${limit}` : limit))];
  };
};

test('A hard threshold is urgent at once; a soft one is told at once, and urgent when patience has ended', () => {
  const look = memoryOf(hard, soft);
  assert.deepEqual(look(300, 0), ['', false, []]);
  assert.deepEqual(look(299, 10), ['MemoryPressure', true, []]);
  assert.deepEqual(look(299, 69), ['MemoryPressure', true, []]);
  assert.deepEqual(look(299, 70), ['MemoryPressure', true, ['soft 300']]);
  assert.deepEqual(look(99, 80), ['MemoryPressure', true, [100, 'soft 300']]);
});

test('Patience begins anew when there was enough for a moment', () => {
  const look = memoryOf(soft);
  look(200, 0);
  look(500, 50);
  assert.deepEqual(look(200, 70), ['MemoryPressure', true, []]);
  assert.deepEqual(look(200, 130), ['MemoryPressure', true, ['soft 300']]);
});

test('What was short is not over before the minimum more can be had', () => {
  const look = memoryOf({ ...hard, reclaim: { amount: 50 } });
  assert.deepEqual(look(120, 0), ['', false, []]);
  assert.deepEqual(look(99, 1), ['MemoryPressure', true, [100]]);
  assert.deepEqual(look(149, 2), ['MemoryPressure', true, [100]]);
  assert.deepEqual(look(150, 3), ['MemoryPressure', false, []]);
  assert.deepEqual(look(120, 4), ['MemoryPressure', false, []]);
});

test('A condition stays for the transition period after it was last seen', () => {
  const look = memoryOf(hard);
  look(50, 0);
  assert.deepEqual(look(500, 300), ['MemoryPressure', false, []]);
  assert.deepEqual(look(500, 301), ['', false, []]);
});
