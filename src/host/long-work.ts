/**
 * Long work has its turns of the event loop behind everything short. The loop runs what was scheduled first, and a
 * slice is scheduled while the one before it runs: whoever was read in between would wait for one more slice, though it
 * takes a tenth of it. So whoever serves short work is asked each time, before.
 */
const short = new Set<() => void>();

/** Has this run before each slice of long work, in the order in which it was said. Answers how to end that. */
export function beforeLongWork(run: () => void): () => void {
  short.add(run);
  return () => void short.delete(run);
}

/** The next turn for long work. Answers how to give it up. */
export function turnForLongWork(run: () => void): () => void {
  // Each in a callback of its own: what they find out at once, without waiting for anything, is told to the next one.
  for (const early of short) setImmediate(early);
  const turn = setImmediate(run);
  return () => clearImmediate(turn);
}

export const nextTurn = (): Promise<void> => new Promise((resolve) => void turnForLongWork(resolve));
