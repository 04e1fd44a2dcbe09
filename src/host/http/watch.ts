import { ApiError, statusOf } from '../../api/error.ts';
import type { WatchEvent, Watching } from '../../api/wire.ts';
import { Stopped } from '../../base/env.ts';
import { encodeText } from '../../base/json.ts';
import { deadlines, limits } from './limits.ts';
import { isGone, type Outgoing } from './request.ts';

/** Pushes events to one watcher. Settles when the watch has ended; rejects with what broke its source. */
export function writeWatch(outgoing: Outgoing, watching: Watching, mediaType: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let first = true;
    outgoing.once('close', resolve);
    watching.onBatch((batch) => {
      if (isGone(outgoing) || outgoing.writableEnded) return 'full';
      writeBatch(outgoing, batch, mediaType);
      return first || outgoing.writableLength <= limits.watchBacklogBytesMax ? 'more' : 'full';
    });
    first = false;
    if (!isGone(outgoing)) outgoing.flushHeaders();
    watching.onEnd((error) => {
      if (isGone(outgoing)) return resolve();
      const unexpected = error !== undefined && !(error instanceof ApiError) && !(error instanceof Stopped);
      const speakable = error !== undefined && !(error instanceof Stopped) && mediaType.includes('json');
      if (speakable) writeBatch(outgoing, [errorEvent(error)], mediaType);
      endSlowly(outgoing);
      return unexpected ? reject(error) : resolve();
    });
  });
}

/** One write for one batch: the bytes are shared by all watchers, only the joint is made anew. */
function writeBatch(outgoing: Outgoing, batch: readonly WatchEvent[], mediaType: string): void {
  const lines = batch.map((event) => encodedEvent(event, mediaType));
  const size = lines.reduce((sum, line) => sum + line.length, 0);
  if (size === 0) return;
  if (lines.length === 1) return void outgoing.write(lines[0]);
  if (size <= limits.sliceBytes) return void outgoing.write(Buffer.concat(lines, size));
  // A long first state: not copied as a whole.
  outgoing.cork();
  for (const line of lines) outgoing.write(line);
  outgoing.uncork();
}

function encodedEvent(event: WatchEvent, mediaType: string): Uint8Array {
  return event.encoded?.(mediaType) ?? encodeText(`${JSON.stringify({ type: event.type, object: event.object })}\n`);
}

function errorEvent(error: unknown): WatchEvent {
  const expected =
    error instanceof ApiError ? error : new ApiError('InternalError', `Internal error occurred: ${error}`);
  return { type: 'ERROR', object: statusOf(expected) as unknown as WatchEvent['object'] };
}

/** Ends an answer whose reader may be slow: in good order, or else by force. */
export function endSlowly(outgoing: Outgoing): void {
  outgoing.end();
  const timer = setTimeout(() => outgoing.destroy(), deadlines.lingerMs);
  outgoing.once('close', () => clearTimeout(timer));
}
