import type { CronSchedule } from '../api/cron-schedule.ts';
import { type CronJob, cronJobs as cronKind } from '../api/kinds/cron-job.ts';
import { type Job, jobs as jobKind } from '../api/kinds/job.ts';
import { type Draft, keyOf } from '../api/object.ts';
import { isTimeZone, offsetAt } from '../api/time-zones.ts';
import type { Instant, Millis } from '../base/env.ts';
import { compareText, parseTime, timestamp } from '../base/text.ts';
import { type Action, act, type Notice } from '../client/action.ts';
import type { Plan } from '../machinery/controller.ts';
import { type CronJobStatus, cronSpecOf, cronStatusOf, type JobReference, scheduleOf } from './cron-job-shape.ts';
import { pastStrikes, waitForNext } from './cron-job-times.ts';
import { endOf, jobStatusOf } from './job-shape.ts';
import { controllerReference } from './ownership.ts';
import { statusPatch } from './status-patch.ts';

export const scheduledAnnotation = 'batch.kubernetes.io/cronjob-scheduled-timestamp';
const minuteMs = 60_000;
const adviceUrl = 'https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/';

interface Facts {
  readonly cron: CronJob;
  readonly jobs: readonly Job[];
  isTaken(name: string): boolean;
}

/** One look at one cron job. */
export class CronJobSync {
  readonly #facts: Facts;
  readonly #cron: CronJob;
  readonly #now: Instant;
  readonly #groups: (readonly (Action | Notice)[])[] = [];
  readonly #notices: Notice[] = [];
  #active: readonly JobReference[];
  #lastSchedule: string | undefined;
  #lastSuccess: string | undefined;

  constructor(facts: Facts, now: Instant) {
    const { active = [], lastScheduleTime, lastSuccessfulTime } = cronStatusOf(facts.cron);
    this.#facts = facts;
    this.#cron = facts.cron;
    this.#now = now;
    this.#active = active;
    this.#lastSchedule = lastScheduleTime;
    this.#lastSuccess = lastSuccessfulTime;
  }

