import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { writeAnswer } from './answer.ts';
import { limits } from './limits.ts';
import type { Outgoing } from './request.ts';

/** Takes everything at once, as a connection of the same machine does. */
class Sink extends Writable {
  readonly headersSent = true;
  readonly taken: Buffer[] = [];
  writeHead(): void {}
  flushHeaders(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.taken.push(chunk);
    done();
  }
}

const asked = { method: 'GET', headers: {} };
const chunks = Array.from({ length: 50 }, (_, n) => Buffer.alloc(limits.sliceBytes - 100, n));
const mediaType = 'application/vnd.kubernetes.protobuf';

test('A long answer in chunks is written a slice a turn, whole and in order, and others have theirs in between', async () => {
  const sink = new Sink() as Sink & Outgoing;
  let turns = 0;
  let isWriting = true;
  const other = () => {
    turns++;
    if (isWriting) setImmediate(other);
  };
  setImmediate(other);
  await writeAnswer(sink, asked, { status: 200, mediaType, chunks: [Buffer.from('head'), ...chunks] });
  isWriting = false;
  assert.ok(turns >= chunks.length, `${turns} turns`);
  assert.deepEqual(Buffer.concat(sink.taken), Buffer.concat([Buffer.from('head'), ...chunks]));
});

test('Nothing more is written to a reader who has gone', async () => {
  const sink = new Sink() as Sink & Outgoing;
  const writing = writeAnswer(sink, asked, { status: 200, mediaType, chunks });
  sink.destroy();
  await writing;
  assert.equal(sink.taken.length, 1);
});
