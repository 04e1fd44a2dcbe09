import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pipe } from './pipe.ts';

const bytes = (size: number) => new Uint8Array(size);

test('Pipe gives what was written, in order, and then ends', async () => {
  const pipe = new Pipe();
  await pipe.write(Uint8Array.of(1));
  await pipe.write(Uint8Array.of(2, 3));
  pipe.end();
  await pipe.write(Uint8Array.of(4));
  const read: number[] = [];
  for await (const chunk of pipe) read.push(...chunk);
  assert.deepEqual(read, [1, 2, 3]);
});

test('Pipe makes its writer wait while too much is unread', async () => {
  const pipe = new Pipe();
  let written = 0;
  const writing = (async () => {
    for (let times = 0; times < 4; times++) {
      await pipe.write(bytes(200_000));
      written++;
    }
  })();
  await Promise.resolve();
  assert.equal(written, 1);
  const reader = pipe[Symbol.asyncIterator]();
  for (let times = 0; times < 4; times++) await reader.next();
  await writing;
  assert.equal(written, 4);
});

test('Pipe lets its writer go when nobody reads any more', async () => {
  const pipe = new Pipe();
  const writing = pipe.write(bytes(1_000_000));
  for await (const _ of pipe) break;
  await writing;
  await pipe.write(bytes(1_000_000));
});