  plan(): Plan {
    for (const job of this.#facts.jobs) this.#notice(job);
    this.#forgetMissing();
    const again = this.#cron.metadata.deletionTimestamp === undefined ? this.#strike() : undefined;
    this.#cutHistory();
    const status: CronJobStatus = {
      ...(this.#active.length > 0 ? { active: this.#active } : {}),
      ...(this.#lastSchedule === undefined ? {} : { lastScheduleTime: this.#lastSchedule }),
      ...(this.#lastSuccess === undefined ? {} : { lastSuccessfulTime: this.#lastSuccess }),
    };
    const isNew = this.#cron.status === undefined && Object.keys(status).length === 0;
    this.#groups.push(this.#notices, isNew ? [] : statusPatch(cronKind, this.#cron, status));
    return { actions: this.#groups, ...(again === undefined ? {} : { again }) };
  }

  #notice(job: Job): void {
    const { uid, name } = job.metadata;
    const known = this.#active.some((one) => one.uid === uid);
    const end = endOf(job);
    const isNew = this.#isNew(job);
    if (isNew) this.#lastSchedule = timestamp(scheduledTime(job) as Instant);
    if (known && end) {
      this.#active = this.#active.filter((one) => one.uid !== uid);
      this.#tell('SawCompletedJob', `Saw completed job: ${name}, condition: ${end.type}`);
    } else if (!known && !end) {
      if (isNew) this.#active = [...this.#active, referenceTo(job)];
      else this.#tell('UnexpectedJob', `Saw a job that the controller did not create or forgot: ${name}`, 'Warning');
    }
    const { completionTime } = jobStatusOf(job);
    const isLater =
      completionTime && parseTime(completionTime) > parseTime(this.#lastSuccess ?? '1970-01-01T00:00:00Z');
    if (end?.type === 'Complete' && isLater) this.#lastSuccess = completionTime;
  }

  /** Made by an earlier look: until now nobody has written down that it was. */
  #isNew(job: Job): boolean {
    const time = scheduledTime(job);
    if (time === undefined || job.metadata.name !== nameFor(this.#cron, time)) return false;
    return this.#lastSchedule === undefined || time > parseTime(this.#lastSchedule);
  }

  #forgetMissing(): void {
    const alive = new Set(this.#facts.jobs.map(({ metadata }) => metadata.uid));
    for (const { uid, name } of this.#active) {
      if (!alive.has(uid)) this.#tell('MissingJob', `Active job went missing: ${name}`);
    }
    this.#active = this.#active.filter(({ uid }) => alive.has(uid));
  }

  /** Makes the job whose time has come. Answers when to look again. */
  #strike(): Millis | undefined {
    const { timeZone, suspend, schedule: text } = cronSpecOf(this.#cron);
    if (timeZone !== undefined && !isTimeZone(timeZone)) {
      const why = `unknown time zone ${timeZone}`;
      this.#tell('UnknownTimeZone', `invalid timeZone: ${JSON.stringify(timeZone)}: ${why}`, 'Warning');
      return undefined;
    }
    if (suspend) return undefined;
    if (text.includes('TZ')) {
      const message = `CRON_TZ or TZ used in schedule ${JSON.stringify(text)} is not officially supported, see ${adviceUrl} for more details`;
      this.#tell('UnsupportedSchedule', message, 'Warning');
    }
    const parsed = scheduleOf(this.#cron);
    if ('error' in parsed) {
      const message = `unparseable schedule: ${JSON.stringify(text)} : ${parsed.error}`;
      this.#tell('UnparseableSchedule', message, 'Warning');
      return undefined;
    }
    return this.#strikeBy(parsed.schedule, timeZone ?? '');
  }

  #strikeBy(schedule: CronSchedule, timeZone: string): Millis | undefined {
    const { startingDeadlineSeconds, schedule: text } = cronSpecOf(this.#cron);
    const now = this.#now;
    const since = parseTime(this.#lastSchedule ?? this.#cron.metadata.creationTimestamp);
    const deadlineMs = startingDeadlineSeconds === undefined ? undefined : startingDeadlineSeconds * 1000;
    const earliest = (deadlineMs === undefined ? since : Math.max(since, now - deadlineMs)) as Instant;
    const past = pastStrikes(schedule, timeZone, { earliest, now });
    const wait = waitForNext(schedule, timeZone, { earliest: since, now });
    if (!past) {
      const why = 'time difference between two schedules is less than 1 second';
      this.#tell('InvalidSchedule', `invalid schedule: ${text} : ${why}`, 'Warning');
      return undefined;
    }
    const { latest } = past;
    if (latest === undefined) return wait;
    if (past.missed === 'many') {
      const advice = 'Set or decrease .spec.startingDeadlineSeconds or check clock skew';
      this.#tell('TooManyMissedTimes', `too many missed start times. ${advice}`, 'Warning');
    }
    if (deadlineMs !== undefined && latest + deadlineMs < now) {
      this.#tell('MissSchedule', `Missed scheduled time to start a job: ${dateText(latest)}`, 'Warning');
      return wait;
    }
    if (latest <= parseTime(this.#lastSchedule ?? '1970-01-01T00:00:00Z')) return wait;
    return this.#start(latest, timeZone) ? this.#waitAfter(schedule, timeZone, latest) : wait;
  }

  #waitAfter(schedule: CronSchedule, timeZone: string, latest: Instant): Millis | undefined {
    return waitForNext(schedule, timeZone, { earliest: latest, now: this.#now });
  }

  #start(time: Instant, timeZone: string): boolean {
    const { concurrencyPolicy } = cronSpecOf(this.#cron);
    const name = nameFor(this.#cron, time);
    if (this.#active.some((one) => one.name === name) || this.#facts.isTaken(name)) return false;
    if (concurrencyPolicy === 'Forbid' && this.#active.length > 0) {
      const why = 'prior execution is running and concurrency policy is Forbid';
      this.#tell('JobAlreadyActive', `Not starting job because ${why}`);
      return false;
    }
    if (concurrencyPolicy === 'Replace') {
      const uids = new Set(this.#active.map(({ uid }) => uid));
      this.#delete(this.#facts.jobs.filter(({ metadata }) => uids.has(metadata.uid)));
    }
    const action = act({ verb: 'create', kind: jobKind, object: jobFor(this.#cron, time, timeZone) });
    const message = `Created job ${name}`;
    this.#groups.push([
      action,
      { verb: 'event', about: this.#cron, reason: 'SuccessfulCreate', message, after: action },
    ]);
    return true;
  }

  #cutHistory(): void {
    const { successfulJobsHistoryLimit, failedJobsHistoryLimit } = cronSpecOf(this.#cron);
    const ended = (type: string) => this.#facts.jobs.filter((job) => endOf(job)?.type === type).sort(byStart);
    for (const [type, limit] of [
      ['Complete', successfulJobsHistoryLimit],
      ['Failed', failedJobsHistoryLimit],
    ] as const) {
      const jobs = ended(type);
      if (limit !== undefined && jobs.length > limit) this.#delete(jobs.slice(0, jobs.length - limit));
    }
  }

  #delete(jobs: readonly Job[]): void {
    const gone = new Set(jobs.map(({ metadata }) => metadata.uid));
    this.#active = this.#active.filter(({ uid }) => !gone.has(uid));
    const group = jobs.flatMap((job): (Action | Notice)[] => {
      const { uid, name } = job.metadata;
      const action = act({ verb: 'delete', kind: jobKind, key: keyOf(job), uid, propagation: 'Background' });
      const message = `Deleted job ${name}`;
      return [action, { verb: 'event', about: this.#cron, reason: 'SuccessfulDelete', message, after: action }];
    });
    this.#groups.push(group);
  }

  #tell(reason: string, message: string, type: 'Normal' | 'Warning' = 'Normal'): void {
    this.#notices.push({ verb: 'event', about: this.#cron, type, reason, message });
  }
}

const nameFor = (cron: CronJob, time: Instant): string => `${cron.metadata.name}-${Math.floor(time / minuteMs)}`;

function jobFor(cron: CronJob, time: Instant, timeZone: string): Draft<Job> {
  const { metadata = {}, spec } = cronSpecOf(cron).jobTemplate;
  return {
    metadata: {
      name: nameFor(cron, time),
      namespace: cron.metadata.namespace ?? '',
      ...(metadata.labels ? { labels: metadata.labels } : {}),
      annotations: { ...metadata.annotations, [scheduledAnnotation]: localText(time, timeZone) },
      ownerReferences: [controllerReference(cronKind, cron)],
    },
    spec: spec as unknown as NonNullable<Job['spec']>,
  };
}

function scheduledTime(job: Job): Instant | undefined {
  const text = job.metadata.annotations?.[scheduledAnnotation];
  const time = text === undefined ? Number.NaN : parseTime(text);
  return Number.isNaN(time) ? undefined : (time as Instant);
}

const referenceTo = ({ metadata }: Job): JobReference => ({
  apiVersion: jobKind.apiVersion,
  kind: jobKind.kind,
  namespace: metadata.namespace ?? '',
  name: metadata.name,
  uid: metadata.uid,
  resourceVersion: metadata.resourceVersion,
});

/** Those that never started last. */
function byStart(a: Job, b: Job): number {
  const [first, second] = [jobStatusOf(a).startTime ?? '9', jobStatusOf(b).startTime ?? '9'];
  return compareText(first, second) || compareText(a.metadata.name, b.metadata.name);
}

/** `2026-06-01T02:00:00+02:00` */
function localText(time: Instant, timeZone: string): string {
  const offset = offsetAt(timeZone, time);
  const shown = timestamp((time + offset) as Instant).slice(0, -1);
  if (offset === 0) return `${shown}Z`;
  const minutes = Math.abs(offset) / minuteMs;
  return `${shown}${offset < 0 ? '-' : '+'}${twoDigits(Math.floor(minutes / 60))}:${twoDigits(minutes % 60)}`;
}
const twoDigits = (value: number): string => String(value).padStart(2, '0');

/** `Mon, 02 Jan 2006 15:04:05 +0000` */
const dateText = (time: Instant): string => new Date(time).toUTCString().replace('GMT', '+0000');
