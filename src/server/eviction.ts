import { ApiError } from '../api/error.ts';
import { isFinished, isReady, type Pod, pods } from '../api/kinds/pod.ts';
import { type PodDisruptionBudget, podDisruptionBudgets } from '../api/kinds/pod-disruption-budget.ts';
import { type KubeObject, keyOf } from '../api/object.ts';
import { type LabelSelector, matcherOf } from '../api/selector.ts';
import type { ApiRequest } from '../api/wire.ts';
import type { Instant } from '../base/env.ts';
import type { JsonObject } from '../base/json.ts';
import { timestamp } from '../base/text.ts';
import { admittedThrough } from './admission/door.ts';
import { decodeObject } from './decode.ts';
import { type DeleteOptions, deleteObject } from './delete.ts';
import { storagePrefix } from './kinds.ts';
import { getEntry } from './read.ts';
import type { ResourceRoute } from './route.ts';
import type { WriteDeps, WriteOptions, Writer } from './write.ts';
import { checkOptions } from './write-options.ts';

const evictionKind = { group: 'policy', version: 'v1', kind: 'Eviction' };
const retryAfterSeconds = 10;
/** Pods that a budget remembers as being evicted and still sees: more mean that its controller is gone. */
const disruptedMax = 2_000;

const disruptionTarget = {
  type: 'DisruptionTarget',
  status: 'True',
  reason: 'EvictionByEvictionAPI',
  message: 'Eviction API: evicting',
};

interface BudgetSpec {
  readonly selector?: LabelSelector;
  readonly unhealthyPodEvictionPolicy?: string;
}
interface BudgetStatus {
  readonly observedGeneration?: number;
  readonly disruptionsAllowed?: number;
  readonly desiredHealthy?: number;
  readonly currentHealthy?: number;
  readonly disruptedPods?: Readonly<Record<string, string>>;
  readonly conditions?: readonly {
    readonly type: string;
    readonly status: string;
    readonly reason: string;
    readonly message?: string;
  }[];
}
interface EvictionDeps extends WriteDeps {
  readonly writer: Writer;
}

/** A delete that asks the disruption budgets first. What it takes of a budget it takes before the pod goes. */
export async function evict(
  deps: EvictionDeps,
  route: ResourceRoute,
  request: ApiRequest,
  options: WriteOptions,
): Promise<void> {
  const eviction = decodeObject(request, evictionKind).object as { readonly deleteOptions?: DeleteOptions } & {
    readonly metadata: { readonly name?: string };
  };
  const sent = eviction as unknown as KubeObject;
  await admittedThrough(deps.plugins, sent, { operation: 'CREATE', kind: route.kind, route, ...options });
  if (eviction.metadata.name !== route.name) {
    throw new ApiError('BadRequest', 'name in URL does not match name in Eviction object');
  }
  const asked = eviction.deleteOptions ?? {};
  const dryRun = asked.dryRun ?? [];
  if (options.dryRun && dryRun.length > 0 && dryRun.join() !== 'All') {
    throw new ApiError('', `Non-matching dry-run options in request and content: [All] and [${dryRun.join(' ')}]`);
  }
  const main = { ...route, subresource: '' };
  const how = { ...options, admitted: true, dryRun: options.dryRun || dryRun.length > 0 };
  const pod = deps.views.object(pods, await getEntry(deps.store, main)) as Pod;
  checkOptions('DeleteOptions', asked);
  const guard = await guardOf(deps, pod);
  // It is as it was when this was decided, or the eviction fails: a pod may have become ready meanwhile.
  const { resourceVersion } = pod.metadata;
  if (guard.as === 'is free to go' && guard.because === 'unhealthy') {
    await markAndDelete(deps, main, { ...asked, preconditions: { ...asked.preconditions, resourceVersion } }, how);
    return;
  }
  if (guard.as === 'counts') await take(deps, guard.budget, pod, how);
  await markAndDelete(deps, main, asked, how);
}

/** The pod says why it goes: whoever counts failures tells evictions from crashes by this. */
async function markAndDelete(
  deps: EvictionDeps,
  route: ResourceRoute,
  asked: DeleteOptions,
  options: WriteOptions,
): Promise<void> {
  const { uid, resourceVersion } = asked.preconditions ?? {};
  const { caller, dryRun } = options;
  const status = { ...route, subresource: 'status', verb: 'update' } as const;
  const mark = (live: KubeObject) => {
    if (uid !== undefined && uid !== live.metadata.uid) return live;
    const metadata = resourceVersion === undefined ? live.metadata : { ...live.metadata, resourceVersion };
    return { ...withTarget(live as Pod, deps.env.clock.now()), metadata };
  };
  const marked = await deps.writer.update(status, mark, { caller, dryRun });
  const at = dryRun || resourceVersion === undefined ? resourceVersion : marked.metadata.resourceVersion;
  const preconditions = { ...asked.preconditions, ...(at === undefined ? {} : { resourceVersion: at }) };
  await deleteObject(deps, route, { ...asked, preconditions }, options);
}

