import type { Env, Labels } from '../../base/env.ts';
import type { AdmissionRequest } from './plugin.ts';

type Step = 'admit' | 'validate';
const name = 'apiserver_admission_step_admission_duration_seconds';

type Operation = AdmissionRequest['operation'];
type Both = readonly [passed: Labels, rejected: Labels];

/** Labels are made once: nothing is put together for a request. */
const made: Readonly<Record<Step, Partial<Record<Operation, Both>>>> = { admit: {}, validate: {} };

function labelsOf(operation: Operation, type: Step): Both {
  const of = (rejected: string) => Object.freeze({ operation, rejected, type });
  return (made[type][operation] ??= [of('false'), of('true')]);
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
