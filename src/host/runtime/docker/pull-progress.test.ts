import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { followPull } from './pull-progress.ts';

const say = (stream: PassThrough, ...lines: readonly object[]) => {
  for (const line of lines) stream.write(`${JSON.stringify(line)}\r\n`);
};
const layer = (id: string, status: string, current?: number, total?: number) => ({
  id,
  status,
  progressDetail: current === undefined ? {} : { current, total },
});

test('A pull tells now and then how far it has come', async () => {
  const stream = new PassThrough();
  const told: string[] = [];
  const followed = followPull(stream, (text) => told.push(text), { tellMs: 20, stallMs: 10_000 });
  say(stream, { id: 'latest', status: 'Pulling from team/tool' });
  say(stream, layer('a', 'Already exists'), layer('b', 'Downloading', 2e6, 8e6), layer('c', 'Waiting'));
  while (told.length === 0) await sleep(5);
  say(stream, layer('b', 'Download complete'), layer('b', 'Extracting', 1, 2), layer('b', 'Pull complete'));
  for (const count = told.length; told.length <= count + 1; ) await sleep(5);
  stream.end();
  await followed;
  assert.equal(told[0], '1 of 3 layers complete, 2.0 of 8.0 MB downloaded');
  assert.equal(told.at(-1), '2 of 3 layers complete, 8.0 of 8.0 MB downloaded');
});

test('A pull fails with the last thing that the engine says', async () => {
  const stream = new PassThrough();
  const followed = followPull(stream, () => {});
  say(stream, layer('a', 'Waiting'), { error: 'manifest unknown', errorDetail: { message: 'manifest unknown' } });
  stream.end();
  await assert.rejects(followed, /^Error: manifest unknown$/);
});

test('A pull in which nothing happens any more is given up', async (context) => {
  const stream = new PassThrough();
  context.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  const outcome = followPull(stream, () => {}, { tellMs: 1_000_000, stallMs: 60_000 }).then(
    () => 'well',
    (error: Error) => error.message,
  );
  for (let count = 0; count < 3; count++) {
    context.mock.timers.tick(50_000);
    say(stream, layer('a', 'Downloading', count, 10));
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(stream.destroyed, false);
  }
  context.mock.timers.tick(60_000);
  assert.equal(await outcome, 'the pull made no progress for 60 s');
  assert.equal(stream.destroyed, true);
});
