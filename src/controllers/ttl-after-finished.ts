import { type Job, jobs as jobKind } from '../api/kinds/job.ts';
import { type Key, keyOf } from '../api/object.ts';
import type { Instant } from '../base/env.ts';
import { parseTime } from '../base/text.ts';
import { act } from '../client/action.ts';
import type { Cache } from '../machinery/cache.ts';
import { type Controller, nothing, type Plan, type Source, source } from '../machinery/controller.ts';
import { endOf, jobSpecOf } from './job-shape.ts';

/** Deletes jobs that ended as long ago as they asked for. */
export class TtlAfterFinishedController implements Controller<Job> {
  readonly name = 'ttl-after-finished-controller';
  readonly #jobs: Cache<Job>;

  constructor(jobs: Cache<Job>) {
    this.#jobs = jobs;
  }

  sources(): readonly Source[] {
    return [source(this.#jobs, (job) => [keyOf(job)])];
  }

  observe(key: Key): Job | undefined {
    return this.#jobs.get(key);
  }

  plan(job: Job, now: Instant): Plan {
    const { ttlSecondsAfterFinished } = jobSpecOf(job);
    const at = endOf(job)?.lastTransitionTime;
    if (ttlSecondsAfterFinished === undefined || !at || job.metadata.deletionTimestamp) return nothing;
    const left = parseTime(at) + ttlSecondsAfterFinished * 1000 - now;
    if (left > 0) return { actions: [], again: left };
    const { uid } = job.metadata;
    return { actions: [[act({ verb: 'delete', kind: jobKind, key: keyOf(job), uid, propagation: 'Foreground' })]] };
  }
}
