import { SpdyConnection, type SpdyStream } from '../../api/streaming/spdy.ts';
import type { Duplex } from '../../api/wire.ts';
import type { Clock, Millis } from '../../base/env.ts';
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

/** Newest first. The second is the first with a fix, the third brought sizes, the fourth exit codes. */
export const spdyProtocols: readonly string[] = [
  'v4.channel.k8s.io',
  'v3.channel.k8s.io',
  'v2.channel.k8s.io',
  'channel.k8s.io',
];
export const firstSpdyProtocol = 'channel.k8s.io';

/** How long a client may take to open what it asked for. */
const openWithinMs: Millis = 30_000;

/** Streams as SPDY has them: the client opens one for each, and says in a header which it is. */
export class SpdyStreams implements RemoteStreams {
  readonly #connection: SpdyConnection;
  readonly #protocol: string;
  readonly #names: readonly string[];
  readonly #streams = new Map<string, SpdyStream>();

  constructor(peer: Duplex, protocol: string, wanted: WantedStreams) {
    this.#connection = new SpdyConnection(peer);
    this.#protocol = protocol;
    const sizes = wanted.tty && /^v[345]\./.test(protocol);
    const asked = { error: true, ...wanted, resize: sizes, tty: false };
    this.#names = Object.entries(asked).flatMap(([name, there]) => (there ? [name] : []));
  }

  /** Hears the client out; resolves when it has gone. */
  async listen(voice: ClientVoice): Promise<void> {
    try {
      await this.#connection.run();
    } finally {
      clientLeft(voice);
    }
  }

  /** Resolves when every stream is there. False: the client has not opened them in time, or has gone. */
  async opened(clock: Clock, voice: ClientVoice): Promise<boolean> {
    const cancel = clock.after(openWithinMs, () => this.#connection.opened.close());
    for await (const stream of this.#connection.opened) {
      const name = stream.headers['streamtype'] ?? '';
      if (!this.#names.includes(name) || this.#streams.has(name)) {
        await stream.reset();
        continue;
      }
      this.#streams.set(name, stream);
      if (name === 'stdin') void pass(stream, voice);
      if (name === 'resize') void passSizes(stream, voice);
      if (this.#streams.size === this.#names.length) break;
    }
    cancel();
    return this.#streams.size === this.#names.length;
  }

  async write(from: 'stdout' | 'stderr', bytes: Uint8Array): Promise<void> {
    await this.#streams.get(from)?.write(bytes);
  }

  async finish({ status, failure }: CommandEnd): Promise<void> {
    await this.#streams.get('stdout')?.end();
    await this.#streams.get('stderr')?.end();
    const error = this.#streams.get('error');
    if (tellsStatus(this.#protocol)) await error?.write(encodeText(JSON.stringify(status)));
    else if (failure !== undefined) await error?.write(encodeText(failure));
    await error?.end();
    await this.#connection.close();
  }
}

async function pass(stream: SpdyStream, voice: ClientVoice): Promise<void> {
  for await (const bytes of stream.incoming) await voice.stdin.write(bytes);
  voice.stdin.end();
}

/** One JSON text after another, wherever they were cut. */
async function passSizes(stream: SpdyStream, voice: ClientVoice): Promise<void> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const bytes of stream.incoming) {
    text += decoder.decode(bytes, { stream: true });
    for (let end = text.indexOf('}'); end >= 0; end = text.indexOf('}')) {
      takeSize(voice, encodeText(text.slice(0, end + 1)));
      text = text.slice(end + 1);
    }
    text = text.slice(-sizeTextMax);
  }
}

const sizeTextMax = 200;
