import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimClock } from '../sim/clock.ts';
import { simEnv } from '../sim/env.ts';
import { seeded } from './random.ts';
import { SparingLog } from './sparing-log.ts';

test('ten lines are told in a second, and with the next one how many were left out', async () => {
  const clock = new SimClock();
  const lines: object[] = [];
  const info = (message: string, fields: object = {}) => void lines.push({ message, ...fields });
  const log = new SparingLog(
    simEnv({ clock, random: seeded('log'), log: { debug: assert.fail, info, error: assert.fail } }),
  );
  for (let count = 0; count < 25; count++) log.info('refused', { count });
  assert.deepEqual(
    lines,
    Array.from({ length: 10 }, (_none, count) => ({ message: 'refused', count })),
  );
  await clock.run(1_000, async () => {});
  log.info('refused', { count: 25 });
  log.info('refused', { count: 26 });
  assert.deepEqual(lines.slice(10), [
    { message: 'refused', count: 25, leftOutBefore: 15 },
    { message: 'refused', count: 26 },
  ]);
});
