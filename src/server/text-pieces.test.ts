import assert from 'node:assert/strict';
import { test } from 'node:test';
import { collected } from '../api/wire.ts';
import type { Clock, Instant } from '../base/env.ts';
import { decodeText } from '../base/json.ts';
import { SimClock } from '../sim/clock.ts';
import { TextPieces } from './text-pieces.ts';

test('TextPieces fills rooms of any size with the whole text, never with half a character', async () => {
  const texts = ['a', '', 'b€c', '😀'.repeat(10), 'end'];
  const whole = texts.join('');
  for (const size of [4, 5, 7, 64]) {
    const pieces = new TextPieces(new SimClock(), texts.values(), 'begun ');
    let told = 0;
    pieces.onEnd((bytes) => {
      told = bytes;
    });
    let text = '';
    for (const room = new Uint8Array(size); ; ) {
      const count = await pieces.fill(room);
      if (count === 0) break;
      text += decodeText(room.subarray(0, count));
    }
    assert.equal(text, `begun ${whole}`);
    assert.equal(told, Buffer.byteLength(text));
  }
});

test('pieces can be collected into one', async () => {
  const long = 'x'.repeat(200_000);
  const pieces = new TextPieces(new SimClock(), [long, 'é'].values());
  assert.equal(decodeText(await collected(pieces)), `${long}é`);
});

test('pieces that take long give others their turns, also where there is nothing to write yet', async () => {
  let time = 0;
  let turns = 0;
  const clock: Clock = {
    now: () => time as Instant,
    monotonic: () => time,
    after: (_delay, fire) => {
      turns++;
      setImmediate(fire);
      return () => {};
    },
  };
  const texts = function* () {
    for (let piece = 0; piece < 20; piece++) {
      time += 1;
      yield piece < 10 ? '' : 'x';
    }
  };
  assert.equal(decodeText(await collected(new TextPieces(clock, texts()))), 'x'.repeat(10));
  assert.ok(turns >= 9, `others had ${turns} turns in 20 ms`);
});
