import type { Clock, Millis } from '../base/env.ts';

/**
 * How long work on one request may go on before everybody else has a turn. A small request is read, asked and answered
 * between two slices, where the clock gives it its turn first.
 */
export const sliceMs = 2 as Millis;
/** How many items are worked on between two looks at the clock. */
const itemsPerLook = 16;

/** Those who have more to do, and wait until it is their turn again. */
const waiting = new WeakMap<Clock, (() => void)[]>();

/**
 * Maps a long list without holding up whoever waits: a heartbeat or a small request gets its turn in between. Where
 * time stands still, as in a simulation, it is done in one go.
 */
export async function mapInSlices<T, R>(
  clock: Clock,
  items: readonly T[],
  work: (item: T) => R,
): Promise<readonly R[]> {
  const out: R[] = [];
  const busy = (waiting.get(clock)?.length ?? 0) > 0;
  if (busy && items.length > itemsPerLook) await nextTurn(clock);
  let started = clock.monotonic();
  for (const item of items) {
    out.push(work(item));
    if (out.length % itemsPerLook !== 0 || clock.monotonic() - started < sliceMs) continue;
    await nextTurn(clock);
    started = clock.monotonic();
  }
  return out;
}

/** The items that are wanted, looked for in the same way. */
export async function filterInSlices<T>(
  clock: Clock,
  items: readonly T[],
  wanted: (item: T) => boolean,
): Promise<readonly T[]> {
  const verdicts = await mapInSlices(clock, items, wanted);
  return items.filter((_, index) => verdicts[index]);
}

/** One slice a turn, whosever it is: many long requests together hold up nobody longer than one of them does. */
export function nextTurn(clock: Clock): Promise<void> {
  const line = waiting.get(clock) ?? [];
  waiting.set(clock, line);
  return new Promise((resolve) => {
    line.push(resolve);
    if (line.length === 1) clock.after(0, () => serve(clock, line));
  });
}

function serve(clock: Clock, line: (() => void)[]): void {
  const [first] = line;
  // Whoever comes while this one works stands behind those who wait already.
  first?.();
  line.shift();
  if (line.length > 0) clock.after(0, () => serve(clock, line));
}
