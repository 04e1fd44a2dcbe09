import { WebSocketConnection } from '../../api/streaming/web-socket.ts';
import type { Duplex } from '../../api/wire.ts';
import { decodeBase64, encodeBase64 } from '../../base/base64.ts';
import { encodeText } from '../../base/json.ts';
import {
  type ClientVoice,
  type CommandEnd,
  clientLeft,
  type RemoteStreams,
  takeSize,
  tellsStatus,
  type WantedStreams,
} from './remote-streams.ts';

/** Newest first. Those with base64 are for clients that can send nothing but text. */
export const socketProtocols: readonly string[] = [
  'v5.channel.k8s.io',
  'v4.channel.k8s.io',
  'v4.base64.channel.k8s.io',
  'channel.k8s.io',
  'base64.channel.k8s.io',
];
export const firstSocketProtocol = 'channel.k8s.io';

const channel = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;
const digitZero = 48;

/** Streams as channels: the first byte of each message says which. */
export class SocketStreams implements RemoteStreams {
  readonly #socket: WebSocketConnection;
  readonly #protocol: string;
  readonly #wanted: WantedStreams;
  readonly #base64: boolean;

  constructor(peer: Duplex, protocol: string, wanted: WantedStreams) {
    this.#socket = new WebSocketConnection(peer);
    this.#protocol = protocol;
    this.#wanted = wanted;
    this.#base64 = protocol.includes('base64');
  }

  /** Tells the client that there is somebody, as upstream does: with an empty message on its first channel. */
  async greet(): Promise<void> {
    const { stdout, stderr } = this.#wanted;
    await this.#send(stdout ? channel.stdout : stderr ? channel.stderr : channel.error, new Uint8Array(0));
  }

  /** Hears the client out; resolves when it has gone. */
  async listen(voice: ClientVoice): Promise<void> {
    try {
      for await (const { bytes } of this.#socket.messages()) {
        const [first] = bytes;
        if (first === undefined) continue;
        const to = this.#base64 ? first - digitZero : first;
        const rest = this.#base64 ? fromBase64(bytes.subarray(1)) : bytes.subarray(1);
        if (to === channel.stdin && this.#wanted.stdin) await voice.stdin.write(rest);
        else if (to === channel.resize) takeSize(voice, rest);
        // Only v5 has it: that no more comes on one channel.
        else if (to === channel.close && rest[0] === channel.stdin) voice.stdin.end();
      }
    } finally {
      clientLeft(voice);
    }
  }

  write(from: 'stdout' | 'stderr', bytes: Uint8Array): Promise<void> {
    return this.#send(channel[from], bytes);
  }

  async finish({ status, failure }: CommandEnd): Promise<void> {
    if (tellsStatus(this.#protocol)) await this.#send(channel.error, encodeText(JSON.stringify(status)));
    else if (failure !== undefined) await this.#send(channel.error, encodeText(failure));
    await this.#socket.close();
  }

  #send(to: number, bytes: Uint8Array): Promise<void> {
    if (this.#base64) return this.#socket.send(encodeText(`${to}${encodeBase64(bytes)}`), true);
    const message = new Uint8Array(bytes.length + 1);
    message[0] = to;
    message.set(bytes, 1);
    return this.#socket.send(message);
  }
}

function fromBase64(bytes: Uint8Array): Uint8Array {
  try {
    return decodeBase64(new TextDecoder().decode(bytes));
  } catch {
    return new Uint8Array(0);
  }
}
