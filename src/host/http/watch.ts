import { ApiError, statusOf } from '../../api/error.ts';
import type { WatchEvent, Watching } from '../../api/wire.ts';
import { Stopped } from '../../base/env.ts';
import { encodeText } from '../../base/json.ts';
import { nextTurn } from '../long-work.ts';
import { deadlines, limits } from './limits.ts';
import { Reply } from './reply.ts';
import type { Outgoing } from './request.ts';
import { roomIn } from './room.ts';

/** Pushes events to one watcher. Settles when the watch has ended; rejects with what broke its source. */
export function writeWatch(outgoing: Outgoing, watching: Watching, mediaType: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const writer = new EventWriter(outgoing, mediaType, watching);
    outgoing.once('close', resolve);
    watching.onBatch((batch) => writer.take(batch));
    writer.started = true;
    if (!outgoing.destroyed) outgoing.flushHeaders();
    watching.onEnd((error) => {
      if (outgoing.destroyed) return resolve();
      const unexpected = error !== undefined && !(error instanceof ApiError) && !(error instanceof Stopped);
      const speakable = error !== undefined && !(error instanceof Stopped) && mediaType.includes('json');
      writer.end(speakable ? [errorEvent(error)] : []);
      return unexpected ? reject(error) : resolve();
    });
  });
}

/**
 * Small batches go out at once. A long first state is encoded and written a slice at a time, each when there is room
 * for it, so that whoever asks for everything delays nobody; what happens meanwhile waits behind it.
 */
class EventWriter {
  /** The first state, which is given before this is set, may be as long as it likes. */
  started = false;
  readonly #outgoing: Outgoing;
  readonly #mediaType: string;
  readonly #watching: Watching;
  #waiting: (readonly WatchEvent[])[] = [];
  #held = 0;
  #writing: Promise<void> | undefined;

  constructor(outgoing: Outgoing, mediaType: string, watching: Watching) {
    this.#outgoing = outgoing;
    this.#mediaType = mediaType;
    this.#watching = watching;
  }

  take(batch: readonly WatchEvent[]): 'more' | 'full' {
    const outgoing = this.#outgoing;
    if (outgoing.destroyed || outgoing.writableEnded) return 'full';
    if (this.#writing || batch.length > limits.watchEventsAtOnce) return this.#hold(batch);
    this.#write(batch);
    return !this.started || outgoing.writableLength <= limits.watchBacklogBytesMax ? 'more' : 'full';
  }

  end(last: readonly WatchEvent[]): void {
    const outgoing = this.#outgoing;
    const timer = setTimeout(() => outgoing.destroy(), deadlines.lingerMs);
    outgoing.once('close', () => clearTimeout(timer));
    const finish = () => {
      if (outgoing.destroyed) return;
      writeBatch(outgoing, last, this.#mediaType);
      outgoing.end();
    };
    if (this.#writing) void this.#writing.then(finish);
    else finish();
  }

  #write(batch: readonly WatchEvent[]): void {
    const bytes = writeBatch(this.#outgoing, batch, this.#mediaType);
    if (batch.length > 0) this.#watching.wrote?.(bytes, batch.length);
  }

  #hold(batch: readonly WatchEvent[]): 'more' | 'full' {
    if (this.started) this.#held += batch.length;
    this.#waiting.push(batch);
    this.#writing ??= this.#drain().finally(() => {
      this.#writing = undefined;
    });
    return this.#held <= limits.watchHeldEventsMax ? 'more' : 'full';
  }

  async #drain(): Promise<void> {
    const outgoing = this.#outgoing;
    while (this.#waiting.length > 0) {
      const batches = this.#waiting;
      this.#waiting = [];
      for (const batch of batches) {
        for (let at = 0; at < batch.length; at += limits.watchSliceEvents) {
          if (outgoing.destroyed) return;
          this.#write(batch.slice(at, at + limits.watchSliceEvents));
          if (outgoing.writableLength > limits.sliceBytes) await roomIn(outgoing);
          else await nextTurn();
        }
      }
    }
    this.#held = 0;
  }
}

interface Joined {
  readonly batch: readonly WatchEvent[];
  readonly bytes: Uint8Array | undefined;
}
/** The last batch in each media type: all who watch alike are given the same array, one after another. */
const joined = new Map<string, Joined>();

/** One write for one batch, of bytes that are joined once for all watchers. Answers how many they are. */
function writeBatch(outgoing: Outgoing, batch: readonly WatchEvent[], mediaType: string): number {
  let known = joined.get(mediaType);
  if (known?.batch !== batch) {
    known = { batch, bytes: joinedLines(batch, mediaType) };
    joined.set(mediaType, known);
  }
  const { bytes } = known;
  if (bytes && bytes.length > 0) {
    if (outgoing instanceof Reply) outgoing.pass(bytes);
    else outgoing.write(bytes);
  }
  if (bytes) return bytes.length;
  let size = 0;
  outgoing.cork();
  for (const event of batch) {
    const line = encodedEvent(event, mediaType);
    size += line.length;
    outgoing.write(line);
  }
  outgoing.uncork();
  return size;
}

/** Nothing where the lines are too long to be copied as a whole. */
function joinedLines(batch: readonly WatchEvent[], mediaType: string): Uint8Array | undefined {
  const lines = batch.map((event) => encodedEvent(event, mediaType));
  if (lines.length === 1) return lines[0];
  const size = lines.reduce((sum, line) => sum + line.length, 0);
  return size <= limits.sliceBytes ? Buffer.concat(lines, size) : undefined;
}

function encodedEvent(event: WatchEvent, mediaType: string): Uint8Array {
  return event.encoded?.(mediaType) ?? encodeText(`${JSON.stringify({ type: event.type, object: event.object })}\n`);
}

function errorEvent(error: unknown): WatchEvent {
  const expected =
    error instanceof ApiError ? error : new ApiError('InternalError', `Internal error occurred: ${error}`);
  return { type: 'ERROR', object: statusOf(expected) as unknown as WatchEvent['object'] };
}
