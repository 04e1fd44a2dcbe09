import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Channel } from './channel.ts';
import { Stopped } from './env.ts';
import { StopSource } from './stop.ts';

async function drain<T>(channel: Channel<T>, into: T[]): Promise<void> {
  for await (const item of channel) into.push(item);
}

test('Channel delivers in order what was pushed before and while its consumer waits', async () => {
  const channel = new Channel<number>();
  channel.push(1);
  channel.push(2);
  assert.equal(channel.size, 2);
  const seen: number[] = [];
  const done = drain(channel, seen);
  for (let n = 3; n < 10; n++) {
    await Promise.resolve();
    channel.push(n);
  }
  channel.close();
  channel.push(10);
  await done;
  assert.deepEqual(seen, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.equal(channel.size, 0);
});

test('Channel delivers what was pushed before it throws the error it was closed with', async () => {
  const channel = new Channel<string>();
  channel.push('before');
  channel.close(new Error('broken'));
  channel.close();
  const seen: string[] = [];
  await assert.rejects(drain(channel, seen), /broken/);
  assert.deepEqual(seen, ['before']);
});

test('Channel closed by a stop throws Stopped at its waiting consumer', async () => {
  const stop = new StopSource();
  const done = drain(new Channel<number>().closeOn(stop), []);
  stop.stop();
  await assert.rejects(done, Stopped);
  await assert.rejects(drain(new Channel<number>().closeOn(stop), []), Stopped);
});
