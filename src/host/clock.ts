import { performance } from 'node:perf_hooks';
import type { Clock, Instant } from '../base/env.ts';
import { turnForLongWork } from './long-work.ts';

// Node fires a longer timer at once: it counts in 32 bits.
const delayMaxMs = 2 ** 31 - 1;

/** The machine's clock. */
export const machineClock: Clock = {
  now: () => Date.now() as Instant,
  monotonic: () => performance.now(),
  after: (delay, fire) => {
    // A timer of Node's waits a millisecond at least: whoever only lets others have a turn would be asleep for it.
    if (!(delay > 0)) return turnForLongWork(fire);
    let timer = setTimeout(step, Math.min(delay, delayMaxMs));
    let left = delay;
    function step(): void {
      left -= delayMaxMs;
      if (!(left > 0)) return fire();
      timer = setTimeout(step, Math.min(left, delayMaxMs));
    }
    return () => clearTimeout(timer);
  },
};
