import type { Writable } from 'node:stream';

const ends = ['drain', 'close', 'error'] as const;

/** Room, or the end of waiting for it: whoever waited looks whether the stream is still there. */
export function roomIn(to: Writable): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      for (const name of ends) to.off(name, end);
      resolve();
    };
    if (to.destroyed) resolve();
    else for (const name of ends) to.on(name, end);
  });
}
