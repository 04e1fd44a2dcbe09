import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constants, createDeflate, deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { encodeText } from '../../base/json.ts';
import { InflateError, Inflater } from './inflate.ts';
import { SpdyDecoder, SpdyEncoder, SpdyError, type SpdyFrame } from './spdy-frames.ts';
import { adler32, dictionary, HeaderBlocks } from './spdy-headers.ts';

/** As Go's library writes headers: zlib with the dictionary, and a flush behind each block. */
class Zlib {
  readonly #deflate = createDeflate({ dictionary: dictionary(), level: 9 });
  piece(bytes: Uint8Array): Promise<Uint8Array> {
    return new Promise((resolve) => {
      const parts: Buffer[] = [];
      const take = (part: Buffer) => parts.push(part);
      this.#deflate.on('data', take);
      this.#deflate.write(bytes);
      this.#deflate.flush(constants.Z_SYNC_FLUSH, () => {
        this.#deflate.off('data', take);
        resolve(Buffer.concat(parts));
      });
    });
  }
}

test('The dictionary is the one that all others have', () => {
  assert.equal(dictionary().length, 1423);
  assert.equal(adler32(dictionary()).toString(16), 'e3c6a7c2');
});

test('Header blocks that zlib compressed are read, one after another', async () => {
  const zlib = new Zlib();
  const blocks = new HeaderBlocks();
  const plain = new HeaderBlocks();
  for (const headers of [{ streamtype: 'error', port: '8080', requestid: '0' }, { streamtype: 'data' }, {}]) {
    const stored = plain.write(headers);
    // What stands between the head of the one stored block and the flush behind it.
    const bare = stored.subarray(stored[0] === 0x78 ? 11 : 5, stored.length - 5);
    assert.deepEqual(blocks.read(await zlib.piece(bare)), headers);
  }
});

test('Header blocks come back as they were written', () => {
  const names = fc.stringMatching(/^[a-z-]{1,20}$/).filter((name) => name !== '__proto__');
  fc.assert(
    fc.property(fc.array(fc.dictionary(names, fc.string(), { noNullPrototype: true })), (list) => {
      const writer = new HeaderBlocks();
      const reader = new HeaderBlocks();
      for (const headers of list) assert.deepEqual(reader.read(writer.write(headers)), headers);
    }),
  );
});

test('Inflater reads whatever zlib makes of any bytes', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 5000 }),
    fc.string({ maxLength: 300 }).map((text) => encodeText(text.repeat(9))),
  );
  fc.assert(
    fc.property(bytes, fc.integer({ min: 0, max: 9 }), (plain, level) => {
      const packed = deflateSync(plain, { level, finishFlush: constants.Z_SYNC_FLUSH }).subarray(2);
      assert.deepEqual(Buffer.from(new Inflater(new Uint8Array(0), 100_000).inflate(packed)), Buffer.from(plain));
    }),
  );
});

test('Inflater stops at its limit, before it has made more', () => {
  const packed = deflateSync(new Uint8Array(1_000_000), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(2);
  assert.throws(() => new Inflater(new Uint8Array(0), 1000).inflate(packed), /more than 1000 bytes/);
});

test('Inflater refuses what is damaged, and never does anything else', () => {
  const packed = deflateSync(encodeText('a text that is long enough to be packed, to be packed, packed'.repeat(4)));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(packed.length), (noise, at) => {
      for (const bytes of [noise, Buffer.concat([packed.subarray(2, 2 + at), noise])]) {
        try {
          new Inflater(new Uint8Array(0), 10_000).inflate(bytes);
        } catch (error) {
          assert.ok(error instanceof InflateError, String(error));
        }
      }
    }),
    { numRuns: 3000 },
  );
});

const frames: fc.Arbitrary<SpdyFrame> = fc.oneof(
  fc.record({
    type: fc.constant('open' as const),
    stream: fc.integer({ min: 1, max: 0x7fffffff }),
    headers: fc.constantFrom({}, { streamtype: 'stdin' }, { port: '80', requestid: '7' }),
    fin: fc.boolean(),
  }),
  fc.record({
    type: fc.constant('data' as const),
    stream: fc.integer({ min: 1, max: 0x7fffffff }),
    bytes: fc.uint8Array({ maxLength: 300 }),
    fin: fc.boolean(),
  }),
  fc.record({ type: fc.constant('ping' as const), id: fc.integer({ min: 0, max: 0x7fffffff }) }),
  fc.record({ type: fc.constant('reset' as const), stream: fc.integer({ min: 1, max: 9 }), status: fc.nat(11) }),
);

test('Frames come back as they were, wherever the bytes are cut', () => {
  fc.assert(
    fc.property(fc.array(frames, { maxLength: 12 }), fc.integer({ min: 1, max: 40 }), (sent, step) => {
      const encoder = new SpdyEncoder();
      const bytes = Buffer.concat(sent.map((frame) => encoder.encode(frame)));
      const decoder = new SpdyDecoder();
      const got: SpdyFrame[] = [];
      for (let at = 0; at < bytes.length; at += step) got.push(...decoder.push(bytes.subarray(at, at + step)));
      assert.deepEqual(whole(got), whole(sent));
    }),
  );
});

/** Pieces of one stream's data put together: how they were cut says nothing. */
function whole(list: readonly SpdyFrame[]): readonly SpdyFrame[] {
  const result: SpdyFrame[] = [];
  for (const frame of list) {
    const last = result.at(-1);
    const goesOn = frame.type === 'data' && last?.type === 'data' && last.stream === frame.stream && !last.fin;
    if (!goesOn) result.push(frame.type === 'data' ? { ...frame, bytes: Buffer.from(frame.bytes) } : { ...frame });
    else result[result.length - 1] = { ...frame, bytes: Buffer.concat([last.bytes, frame.bytes]) };
  }
  return result;
}

test('Any bytes are read or refused, and never anything else', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      try {
        new SpdyDecoder().push(bytes);
      } catch (error) {
        assert.ok(error instanceof SpdyError, String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

test('A damaged block of headers is refused', () => {
  fc.assert(
    fc.property(fc.nat(60), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const bytes = new SpdyEncoder().encode({ type: 'open', stream: 1, headers: { streamtype: 'stdin' }, fin: false });
      const index = at % bytes.length;
      bytes[index] = (bytes[index] as number) ^ change;
      try {
        new SpdyDecoder().push(bytes);
      } catch (error) {
        assert.ok(error instanceof SpdyError, String(error));
      }
    }),
    { numRuns: 500 },
  );
});
