import type { Env } from '../../../base/env.ts';
import type { Steps } from '../../../base/steps.ts';

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

/** The same of what lets others have their turn: what they take is not noted. */
export function* timedInSteps<T>({ clock, metrics }: Measured, what: 'evaluation', steps: Steps<T>): Steps<T> {
  let tookMs = 0;
  const step = () => {
    const began = clock.monotonic();
    try {
      return steps.next();
    } finally {
      tookMs += clock.monotonic() - began;
    }
  };
  try {
    for (;;) {
      const next = step();
      if (next.done) return next.value;
      yield next.value;
    }
  } finally {
    metrics.observe(`apiserver_cel_${what}_duration_seconds`, tookMs / 1000);
  }
}
