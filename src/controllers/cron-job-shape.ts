import { type CronSchedule, parseCron } from '../api/cron-schedule.ts';
import type { CronJob } from '../api/kinds/cron-job.ts';
import type { Meta } from '../api/object.ts';
import type { JobSpec } from './job-shape.ts';

export interface CronJobSpec {
  readonly schedule: string;
  readonly timeZone?: string;
  readonly startingDeadlineSeconds?: number;
  readonly concurrencyPolicy?: string;
  readonly suspend?: boolean;
  readonly jobTemplate: { readonly metadata?: Partial<Meta>; readonly spec: JobSpec };
  readonly successfulJobsHistoryLimit?: number;
  readonly failedJobsHistoryLimit?: number;
}
export interface JobReference {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly namespace?: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion?: string;
}
export interface CronJobStatus {
  readonly active?: readonly JobReference[];
  readonly lastScheduleTime?: string;
  readonly lastSuccessfulTime?: string;
}

export const cronSpecOf = (cron: CronJob): CronJobSpec => cron.spec as unknown as CronJobSpec;
export const cronStatusOf = (cron: CronJob): CronJobStatus => (cron.status ?? {}) as unknown as CronJobStatus;

const schedules = new WeakMap<CronJob, ReturnType<typeof parseCron>>();

/** Read once for each state of a cron job. */
export function scheduleOf(cron: CronJob): { readonly schedule: CronSchedule } | { readonly error: string } {
  const known = schedules.get(cron) ?? parseCron(cronSpecOf(cron).schedule);
  schedules.set(cron, known);
  return known;
}
