import type { Clock, Millis } from '../base/env.ts';

/** How long work on one request may go on before everybody else has a turn. */
const sliceMs = 10 as Millis;
/** How many items are worked on between two looks at the clock. */
const itemsPerLook = 64;

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
  let started = clock.monotonic();
  for (const item of items) {
    out.push(work(item));
    if (out.length % itemsPerLook !== 0 || clock.monotonic() - started < sliceMs) continue;
    await new Promise<void>((resolve) => void clock.after(0, resolve));
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
