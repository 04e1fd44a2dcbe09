import type { Job } from '../api/kinds/job.ts';
import type { Pod } from '../api/kinds/pod.ts';
import { controllerOf, type Key, keyOf } from '../api/object.ts';
import type { Cache } from '../machinery/cache.ts';
import { type Controller, type Plan, type Source, source } from '../machinery/controller.ts';
import { untrack } from './job-pods.ts';
import { endOf, isForeign, isTracked } from './job-shape.ts';

/** Lets go of pods that nobody will count any more: their job is gone or has ended, or does not own them. */
export class JobOrphanController implements Controller<Pod> {
  readonly name = 'job-orphan-controller';
  readonly #jobs: Cache<Job>;
  readonly #pods: Cache<Pod>;

  constructor(jobs: Cache<Job>, pods: Cache<Pod>) {
    this.#jobs = jobs;
    this.#pods = pods.index('tracked', trackedBy);
  }

  sources(): readonly Source[] {
    return [
      source(this.#pods, (pod) => (isTracked(pod) ? [keyOf(pod)] : [])),
      source(this.#jobs, (job) => (this.#isOver(job) ? this.#pods.by('tracked', job.metadata.uid).map(keyOf) : [])),
    ];
  }

  #isOver(job: Job): boolean {
    return endOf(job) !== undefined || this.#jobs.get(keyOf(job))?.metadata.uid !== job.metadata.uid;
  }

  observe(key: Key): Pod | undefined {
    const pod = this.#pods.get(key);
    if (!pod || !isTracked(pod)) return undefined;
    const owner = controllerOf(pod);
    if (!owner) return pod;
    if (owner.kind !== 'Job') return undefined;
    const job = this.#jobs.get({ namespace: key.namespace, name: owner.name });
    if (!job || job.metadata.uid !== owner.uid) return pod;
    return endOf(job) && !isForeign(job) ? pod : undefined;
  }

  plan(pod: Pod): Plan {
    return { actions: [[untrack(pod)]] };
  }
}

const trackedBy = (pod: Pod): readonly string[] => (isTracked(pod) ? [controllerOf(pod)?.uid ?? ''] : []);