function withTarget(pod: Pod, now: Instant): Pod {
  const { conditions = [] } = pod.status ?? {};
  const before = conditions.find(({ type }) => type === disruptionTarget.type);
  const lastTransitionTime = before?.status === 'True' ? (before.lastTransitionTime ?? null) : timestamp(now);
  const others = conditions.filter((condition) => condition !== before);
  return { ...pod, status: { ...pod.status, conditions: [...others, { ...disruptionTarget, lastTransitionTime }] } };
}

type Guard =
  | { readonly as: 'is free to go'; readonly because: 'no budget' | 'unhealthy' }
  | { readonly as: 'counts'; readonly budget: PodDisruptionBudget };

async function guardOf(deps: EvictionDeps, pod: Pod): Promise<Guard> {
  // It serves nobody: no budget can be hurt.
  const idle = isFinished(pod) || pod.status?.phase === 'Pending' || pod.metadata.deletionTimestamp !== undefined;
  if (idle) return { as: 'is free to go', because: 'no budget' };
  const prefix = `${storagePrefix(podDisruptionBudgets)}${pod.metadata.namespace}/`;
  const budgets = (await deps.store.list(prefix)).entries
    .map((entry) => deps.views.object(podDisruptionBudgets, entry) as PodDisruptionBudget)
    .filter(({ spec }) => selects((spec as BudgetSpec | undefined)?.selector, pod));
  const [budget] = budgets;
  if (!budget) return { as: 'is free to go', because: 'no budget' };
  if (budgets.length > 1) {
    throw new ApiError(
      'InternalError',
      'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
    );
  }
  if (!isReady(pod) && mayGoUnhealthy(budget)) return { as: 'is free to go', because: 'unhealthy' };
  return { as: 'counts', budget };
}

const selects = (selector: LabelSelector | undefined, pod: Pod): boolean =>
  selector !== undefined && matcherOf(selector)(pod.metadata.labels);

function mayGoUnhealthy({ spec, status }: PodDisruptionBudget): boolean {
  if ((spec as BudgetSpec | undefined)?.unhealthyPodEvictionPolicy === 'AlwaysAllow') return true;
  const { currentHealthy = 0, desiredHealthy = 0 } = (status ?? {}) as BudgetStatus;
  return desiredHealthy > 0 && currentHealthy >= desiredHealthy;
}

/** Takes one disruption of the budget, and leaves a mark by which the budget's controller knows the pod as leaving. */
async function take(deps: EvictionDeps, budget: PodDisruptionBudget, pod: Pod, options: WriteOptions): Promise<void> {
  const { namespace, name } = keyOf(budget);
  const route = {
    kind: podDisruptionBudgets,
    namespace,
    name,
    subresource: 'status',
    rest: '',
    verb: 'update',
  } as const;
  const { manager: _unowned, ...by } = options;
  const spend = (live: KubeObject) => spent(live as PodDisruptionBudget, pod.metadata.name, deps.env.clock.now());
  await deps.writer.update(route, spend, by);
}

function spent(budget: PodDisruptionBudget, pod: string, now: Instant): PodDisruptionBudget {
  const { name, generation = 0 } = budget.metadata;
  const status = (budget.status ?? {}) as BudgetStatus;
  const { observedGeneration = 0, disruptionsAllowed = 0, disruptedPods = {} } = status;
  if (observedGeneration < generation) {
    throw violated(`The disruption budget ${name} is still being processed by the server.`, { retryAfterSeconds });
  }
  if (disruptionsAllowed < 0) throw forbidden(name, 'pdb disruptions allowed is negative');
  if (Object.keys(disruptedPods).length > disruptedMax) {
    throw forbidden(name, 'DisruptedPods map too big - too many evictions not confirmed by PDB controller');
  }
  if (disruptionsAllowed === 0) throw violated(whyNot(name, status), {});
  const left = disruptionsAllowed - 1;
  const spentAll = { type: 'DisruptionAllowed', status: 'False', reason: 'InsufficientPods', message: '' };
  const conditions = (status.conditions ?? []).map((condition) =>
    left === 0 && condition.type === spentAll.type
      ? { ...condition, ...spentAll, observedGeneration, lastTransitionTime: timestamp(now) }
      : condition,
  );
  const next: BudgetStatus = {
    ...status,
    disruptionsAllowed: left,
    disruptedPods: { ...disruptedPods, [pod]: timestamp(now) },
    ...(status.conditions ? { conditions } : {}),
  };
  return { ...budget, status: next as unknown as JsonObject };
}

function whyNot(name: string, { conditions, desiredHealthy = 0, currentHealthy = 0 }: BudgetStatus): string {
  const allowed = conditions?.find(({ type }) => type === 'DisruptionAllowed');
  if (allowed?.status === 'False' && allowed.reason === 'SyncFailed') {
    return `The disruption budget ${name} does not allow evicting pods currently because it failed sync: ${allowed.message}`;
  }
  return `The disruption budget ${name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`;
}

const violated = (message: string, more: { readonly retryAfterSeconds?: number }) =>
  new ApiError('TooManyRequests', "Cannot evict pod as it would violate the pod's disruption budget.", {
    causes: [{ reason: 'DisruptionBudget', message }],
    ...more,
  });

const forbidden = (name: string, why: string) =>
  new ApiError('Forbidden', `poddisruptionbudgets.policy ${JSON.stringify(name)} is forbidden: ${why}`, {
    name,
    group: 'policy',
    kind: 'poddisruptionbudgets',
  });
