import { type Kind, pathOf } from '../api/kind.ts';
import type { Deployment } from '../api/kinds/deployment.ts';
import { isReady, type Pod } from '../api/kinds/pod.ts';
import { podDisruptionBudgets as budgetKind, type PodDisruptionBudget } from '../api/kinds/pod-disruption-budget.ts';
import type { ReplicaSet } from '../api/kinds/replica-set.ts';
import type { ReplicationController } from '../api/kinds/replication-controller.ts';
import type { StatefulSet } from '../api/kinds/stateful-set.ts';
import { controllerOf, type Key, keyOf, type Owner } from '../api/object.ts';
import { matcherOf, printedSelector } from '../api/selector.ts';
import type { Instant, Random } from '../base/env.ts';
import { parseTime, timestamp } from '../base/text.ts';
import type { Action, Notice } from '../client/action.ts';
import { byNamespace, type Cache } from '../machinery/cache.ts';
import {
  type Answer,
  type Controller,
  type Plan,
  type Question,
  type Source,
  source,
} from '../machinery/controller.ts';
import type { KindCaches } from '../machinery/kind-caches.ts';
import { type ExpectedPods, expectedPods, isForeign, Scales } from './disruption-scale.ts';
import { type BudgetStatus, budgetSpecOf, budgetStatusOf } from './disruption-shape.ts';
import { statusPatch } from './status-patch.ts';

/** A pod whose eviction was granted is taken for gone this long, then for one that stays. */
const deletionTimeoutMs = 120_000;
const allowedCondition = 'DisruptionAllowed';

export interface BudgetObserved {
  readonly budget: PodDisruptionBudget;
  readonly pods: readonly Pod[];
  readonly scales: Scales;
}
export interface ScaleCaches {
  readonly deployments: Cache<Deployment>;
  readonly replicaSets: Cache<ReplicaSet>;
  readonly replicationControllers: Cache<ReplicationController>;
  readonly statefulSets: Cache<StatefulSet>;
}

/** Counts how many pods of a budget may be evicted. Evictions themselves take from it in the server. */
export class DisruptionController implements Controller<BudgetObserved> {
  readonly name = 'controllermanager';
  readonly #budgets: Cache<PodDisruptionBudget>;
  readonly #pods: Cache<Pod>;
  readonly #scales: ScaleCaches;
  readonly #kinds: Pick<KindCaches, 'all'>;

  constructor(
    budgets: Cache<PodDisruptionBudget>,
    pods: Cache<Pod>,
    scales: ScaleCaches,
    kinds: Pick<KindCaches, 'all'> = { all: () => [] },
  ) {
    this.#kinds = kinds;
    this.#budgets = budgets.index('namespace', byNamespace);
    this.#pods = pods.index('namespace', byNamespace);
    this.#scales = scales;
  }

