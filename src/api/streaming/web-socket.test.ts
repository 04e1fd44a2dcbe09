import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Pipe } from '../../base/pipe.ts';
import type { Duplex } from '../wire.ts';
import { WebSocketConnection } from './web-socket.ts';
import {
  closeFrame,
  messageBytesMax,
  opcode,
  WebSocketDecoder,
  WebSocketError,
  type WebSocketEvent,
  webSocketFrame,
} from './web-socket-frames.ts';

const mask = Uint8Array.of(1, 2, 3, 4);

test('Messages come back as they were sent, masked or not, wherever the bytes are cut', () => {
  const sizes = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.nat(70_000).map((size) => new Uint8Array(size).fill(7)),
  );
  fc.assert(
    fc.property(
      fc.array(sizes, { maxLength: 5 }),
      fc.boolean(),
      fc.integer({ min: 1, max: 5000 }),
      (sent, masked, step) => {
        const frames = sent.map((bytes) => webSocketFrame(opcode.binary, bytes, masked ? mask : undefined));
        const bytes = Buffer.concat(frames);
        const decoder = new WebSocketDecoder({ masked });
        const got: WebSocketEvent[] = [];
        for (let at = 0; at < bytes.length; at += step) got.push(...decoder.push(bytes.subarray(at, at + step)));
        assert.deepEqual(
          got.map((event) => ('bytes' in event ? Buffer.from(event.bytes) : event)),
          sent.map((one) => Buffer.from(one)),
        );
      },
    ),
    { numRuns: 60 },
  );
});

test('A message in parts is one message, and a ping between them is heard', () => {
  const decoder = new WebSocketDecoder({ masked: false });
  const first = webSocketFrame(opcode.text, Uint8Array.of(65));
  first[0] = opcode.text;
  const ping = webSocketFrame(opcode.ping, Uint8Array.of(9));
  const last = webSocketFrame(opcode.continuation, Uint8Array.of(66));
  assert.deepEqual(decoder.push(Uint8Array.of(...first, ...ping, ...last)), [
    { kind: 'ping', bytes: Uint8Array.of(9) },
    { kind: 'message', text: true, bytes: Uint8Array.of(65, 66) },
  ]);
});

test('What breaks the protocol is refused with its code', () => {
  const refused: readonly (readonly [Uint8Array, boolean, number])[] = [
    [webSocketFrame(opcode.binary, Uint8Array.of(1)), true, 1002],
    [webSocketFrame(opcode.binary, Uint8Array.of(1), mask), false, 1002],
    [webSocketFrame(opcode.continuation, Uint8Array.of(1)), false, 1002],
    [webSocketFrame(opcode.ping, new Uint8Array(126)), false, 1002],
    [webSocketFrame(3, Uint8Array.of(1)), false, 1002],
    [Uint8Array.of(0xc2, 0), false, 1002],
    [Uint8Array.of(0x82, 127, 0, 0, 0, 0, 0xff, 0, 0, 0), false, 1009],
    [webSocketFrame(opcode.binary, new Uint8Array(messageBytesMax + 1)), false, 1009],
  ];
  for (const [bytes, masked, code] of refused) {
    assert.throws(
      () => new WebSocketDecoder({ masked }).push(bytes),
      (error: WebSocketError) => error.code === code,
    );
  }
});

test('Any bytes are read or refused, and never anything else', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, masked) => {
      try {
        new WebSocketDecoder({ masked }).push(bytes);
      } catch (error) {
        assert.ok(error instanceof WebSocketError, String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

test('A connection answers pings, gives messages, and says good-bye once', async () => {
  const written: Uint8Array[] = [];
  const input = new Pipe();
  const duplex: Duplex = { incoming: input, write: async (bytes) => void written.push(bytes), end: () => {} };
  const connection = new WebSocketConnection(duplex);
  await input.write(webSocketFrame(opcode.ping, Uint8Array.of(5), mask));
  await input.write(webSocketFrame(opcode.binary, Uint8Array.of(6), mask));
  await input.write(closeFrame(1000, 'done', mask));
  const heard: number[] = [];
  for await (const { bytes } of connection.messages()) heard.push(...bytes);
  await connection.close();
  assert.deepEqual(heard, [6]);
  assert.deepEqual(written, [webSocketFrame(opcode.pong, Uint8Array.of(5)), closeFrame(1000, '')]);
});
