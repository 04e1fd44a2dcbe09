import { type Job, jobs as jobKind } from '../api/kinds/job.ts';
import { type Pod, pods as podKind } from '../api/kinds/pod.ts';
import { controllerOf, type Key, keyOf } from '../api/object.ts';
import { matcherOf } from '../api/selector.ts';
import type { Instant, Random } from '../base/env.ts';
import { byNamespace, byOwner, type Cache } from '../machinery/cache.ts';
import { type Controller, nothing, type Plan, type Refusal, type Source, source } from '../machinery/controller.ts';
import { endOfPod, type Failures, failuresOf, type PodEnd } from './job-backoff.ts';
import { endOf, isForeign, isTracked, jobSpecOf, replacesOnlyFailed, trackingFinalizer } from './job-shape.ts';
import { JobSync } from './job-sync.ts';
import { byOrphan, type Claimed, claim } from './ownership.ts';
import { isPodRefusal, podRefusal } from './pod-refusal.ts';

/** Pods of a job often end together, and each end would be two writes: they are counted by the half second. */
const gatherMs = 500;

export interface JobObserved {
  readonly job: Job;
  /** Owned, and orphans of the namespace that match. */
  readonly pods: readonly Pod[];
  readonly failures: Failures;
}

/** Runs pods until enough of them have succeeded, or too many have failed. */
export class JobController implements Controller<JobObserved> {
  readonly name = 'job-controller';
  readonly #jobs: Cache<Job>;
  readonly #pods: Cache<Pod>;
  /** By job, how its pods ended. As upstream, a restart forgets it: the next pod is made sooner then. */
  readonly #ends = new Map<string, Map<string, PodEnd>>();

  constructor(jobs: Cache<Job>, pods: Cache<Pod>) {
    this.#jobs = jobs.index('namespace', byNamespace);
    this.#pods = pods.index('owner', byOwner).index('orphan', byOrphan);
    pods.onChange((now) => this.#remember(now));
    jobs.onChange((now, before) => {
      if (before && (!now || endOf(now))) this.#ends.delete(before.metadata.uid);
    });
  }

  sources(): readonly Source[] {
    return [source(this.#jobs, (job) => [keyOf(job)]), source(this.#pods, (pod) => this.#jobsOf(pod), gatherMs)];
  }

  #jobsOf(pod: Pod): readonly Key[] {
    const namespace = pod.metadata.namespace ?? '';
    const owner = controllerOf(pod);
    if (owner) return owner.kind === 'Job' ? [{ namespace, name: owner.name }] : [];
    const matching = this.#jobs
      .by('namespace', namespace)
      .filter((job) => matcherOf(jobSpecOf(job).selector)(pod.metadata.labels));
    return matching.map(keyOf);
  }

  #remember(pod: Pod | undefined): void {
    const owner = pod && isTracked(pod) ? controllerOf(pod) : undefined;
    const end = pod && owner?.kind === 'Job' ? endOfPod(pod) : undefined;
    if (!pod || !owner || !end) return;
    const job = this.#jobs.get({ namespace: pod.metadata.namespace ?? '', name: owner.name });
    if (job?.metadata.uid !== owner.uid || endOf(job)) return;
    const ends = this.#ends.get(owner.uid) ?? new Map<string, PodEnd>();
    ends.set(pod.metadata.uid, end);
    this.#ends.set(owner.uid, ends);
  }

  observe(key: Key): JobObserved | undefined {
    const job = this.#jobs.get(key);
    if (!job || isForeign(job) || endOf(job)) return undefined;
    const matches = matcherOf(jobSpecOf(job).selector);
    const owned = this.#pods.by('owner', job.metadata.uid);
    const orphans = this.#pods
      .by('orphan', key.namespace)
      .filter((pod) => matches(pod.metadata.labels) && !owned.includes(pod));
    const ends = [...(this.#ends.get(job.metadata.uid)?.values() ?? [])];
    return { job, pods: [...owned, ...orphans], failures: failuresOf(ends, replacesOnlyFailed(job)) };
  }

  plan({ job, pods, failures }: JobObserved, now: Instant, random: Random): Plan {
    const claimed = claimedBy(job, pods);
    const { actions, ...rest } = new JobSync(job, { pods: claimed.mine, failures, now, random }).plan();
    return { ...rest, actions: [claimed.actions, ...actions].filter((group) => group.length > 0) };
  }

  /** What ended is counted all the same, although nothing can be made. */
  refused({ job, pods, failures }: JobObserved, refusal: Refusal, now: Instant): Plan {
    if (!isPodRefusal(refusal)) return nothing;
    const notice = podRefusal(job, refusal);
    const { mine } = claimedBy(job, pods);
    const { actions } = new JobSync(job, { pods: mine, failures, now }).plan();
    return { actions: notice ? [[notice], ...actions] : actions };
  }
}

function claimedBy(job: Job, pods: readonly Pod[]): Claimed<Pod> {
  const { selector = {} } = jobSpecOf(job);
  return claim(podKind, { kind: jobKind, owner: job, selector, finalizer: trackingFinalizer }, pods);
}