  sources(): readonly Source[] {
    const { deployments, replicaSets, replicationControllers, statefulSets } = this.#scales;
    const none = (): readonly Key[] => [];
    return [
      source(this.#budgets, (budget) => [keyOf(budget)]),
      source(this.#pods, ({ metadata }) =>
        this.#budgets
          .by('namespace', metadata.namespace ?? '')
          .filter((budget) => matcherOf(budgetSpecOf(budget).selector)(metadata.labels))
          .map(keyOf),
      ),
      // Looked into, and waited for at the start: what changes there shows in pods.
      source(deployments, none),
      source(replicaSets, none),
      source(replicationControllers, none),
      source(statefulSets, none),
    ];
  }

  observe(key: Key): BudgetObserved | undefined {
    const budget = this.#budgets.get(key);
    if (!budget) return undefined;
    const matches = matcherOf(budgetSpecOf(budget).selector);
    const pods = this.#pods.by('namespace', key.namespace).filter((pod) => matches(pod.metadata.labels));
    return { budget, pods, scales: new Scales(this.#scales) };
  }

  /** The scale of owners of kinds that a definition made, or somebody else serves. */
  wants({ budget, pods }: BudgetObserved): readonly Question[] {
    const { namespace = '' } = budget.metadata;
    return this.#foreign(pods).map(({ owner, kind }) => ({ path: pathOf(kind, namespace, owner.name, 'scale') }));
  }

  #foreign(pods: readonly Pod[]): readonly { readonly owner: Owner; readonly kind: Kind }[] {
    const owners = new Map<string, Owner>();
    for (const pod of pods) {
      const owner = controllerOf(pod);
      if (owner && isForeign(owner)) owners.set(owner.uid, owner);
    }
    if (owners.size === 0) return [];
    const kinds = this.#kinds.all().map((cache) => cache.kind);
    return [...owners.values()].flatMap((owner) => {
      const group = owner.apiVersion.includes('/') ? owner.apiVersion.split('/')[0] : '';
      const kind = kinds.find((one) => one.kind === owner.kind && one.group === group);
      return kind?.subresources.some(({ name }) => name === 'scale') ? [{ owner, kind }] : [];
    });
  }

  plan(
    { budget, pods, scales: known }: BudgetObserved,
    now: Instant,
    _random?: Random,
    answers: readonly Answer[] = [],
  ): Plan {
    const asked = this.#foreign(pods);
    const scales = known.with(new Map(answers.map((answer, at) => [asked[at]?.owner.uid ?? '', answer])));
    const expected = expectedPods(budgetSpecOf(budget), pods, scales);
    const notices: Notice[] = [];
    if (pods.length === 0) notices.push(told(budget, 'NoPods', 'No matching pods found'));
    if ('error' in expected) {
      const message = `Failed to calculate the number of expected pods: ${expected.error}`;
      notices.push(told(budget, 'CalculateExpectedPodCountFailed', message, 'Warning'));
      return { actions: [notices, this.#write(budget, failed(budget, expected.error, now))] };
    }
    if (expected.unmanaged) notices.push(unmanaged(budget));
    const { disrupted, late, again } = disruptedOf(budget, pods, now);
    notices.push(...late.map((pod) => overdue(budget, pod)));
    const status = counted(budget, pods, { expected, disrupted, now });
    const actions = [notices, this.#write(budget, status)].filter((group) => group.length > 0);
    return { actions, ...(again === undefined ? {} : { again }) };
  }

  /** Guarded by the revision: an eviction that was granted meanwhile must not be forgotten. */
  #write(budget: PodDisruptionBudget, status: BudgetStatus): readonly Action[] {
    const { resourceVersion } = budget.metadata;
    return statusPatch(budgetKind, budget, status).map((action) =>
      action.verb === 'patch'
        ? { ...action, patch: { ...(action.patch as object), metadata: { resourceVersion } } }
        : action,
    );
  }
}

const told = (
  about: PodDisruptionBudget,
  reason: string,
  message: string,
  type: 'Normal' | 'Warning' = 'Normal',
): Notice => ({ verb: 'event', about, type, reason, message });

function unmanaged(budget: PodDisruptionBudget): Notice {
  const selector = printedSelector(budgetSpecOf(budget).selector);
  const message =
    `Pods selected by this PodDisruptionBudget (selector: ${selector}) were found to be unmanaged. As a result, ` +
    'the status of the PDB cannot be calculated correctly, which may result in undefined behavior. ' +
    'To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.';
  return told(budget, 'UnmanagedPods', message, 'Warning');
}

function overdue({ metadata }: PodDisruptionBudget, pod: Pod): Notice {
  // Upstream names the namespace twice, and people look for it.
  const message = `Pod was expected by PDB ${metadata.namespace}/${metadata.namespace} to be deleted but it wasn't`;
  return { verb: 'event', about: pod, type: 'Warning', reason: 'NotDeleted', message };
}

interface Disrupted {
  readonly disrupted: Readonly<Record<string, string>>;
  readonly late: readonly Pod[];
  readonly again?: number;
}

/** Pods whose eviction was granted and that are not deleted yet. */
function disruptedOf(budget: PodDisruptionBudget, pods: readonly Pod[], now: Instant): Disrupted {
  const { disruptedPods = {} } = budgetStatusOf(budget);
  const disrupted: Record<string, string> = {};
  const late: Pod[] = [];
  const waits: number[] = [];
  for (const pod of pods) {
    const { name, deletionTimestamp } = pod.metadata;
    const since = disruptedPods[name];
    if (since === undefined || deletionTimestamp !== undefined) continue;
    const left = parseTime(since) + deletionTimeoutMs - now;
    if (left < 0) late.push(pod);
    else {
      disrupted[name] = since;
      waits.push(left + 1);
    }
  }
  return { disrupted, late, ...(waits.length > 0 ? { again: Math.min(...waits) } : {}) };
}

interface Counts {
  readonly expected: ExpectedPods;
  readonly disrupted: Readonly<Record<string, string>>;
  readonly now: Instant;
}

function counted(
  budget: PodDisruptionBudget,
  pods: readonly Pod[],
  { expected, disrupted, now }: Counts,
): BudgetStatus {
  const { count, desiredHealthy } = expected;
  const healthy = pods.filter(
    (pod) => !pod.metadata.deletionTimestamp && disrupted[pod.metadata.name] === undefined && isReady(pod),
  );
  const observedGeneration = budget.metadata.generation ?? 0;
  // A budget without pods allows nothing: the first of them may appear before this is counted again.
  const disruptionsAllowed = count <= 0 ? 0 : Math.max(0, healthy.length - desiredHealthy);
  const reason = disruptionsAllowed > 0 ? 'SufficientPods' : 'InsufficientPods';
  return {
    observedGeneration,
    ...(Object.keys(disrupted).length > 0 ? { disruptedPods: disrupted } : {}),
    disruptionsAllowed,
    currentHealthy: healthy.length,
    desiredHealthy,
    expectedPods: count,
    conditions: conditionsOf(budget, { allowed: disruptionsAllowed > 0, reason, message: '', observedGeneration, now }),
  };
}

/** What cannot be counted allows nothing. */
function failed(budget: PodDisruptionBudget, message: string, now: Instant): BudgetStatus {
  const status = budgetStatusOf(budget);
  const { observedGeneration = 0 } = status;
  const judgement = { allowed: false, reason: 'SyncFailed', message, observedGeneration, now };
  return { ...status, disruptionsAllowed: 0, conditions: conditionsOf(budget, judgement) };
}

interface Judgement {
  readonly allowed: boolean;
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration: number;
  readonly now: Instant;
}

function conditionsOf(budget: PodDisruptionBudget, judgement: Judgement): NonNullable<BudgetStatus['conditions']> {
  const { allowed, reason, message, observedGeneration, now } = judgement;
  const { conditions = [] } = budgetStatusOf(budget);
  const status = allowed ? 'True' : 'False';
  const before = conditions.find(({ type }) => type === allowedCondition);
  const lastTransitionTime = before?.status === status ? (before.lastTransitionTime ?? null) : timestamp(now);
  const next = { type: allowedCondition, status, reason, message, observedGeneration, lastTransitionTime };
  return [...conditions.filter((condition) => condition !== before), next];
}
