import type { IncomingMessage } from 'node:http';
import { ApiError } from '../../api/error.ts';
import type { WatchEvent, Watching } from '../../api/wire.ts';
import { Stopped } from '../../base/env.ts';
import type { Stop } from '../../base/stop.ts';
import { limits } from './limits.ts';

const newline = 0x0a;

/** A watch read from the network: what arrives together is one batch. Nothing is read before somebody takes it. */
export function watchingOf(incoming: IncomingMessage, stop: Stop): Watching {
  const ending = new Ending();
  incoming.on('end', () => ending.reach());
  const forget = stop.onStop(() => ending.reach(new Stopped()));
  incoming.once('close', forget);
  incoming.on('error', (error) => ending.reach(cut(error.message)));
  incoming.on('close', () => ending.reach(incoming.complete ? undefined : cut('the connection closed')));
  return {
    onBatch: (take) => {
      const lines = new LineReader();
      incoming.on('data', (bytes: Buffer) => {
        try {
          const batch = lines.push(bytes).map((line) => JSON.parse(line) as WatchEvent);
          if (batch.length === 0 || take(batch) === 'more') return;
          ending.reach();
        } catch (error) {
          ending.reach(error);
        }
        incoming.destroy();
      });
    },
    onEnd: (done) => ending.tell(done),
  };
}

const cut = (why: string) => new ApiError('ServiceUnavailable', `the watch was cut off: ${why}`);

/** Reached once, told once, in whichever order. */
class Ending {
  #reached: { readonly error: unknown } | undefined;
  #done: ((error?: unknown) => void) | undefined;

  reach(error?: unknown): void {
    if (this.#reached) return;
    this.#reached = { error };
    this.#done?.(error);
  }

  tell(done: (error?: unknown) => void): void {
    this.#done = done;
    if (this.#reached) done(this.#reached.error);
  }
}

/** Whole lines only: a character may be cut between two chunks, a newline never is. */
class LineReader {
  #rest: Buffer[] = [];
  #size = 0;

  push(bytes: Buffer): readonly string[] {
    const end = bytes.lastIndexOf(newline);
    this.#size += bytes.length;
    if (end < 0) {
      if (this.#size > limits.watchLineBytesMax)
        throw new Error(`a watch event is longer than ${limits.watchLineBytesMax}`);
      this.#rest.push(bytes);
      return [];
    }
    const text = Buffer.concat([...this.#rest, bytes.subarray(0, end)]).toString('utf8');
    const rest = bytes.subarray(end + 1);
    this.#rest = rest.length > 0 ? [rest] : [];
    this.#size = rest.length;
    return text.split('\n').filter((line) => line !== '');
  }
}
