import type { Steps } from './steps.ts';

/** Runs work to its end and tells how it gave way: the most members in one step, and all of them. */
export function paceOf<T>(steps: Steps<T>): {
  readonly result: T;
  readonly longest: number;
  readonly members: number;
} {
  let longest = 0;
  let members = 0;
  for (;;) {
    const next = steps.next();
    if (next.done) return { result: next.value, longest, members };
    longest = Math.max(longest, next.value);
    members += next.value;
  }
}
