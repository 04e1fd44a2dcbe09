import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chaos } from './chaos.ts';

const drain = () => new Promise<void>((resolve) => process.nextTick(resolve));
const run = (seed: string, encoded = false) => chaos({ seed, drain, nodes: 3, deployments: 3, minutes: 2, encoded });

test('the same seed gives the same history, commit by commit, and another seed another', async () => {
  const first = await run('one');
  assert.ok(first.commits > 100, `${first.commits} commits`);
  assert.deepEqual(await run('one'), first);
  assert.notEqual((await run('two')).fingerprint, first.fingerprint);
  // Also where objects are not handed over, but cross as bytes.
  assert.deepEqual(await run('one', true), first);
});
