import { ByteQueue } from './byte-queue.ts';

/** RFC 6455, without extensions: a decoder and an encoder of frames. */
export const opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
export const closeCode = { normal: 1000, protocolError: 1002, tooBig: 1009, internalError: 1011 } as const;

export type WebSocketEvent =
  | { readonly kind: 'message'; readonly text: boolean; readonly bytes: Uint8Array }
  | { readonly kind: 'ping' | 'pong'; readonly bytes: Uint8Array }
  | { readonly kind: 'close'; readonly code: number; readonly reason: string };

/** The other end does not keep to the protocol: it is told the code, and the connection ends. */
export class WebSocketError extends Error {
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.name = 'WebSocketError';
    this.code = code;
  }
}

/** A larger message is refused: everything that travels here comes in small pieces. */
export const messageBytesMax = 4 * 1024 * 1024;
const controlBytesMax = 125;
const short = 126;
const long = 127;
const noStatus = 1005;

interface Head {
  readonly final: boolean;
  readonly code: number;
  readonly masked: boolean;
  readonly length: number;
  readonly size: number;
}

/** Bytes in, events out. A server reads masked frames and a client unmasked ones, and each refuses the other kind. */
export class WebSocketDecoder {
  readonly #queue = new ByteQueue();
  readonly #masked: boolean;
  #parts: Uint8Array[] = [];
  #size = 0;
  #text: boolean | undefined;

  constructor({ masked }: { readonly masked: boolean }) {
    this.#masked = masked;
  }

  push(bytes: Uint8Array): WebSocketEvent[] {
    this.#queue.push(bytes);
    const events: WebSocketEvent[] = [];
    for (;;) {
      const head = this.#head();
      if (!head || this.#queue.length < head.size + head.length) return events;
      const event = this.#frame(head);
      if (event) events.push(event);
    }
  }

  #head(): Head | undefined {
    const queue = this.#queue;
    if (queue.length < 2) return undefined;
    const first = queue.at(0);
    const second = queue.at(1);
    const masked = (second & 0x80) !== 0;
    const mark = second & 0x7f;
    const lengthBytes = mark === long ? 8 : mark === short ? 2 : 0;
    const size = 2 + lengthBytes + (masked ? 4 : 0);
    if (queue.length < size) return undefined;
    let length = mark;
    if (lengthBytes > 0) {
      length = 0;
      for (let index = 0; index < lengthBytes; index++) length = length * 256 + queue.at(2 + index);
    }
    const head = { final: (first & 0x80) !== 0, code: first & 0x0f, masked, length, size };
    if ((first & 0x70) !== 0) throw broken('reserved bits are set');
    this.#check(head);
    return head;
  }

  #check({ masked, code, final, length }: Head): void {
    if (masked !== this.#masked) throw broken(masked ? 'a frame is masked' : 'a frame is not masked');
    if (code >= opcode.close) {
      if (code > opcode.pong) throw broken(`the opcode ${code} is not known`);
      if (!final || length > controlBytesMax) throw broken('a control frame is too long or in parts');
      return;
    }
    if (code > opcode.binary) throw broken(`the opcode ${code} is not known`);
    if ((code === opcode.continuation) !== (this.#text !== undefined)) throw broken('a message is in disorder');
    if (this.#size + length > messageBytesMax) {
      throw new WebSocketError(closeCode.tooBig, `a message is longer than ${messageBytesMax} bytes`);
    }
  }

  #frame({ final, code, masked, length, size }: Head): WebSocketEvent | undefined {
    const head = this.#queue.take(size);
    const raw = this.#queue.take(length);
    const bytes = masked ? unmasked(raw, head.subarray(size - 4)) : raw;
    if (code === opcode.close) return closing(bytes);
    if (code === opcode.ping || code === opcode.pong) return { kind: code === opcode.ping ? 'ping' : 'pong', bytes };
    this.#text ??= code === opcode.text;
    this.#parts.push(bytes);
    this.#size += length;
    if (!final) return undefined;
    const event = { kind: 'message', text: this.#text, bytes: joined(this.#parts, this.#size) } as const;
    this.#parts = [];
    this.#size = 0;
    this.#text = undefined;
    return event;
  }
}

const broken = (message: string) => new WebSocketError(closeCode.protocolError, message);

function unmasked(bytes: Uint8Array, mask: Uint8Array): Uint8Array {
  const plain = new Uint8Array(bytes.length);
  for (let index = 0; index < bytes.length; index++) {
    plain[index] = (bytes[index] as number) ^ (mask[index & 3] as number);
  }
  return plain;
}

function closing(bytes: Uint8Array): WebSocketEvent {
  if (bytes.length === 0) return { kind: 'close', code: noStatus, reason: '' };
  if (bytes.length === 1) throw broken('half a close code');
  const code = (bytes[0] as number) * 256 + (bytes[1] as number);
  return { kind: 'close', code, reason: new TextDecoder().decode(bytes.subarray(2)) };
}

export function joined(parts: readonly Uint8Array[], size: number): Uint8Array {
  if (parts.length === 1) return parts[0] as Uint8Array;
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** One whole frame. Clients give a mask of four bytes. */
export function webSocketFrame(code: number, bytes: Uint8Array, mask?: Uint8Array): Uint8Array {
  const lengthBytes = bytes.length < short ? 0 : bytes.length < 65_536 ? 2 : 8;
  const size = 2 + lengthBytes + (mask ? 4 : 0);
  const frame = new Uint8Array(size + bytes.length);
  frame[0] = 0x80 | code;
  frame[1] = (mask ? 0x80 : 0) | (lengthBytes === 0 ? bytes.length : lengthBytes === 2 ? short : long);
  let rest = bytes.length;
  for (let index = 1 + lengthBytes; index > 1 && lengthBytes > 0; index--) {
    frame[index] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  if (mask) frame.set(mask, size - 4);
  frame.set(mask ? unmasked(bytes, mask) : bytes, size);
  return frame;
}

export function closeFrame(code: number, reason: string, mask?: Uint8Array): Uint8Array {
  const text = new TextEncoder().encode(reason).subarray(0, controlBytesMax - 2);
  return webSocketFrame(opcode.close, joined([Uint8Array.of(code >> 8, code & 0xff), text], text.length + 2), mask);
}
