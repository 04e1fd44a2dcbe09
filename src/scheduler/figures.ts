import type { Pod } from '../api/kinds/pod.ts';
import type { Env, Millis } from '../base/env.ts';
import type { Cache } from '../machinery/cache.ts';

/** Beyond that the oldest are forgotten: they wait for something else than the scheduler. */
const waitingMax = 100_000;

/** Frozen, so that counting makes no text of them for each pod. */
const scheduled = Object.freeze({ result: 'scheduled', profile: 'default-scheduler' });

/** How long pods wait for their node, from when the scheduler could see them, under upstream's name. */
export function schedulingFigures(env: Env, pods: Cache<Pod>): void {
  const since = new Map<string, Millis>();
  pods.onChange((now, before) => {
    const uid = (now ?? before)?.metadata.uid ?? '';
    if (now && !now.spec.nodeName) {
      if (since.size >= waitingMax) since.delete(since.keys().next().value as string);
      if (!since.has(uid)) since.set(uid, env.clock.monotonic());
      return;
    }
    const begun = since.get(uid);
    if (begun === undefined) return;
    since.delete(uid);
    if (!now) return;
    const seconds = (env.clock.monotonic() - begun) / 1_000;
    env.metrics.observe('scheduler_pod_scheduling_sli_duration_seconds', seconds);
    env.metrics.count('scheduler_schedule_attempts_total', scheduled);
    const { namespace, name } = now.metadata;
    env.log.debug('a pod has its node', { pod: `${namespace}/${name}`, node: now.spec.nodeName, seconds });
  });
}
