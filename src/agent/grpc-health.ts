import type { Duplex } from '../api/wire.ts';
import { decodeText, encodeText } from '../base/json.ts';

export interface HealthAnswer {
  readonly ok: boolean;
  readonly message: string;
}

const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const frame = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7 } as const;
const flag = { end: 0x1, acknowledged: 0x1, endHeaders: 0x4, padded: 0x8 } as const;
const headBytes = 9;
/** What HTTP/2 allows a frame to be where nobody has asked for more. */
const frameBytesMax = 16_384;
const stream = 1;
const answers = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];
const path = '/grpc.health.v1.Health/Check';

/** Asks a server of grpc.health.v1 once, over a connection without TLS: one request, so one stream of HTTP/2. */
export async function askHealth(duplex: Duplex, authority: string, service = ''): Promise<HealthAnswer> {
  try {
    await duplex.write(
      joined(
        encodeText(preface),
        framed(frame.settings, 0, 0, new Uint8Array()),
        framed(frame.headers, flag.endHeaders, stream, requestHeaders(authority)),
        framed(frame.data, flag.end, stream, message(text(1, service))),
      ),
    );
    const told = await answerOf(duplex);
    if (!told) return { ok: false, message: 'error: this server does not implement the grpc health protocol' };
    const status = answers[statusOf(told)] ?? 'UNKNOWN';
    return status === 'SERVING'
      ? { ok: true, message: '' }
      : { ok: false, message: `service unhealthy (responded with "${status}")` };
  } finally {
    duplex.end();
  }
}

/** The bytes of the one message, or nothing where the server ends without one. */
async function answerOf(duplex: Duplex): Promise<Uint8Array | undefined> {
  let rest: Uint8Array = new Uint8Array();
  let body: Uint8Array = new Uint8Array();
  for await (const bytes of duplex.incoming) {
    rest = joined(rest, bytes);
    for (let next = frameAt(rest); next; next = frameAt(rest)) {
      rest = rest.subarray(headBytes + next.payload.length);
      if (next.type === frame.settings && !(next.flags & flag.acknowledged)) {
        await duplex.write(framed(frame.settings, flag.acknowledged, 0, new Uint8Array()));
      } else if (next.type === frame.ping && !(next.flags & flag.acknowledged)) {
        await duplex.write(framed(frame.ping, flag.acknowledged, 0, next.payload));
      } else if (next.type === frame.goAway || next.type === frame.reset) return undefined;
      else if (next.type === frame.data) {
        body = joined(body, withoutPadding(next));
        const whole = messageIn(body);
        if (whole) return whole;
      }
      if (next.stream === stream && next.type <= frame.headers && next.flags & flag.end) return undefined;
    }
  }
  throw new Error('the connection ended before the answer');
}

interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Uint8Array;
}

function frameAt(bytes: Uint8Array): Frame | undefined {
  if (bytes.length < headBytes) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getUint32(0) >>> 8;
  if (length > frameBytesMax) throw new Error(`the answer is not HTTP/2: ${decodeText(bytes.subarray(0, 20))}`);
  if (bytes.length < headBytes + length) return undefined;
  const payload = bytes.subarray(headBytes, headBytes + length);
  return { type: view.getUint8(3), flags: view.getUint8(4), stream: view.getUint32(5) & 0x7fffffff, payload };
}

function framed(type: number, flags: number, id: number, payload: Uint8Array): Uint8Array {
  const head = new DataView(new ArrayBuffer(headBytes));
  head.setUint32(0, payload.length << 8);
  head.setUint8(3, type);
  head.setUint8(4, flags);
  head.setUint32(5, id);
  return joined(new Uint8Array(head.buffer), payload);
}

function withoutPadding({ flags, payload }: Frame): Uint8Array {
  return flags & flag.padded ? payload.subarray(1, payload.length - (payload[0] ?? 0)) : payload;
}

/** gRPC's own frame: not compressed, then the length in four bytes. */
function message(bytes: Uint8Array): Uint8Array {
  const head = new DataView(new ArrayBuffer(5));
  head.setUint32(1, bytes.length);
  return joined(new Uint8Array(head.buffer), bytes);
}

function messageIn(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes.length < 5) return undefined;
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(1);
  return bytes.length < 5 + length ? undefined : bytes.subarray(5, 5 + length);
}

/** Field 1 of the answer, an enumeration; 0 is not written. */
function statusOf(told: Uint8Array): number {
  return told[0] === 0x08 ? (told[1] ?? 0) : 0;
}

function text(field: number, value: string): Uint8Array {
  if (value === '') return new Uint8Array();
  const bytes = encodeText(value);
  const { length } = bytes;
  const size = length < 0x80 ? [length] : [(length & 0x7f) | 0x80, length >> 7];
  return joined(Uint8Array.of((field << 3) | 2, ...size), bytes);
}

/** Numbers of HTTP/2's table of well-known headers; what is not in it is written out. Nothing is compressed. */
function requestHeaders(authority: string): Uint8Array {
  const post = 0x80 | 3;
  const http = 0x80 | 6;
  return joined(
    Uint8Array.of(post, http),
    Uint8Array.of(4),
    word(path),
    Uint8Array.of(1),
    word(authority),
    // Numbers above 14 take a second byte.
    Uint8Array.of(15, 31 - 15),
    word('application/grpc'),
    Uint8Array.of(15, 58 - 15),
    word('kube-probe/1.36'),
    Uint8Array.of(0),
    word('te'),
    word('trailers'),
  );
}

function word(value: string): Uint8Array {
  const bytes = encodeText(value);
  return joined(Uint8Array.of(bytes.length), bytes);
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
