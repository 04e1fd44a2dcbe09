import { ApiError, statusOf } from '../../api/error.ts';
import { WebSocketConnection } from '../../api/streaming/web-socket.ts';
import { type ApiRequest, type ApiResponse, protobufType, type WatchEvent, type Watching } from '../../api/wire.ts';
import { encodeText } from '../../base/json.ts';
import { StopSource } from '../../base/stop.ts';
import { socketTokenPrefix } from '../auth/authentication.ts';

/** What may wait for a slow watcher before it is closed. Its first batch, the state it asked for, is exempt. */
const waitingMax = 50_000;
const lengthBytes = 4;

/** A watch as the messages of a WebSocket: each event is one. */
export async function watchOverSocket(
  request: ApiRequest,
  open: (request: ApiRequest) => Promise<ApiResponse>,
): Promise<ApiResponse> {
  const protocol = protocolOf(request);
  const stop = StopSource.under(request.stop);
  const answer = await open({ ...request, stop });
  if (!('watch' in answer)) return answer;
  return {
    status: 101,
    upgrade: 'websocket',
    headers: protocol === undefined ? {} : { 'Sec-WebSocket-Protocol': protocol },
    serve: async (peer) => {
      const socket = new WebSocketConnection(peer);
      const left = () => stop.stop();
      void heard(socket).then(left, left);
      try {
        await new Messages(socket, answer.mediaType).all(answer.watch);
      } finally {
        stop.stop();
      }
      await socket.close();
    },
  };
}

/** Whatever a client calls its protocol is agreed to: there is one way to speak. A token is not spoken. */
function protocolOf({ headers }: ApiRequest): string | undefined {
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((word) => word.trim());
  const [protocol, ...others] = offered.filter((word) => word !== '' && !word.startsWith(socketTokenPrefix));
  if (others.length === 0) return protocol;
  const all = [protocol, ...others].join(', ');
  throw new ApiError('BadRequest', `a watch takes one WebSocket protocol, or none, and was offered ${all}`);
}

/** Nothing is said by those who watch, but that they go. */
async function heard(socket: WebSocketConnection): Promise<void> {
  for await (const _ of socket.messages());
}

/** Sends events one after another, while others arrive. */
class Messages {
  readonly #socket: WebSocketConnection;
  readonly #mediaType: string;
  readonly #isBinary: boolean;
  #waiting: WatchEvent[] = [];
  #sending: Promise<void> | undefined;
  #started = false;

  constructor(socket: WebSocketConnection, mediaType: string) {
    this.#socket = socket;
    this.#mediaType = mediaType;
    this.#isBinary = mediaType.startsWith(protobufType);
  }

  /** Until the watch has ended and all is sent, or the client is gone. */
  all(watch: Watching): Promise<void> {
    return new Promise((resolve, reject) => {
      watch.onBatch((batch) => {
        for (const event of batch) this.#waiting.push(event);
        this.#sending ??= this.#send().catch(reject);
        const isFull = this.#started && this.#waiting.length > waitingMax;
        this.#started = true;
        return isFull ? 'full' : 'more';
      });
      watch.onEnd((error) => {
        if (error !== undefined) this.#waiting.push(ended(error));
        this.#sending ??= this.#send().catch(reject);
        void this.#sending.then(resolve);
      });
    });
  }

  async #send(): Promise<void> {
    while (this.#waiting.length > 0) {
      const events = this.#waiting;
      this.#waiting = [];
      for (const event of events) await this.#socket.send(this.#bytes(event), !this.#isBinary);
    }
    this.#sending = undefined;
  }

  #bytes(event: WatchEvent): Uint8Array {
    const bytes =
      event.encoded?.(this.#mediaType) ?? encodeText(`${JSON.stringify({ type: event.type, object: event.object })}\n`);
    // A message has its own length.
    return this.#isBinary && event.encoded ? bytes.subarray(lengthBytes) : bytes;
  }
}

function ended(error: unknown): WatchEvent {
  const expected = error instanceof ApiError ? error : new ApiError('InternalError', String(error));
  return { type: 'ERROR', object: statusOf(expected) as unknown as WatchEvent['object'] };
}
