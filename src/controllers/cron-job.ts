import type { CronJob } from '../api/kinds/cron-job.ts';
import { type Job, jobs as jobKind } from '../api/kinds/job.ts';
import { controllerOf, type Key, keyOf } from '../api/object.ts';
import type { Instant } from '../base/env.ts';
import type { Notice } from '../client/action.ts';
import { byOwner, type Cache } from '../machinery/cache.ts';
import { type Controller, nothing, type Plan, type Refusal, type Source, source } from '../machinery/controller.ts';
import { CronJobSync } from './cron-job-sync.ts';
import { isEndingNamespace } from './pod-refusal.ts';

export interface CronJobObserved {
  readonly cron: CronJob;
  readonly jobs: readonly Job[];
  /** Whether anybody has a job of this name. */
  isTaken(name: string): boolean;
}

/** Makes jobs on time. */
export class CronJobController implements Controller<CronJobObserved> {
  readonly name = 'cronjob-controller';
  readonly #crons: Cache<CronJob>;
  readonly #jobs: Cache<Job>;

  constructor(crons: Cache<CronJob>, jobs: Cache<Job>) {
    this.#crons = crons;
    this.#jobs = jobs.index('owner', byOwner);
  }

  sources(): readonly Source[] {
    return [
      source(this.#crons, (cron) => [keyOf(cron)]),
      source(this.#jobs, (job) => {
        const owner = controllerOf(job);
        return owner?.kind === 'CronJob' ? [{ namespace: job.metadata.namespace ?? '', name: owner.name }] : [];
      }),
    ];
  }

  observe(key: Key): CronJobObserved | undefined {
    const cron = this.#crons.get(key);
    if (!cron) return undefined;
    const { uid } = cron.metadata;
    const jobs = this.#jobs.by('owner', uid).filter((job) => controllerOf(job)?.uid === uid);
    const isTaken = (name: string) => this.#jobs.get({ namespace: key.namespace, name }) !== undefined;
    return { cron, jobs, isTaken };
  }

  plan(observed: CronJobObserved, now: Instant): Plan {
    const { actions, ...rest } = new CronJobSync(observed, now).plan();
    return { ...rest, actions: actions.filter((group) => group.length > 0) };
  }

  refused({ cron }: CronJobObserved, refusal: Refusal): Plan {
    const { action, error } = refusal;
    const notice = { verb: 'event', about: cron, type: 'Warning' } as const;
    if (action.kind.plural !== jobKind.plural) return nothing;
    if (action.verb === 'delete') {
      return told({ ...notice, reason: 'FailedDelete', message: `Deleted job: ${error.message}` });
    }
    if (action.verb !== 'create' || error.reason === 'AlreadyExists' || isEndingNamespace(refusal)) return nothing;
    return told({ ...notice, reason: 'FailedCreate', message: `Error creating job: ${error.message}` });
  }
}

const told = (notice: Notice): Plan => ({ actions: [[notice]] });
