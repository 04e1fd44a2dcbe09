import type { Metrics, Millis } from '../base/env.ts';
import type { Store } from '../store/store.ts';
import type { FairGate } from './fair-gate.ts';
import { type KindRegistry, storagePrefix } from './kinds.ts';

const level = Object.freeze({ priority_level: 'global-default' });
/** There is one queue for all, and one level: a request takes one seat. */
const flow = Object.freeze({ flow_schema: 'global-default', priority_level: 'global-default' });
const waitName = 'apiserver_flowcontrol_request_wait_duration_seconds';
const waited = Object.freeze({ ...flow, execute: 'true' });
/** Those who did not wait are told all together, when somebody asks. */
export const hasWaited = (metrics: Metrics, tookMs: Millis): void => metrics.observe(waitName, tookMs / 1000, waited);
const refusedFlow = Object.freeze({ ...flow, reason: 'queue-full' });

function flowFigures(metrics: Metrics, gate: FairGate): void {
  const { inside, waiting, limits } = gate;
  const { entered, atOnce, refused } = gate.sinceLast();
  if (atOnce > 0) metrics.observe(waitName, 0, waited, atOnce);
  metrics.gauge('apiserver_flowcontrol_current_inqueue_requests', waiting, flow);
  metrics.gauge('apiserver_flowcontrol_current_executing_requests', inside, flow);
  metrics.gauge('apiserver_flowcontrol_current_inqueue_seats', waiting, flow);
  metrics.gauge('apiserver_flowcontrol_current_executing_seats', inside, flow);
  metrics.gauge('apiserver_flowcontrol_nominal_limit_seats', limits.atOnce, level);
  metrics.gauge('apiserver_flowcontrol_current_limit_seats', limits.atOnce, level);
  metrics.count('apiserver_flowcontrol_dispatched_requests_total', flow, entered);
  metrics.count('apiserver_flowcontrol_rejected_requests_total', refusedFlow, refused);
}

/** Figures that nobody counts by the way: found out when somebody asks. */
export async function standingFigures(
  metrics: Metrics,
  {
    kinds,
    store,
    gate,
    version,
  }: { readonly kinds: KindRegistry; readonly store: Store; readonly gate: FairGate; readonly version: object },
): Promise<void> {
  const { gitVersion, gitCommit, gitTreeState, buildDate, goVersion, compiler, platform, major, minor } =
    version as Readonly<Record<string, string>>;
  metrics.gauge('kubernetes_build_info', 1, {
    git_version: gitVersion ?? '',
    git_commit: gitCommit ?? '',
    git_tree_state: gitTreeState ?? '',
    build_date: buildDate ?? '',
    go_version: goVersion ?? '',
    compiler: compiler ?? '',
    platform: platform ?? '',
    major: major ?? '',
    minor: minor ?? '',
  });
  const { inside, changing } = gate;
  metrics.gauge('apiserver_current_inflight_requests', changing, { request_kind: 'mutating' });
  metrics.gauge('apiserver_current_inflight_requests', inside - changing, { request_kind: 'readOnly' });
  flowFigures(metrics, gate);
  for (const kind of kinds.all()) {
    if (kind.rules.storedAs || !kind.verbs.includes('list')) continue;
    const { entries, remaining } = await store.list(storagePrefix(kind), { limit: 1 });
    const resource = kind.group ? `${kind.plural}.${kind.group}` : kind.plural;
    const count = entries.length + remaining;
    metrics.gauge('apiserver_storage_objects', count, { resource });
    metrics.gauge('apiserver_resource_objects', count, { group: kind.group, resource: kind.plural });
  }
}
