import type { Env, Labels } from '../../base/env.ts';
import type { AdmissionRequest } from './plugin.ts';

type Step = 'admit' | 'validate';
const name = 'apiserver_admission_step_admission_duration_seconds';

/** Labels are made once: nothing is put together for a request. */
const made = new Map<string, readonly [passed: Labels, rejected: Labels]>();

function labelsOf(operation: AdmissionRequest['operation'], type: Step): readonly [Labels, Labels] {
  const key = type === 'admit' ? operation : `${operation} ${type}`;
  let both = made.get(key);
  if (!both) {
    const of = (rejected: string) => Object.freeze({ operation, rejected, type });
    both = [of('false'), of('true')];
    made.set(key, both);
  }
  return both;
}

/** Runs all plugins of one sort over a write, and notes how long that took and what came of it. */
export function measuredStep<T>(
  { clock, metrics }: Pick<Env, 'clock' | 'metrics'>,
  { operation }: AdmissionRequest,
  type: Step,
  run: () => Promise<T> | T,
): Promise<T> | T {
  const [passed, rejected] = labelsOf(operation, type);
  const started = clock.monotonic();
  const note = (labels: Labels) => metrics.observe(name, (clock.monotonic() - started) / 1000, labels);
  const refused = (error: unknown): never => {
    note(rejected);
    throw error;
  };
  let done: Promise<T> | T;
  try {
    done = run();
  } catch (error) {
    return refused(error);
  }
  if (!(done instanceof Promise)) {
    note(passed);
    return done;
  }
  return done.then((value) => {
    note(passed);
    return value;
  }, refused);
}
