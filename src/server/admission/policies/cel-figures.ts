import type { Env } from '../../../base/env.ts';
import type { Steps } from '../../../base/steps.ts';

type Measured = Pick<Env, 'clock' | 'metrics'>;

/** Compiles expressions, and notes how long it took, under upstream's name. */
export function timedCompilation<T>({ clock, metrics }: Measured, work: () => T): T {
  const began = clock.monotonic();
  try {
    return work();
  } finally {
    metrics.observe('apiserver_cel_compilation_duration_seconds', (clock.monotonic() - began) / 1000);
  }
}

/** The same of an evaluation, without the turns that it lets others have. */
export function* timedEvaluation<T>({ clock, metrics }: Measured, steps: Steps<T>): Steps<T> {
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
    metrics.observe('apiserver_cel_evaluation_duration_seconds', tookMs / 1000);
  }
}
