import { once } from 'node:events';
import type { Writable } from 'node:stream';

/** Room, or the end of waiting for it. */
export async function roomIn(to: Writable): Promise<void> {
  const stop = new AbortController();
  try {
    const signal = { signal: stop.signal };
    await Promise.race([once(to, 'drain', signal), once(to, 'close', signal)]);
  } catch {
    // An error event: the stream is destroyed, which whoever waited sees.
  } finally {
    stop.abort();
  }
}
