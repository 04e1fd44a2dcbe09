import type { Env, Instant } from '../base/env.ts';
import { seeded } from '../base/random.ts';

// Browsers, too, fire a longer timer at once: they count in 32 bits.
const delayMaxMs = 2 ** 31 - 1;

/** The world of a page: time and chance of the browser, the console as the log, and neither keys nor metrics. */
export function browserEnv(): Env {
  return {
    clock: {
      now: () => Date.now() as Instant,
      monotonic: () => performance.now(),
      after: (delay, fire) => {
        const timer = setTimeout(fire, Math.min(Math.max(delay, 0), delayMaxMs));
        return () => clearTimeout(timer);
      },
    },
    random: seeded(crypto.getRandomValues(new Uint32Array(4)).join('-')),
    log: {
      debug: (message, fields) => console.debug(message, fields ?? ''),
      info: (message, fields) => console.info(message, fields ?? ''),
      error: (message, fields) => console.error(message, fields ?? ''),
    },
    metrics: { count: () => {}, gauge: () => {}, observe: () => {} },
    crypto: { digest: keyless, seal: keyless, open: keyless, sign: keyless, verify: keyless },
  };
}

function keyless(): never {
  throw new Error('a page holds no keys: ask the server');
}
