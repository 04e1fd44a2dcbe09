import type { Duplex } from '../wire.ts';
import {
  closeCode,
  closeFrame,
  opcode,
  WebSocketDecoder,
  WebSocketError,
  type WebSocketEvent,
  webSocketFrame,
} from './web-socket-frames.ts';

export type Message = Extract<WebSocketEvent, { readonly kind: 'message' }>;

/** Messages over an upgraded connection. Answers pings, and says good-bye once. */
export class WebSocketConnection {
  readonly #duplex: Duplex;
  readonly #mask: (() => Uint8Array) | undefined;
  #closed = false;

  /** A client gives masks; a server has none. */
  constructor(duplex: Duplex, mask?: () => Uint8Array) {
    this.#duplex = duplex;
    this.#mask = mask;
  }

  /** Ends when the other side has closed, or gone. */
  async *messages(): AsyncGenerator<Message> {
    const decoder = new WebSocketDecoder({ masked: this.#mask === undefined });
    try {
      for await (const bytes of this.#duplex.incoming) {
        for (const event of decoder.push(bytes)) {
          if (event.kind === 'message') yield event;
          else if (event.kind === 'ping') await this.#write(opcode.pong, event.bytes);
          else if (event.kind === 'close') return await this.close();
        }
      }
    } catch (error) {
      if (!(error instanceof WebSocketError)) throw error;
      await this.close(error.code, error.message);
    }
  }

  send(bytes: Uint8Array, text = false): Promise<void> {
    return this.#write(text ? opcode.text : opcode.binary, bytes);
  }

  /** Nothing is said after it. */
  async close(code: number = closeCode.normal, reason = ''): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#duplex.write(closeFrame(code, reason, this.#mask?.())).catch(() => {});
  }

  async #write(code: number, bytes: Uint8Array): Promise<void> {
    if (this.#closed) return;
    await this.#duplex.write(webSocketFrame(code, bytes, this.#mask?.()));
  }
}

/** A plain byte stream inside the messages of a WebSocket. */
export function tunnel(socket: WebSocketConnection): Duplex {
  return {
    incoming: bytesOf(socket),
    write: (bytes) => socket.send(bytes),
    end: () => void socket.close(),
  };
}

async function* bytesOf(socket: WebSocketConnection): AsyncGenerator<Uint8Array> {
  for await (const { bytes } of socket.messages()) yield bytes;
}
