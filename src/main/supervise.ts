import { type Component, type Env, type Millis, Stopped, sleep } from '../base/env.ts';
import type { Stop } from '../base/stop.ts';

const restartMinMs: Millis = 100;
const restartMaxMs: Millis = 30_000;

/** Runs parts until stopped. One that breaks is a bug: it is counted, logged and started again with back-off. */
export async function supervise(env: Env, parts: readonly Component[], stop: Stop): Promise<void> {
  await Promise.all(parts.map((part) => keepRunning(env, part, stop)));
}

async function keepRunning(env: Env, part: Component, stop: Stop): Promise<void> {
  for (let failures = 0; !stop.stopped; failures++) {
    try {
      await part.run(stop);
      return;
    } catch (error) {
      if (stop.stopped || error instanceof Stopped) return;
      env.metrics.count('mini_k8s_part_restarts_total', { part: part.name });
      env.log.error('a part broke and starts again', { part: part.name, error: described(error) });
      const delay = Math.min(restartMinMs * 2 ** failures, restartMaxMs);
      await sleep(env.clock, delay, stop).catch(() => {});
    }
  }
}

function described(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause ? `${error.stack}\ncaused by ${described(error.cause)}` : (error.stack ?? error.message);
}
