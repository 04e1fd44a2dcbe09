import type { Env } from '../../../base/env.ts';

type Measured = Pick<Env, 'clock' | 'metrics'>;

/** Does something with expressions, and notes how long it took, under upstream's name. */
export function timed<T>({ clock, metrics }: Measured, what: 'compilation' | 'evaluation', work: () => T): T {
  const began = clock.monotonic();
  try {
    return work();
  } finally {
    metrics.observe(`apiserver_cel_${what}_duration_seconds`, (clock.monotonic() - began) / 1000);
  }
}
