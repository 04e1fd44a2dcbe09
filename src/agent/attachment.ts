import { ApiError } from '../api/error.ts';
import type { Pod } from '../api/kinds/pod.ts';
import type { Instant } from '../base/env.ts';
import type { Stop } from '../base/stop.ts';
import { attemptsOf } from './logs.ts';
import type { ExecPart, Runtime } from './runtime.ts';

/** The attempt of a container that runs now: what a command can be run in, and what can be attached to. */
export async function runningId(runtime: Runtime, pod: Pod, container: string): Promise<string> {
  const running = (await attemptsOf(runtime, pod, container)).find((attempt) => attempt.state === 'running');
  if (running) return running.id;
  throw new ApiError('BadRequest', `container ${container} is not running in pod ${pod.metadata.name}`);
}

/** What a container says from now on, where a runtime has nothing better than its log. */
export async function* outputOf(runtime: Runtime, id: string, since: Instant, stop: Stop): AsyncGenerator<ExecPart> {
  const options = { follow: true, timestamps: false, since };
  for await (const bytes of runtime.logs(id, options, stop)) yield { from: 'stdout', bytes };
}
