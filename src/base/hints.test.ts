import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { type Hint, Hints } from './hints.ts';
import { never, StopSource } from './stop.ts';

/** Everything that is still given to a listener. */
async function rest(listening: AsyncGenerator<Hint>): Promise<readonly string[]> {
  const ids: string[] = [];
  for await (const { id } of listening) ids.push(id);
  return ids;
}

test('Hints reach everybody who listens, until one stops or all are let go', async () => {
  const hints = new Hints();
  const stop = new StopSource();
  const stopped = rest(hints.listen(stop));
  const closed = rest(hints.listen(never));
  hints.give('a');
  stop.stop();
  hints.give('b');
  hints.close();
  deepEqual([await stopped, await closed], [['a'], ['a', 'b']]);
});

test('Hints are dropped for who does not take them', async () => {
  const hints = new Hints();
  const listening = rest(hints.listen(never));
  for (let at = 0; at < 1_500; at++) hints.give(`${at}`);
  hints.close();
  deepEqual((await listening).length, 1_000);
});
