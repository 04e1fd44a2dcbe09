import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CronJob, cronJobs } from '../api/kinds/cron-job.ts';
import { type Job, jobs } from '../api/kinds/job.ts';
import { Cache } from '../machinery/cache.ts';
import { CronJobController } from './cron-job.ts';
import { born, inWords, noClient, noEnv, now, ownedBy } from './plan.test-data.ts';

const controller = new CronJobController(new Cache(noEnv, noClient, cronJobs), new Cache(noEnv, noClient, jobs));
const meta = (name: string, more: object = {}) => ({
  name,
  namespace: 'default',
  uid: name,
  resourceVersion: '5',
  creationTimestamp: born,
  ...more,
});
const cron = (spec: object = {}, status: object = {}): CronJob => ({
  apiVersion: 'batch/v1',
  kind: 'CronJob',
  metadata: meta('c'),
  spec: {
    schedule: '*/10 * * * *',
    concurrencyPolicy: 'Allow',
    jobTemplate: { metadata: { labels: { of: 'c' } }, spec: { template: { spec: {} } } },
    ...spec,
  },
  status: status as never,
});
const minuteOf = (text: string) => Math.floor(Date.parse(text) / 60_000);
const job = (at: string, end?: 'Complete' | 'Failed'): Job => {
  const annotations = { 'batch.kubernetes.io/cronjob-scheduled-timestamp': at };
  const conditions = end ? [{ type: end, status: 'True' }] : [];
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: meta(`c-${minuteOf(at)}`, { annotations, ownerReferences: [ownedBy(cronJobs, 'c')] }),
    spec: {},
    status: { startTime: at, conditions, ...(end === 'Complete' ? { completionTime: at } : {}) } as never,
  };
};
const referenceTo = ({ metadata }: Job) => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  namespace: 'default',
  name: metadata.name,
  uid: metadata.uid,
  resourceVersion: '5',
});
const planOf = (one: CronJob, own: readonly Job[] = [], taken: readonly string[] = []) => {
  const names = new Set([...taken, ...own.map(({ metadata }) => metadata.name)]);
  return controller.plan({ cron: one, jobs: own, isTaken: (name) => names.has(name) }, now);
};
const words = (...world: Parameters<typeof planOf>) => inWords(planOf(...world)).flat();
const [ten, zero] = ['2026-01-01T00:10:00Z', '2026-01-01T00:00:00Z'];
const name = `c-${minuteOf(ten)}`;

test('CronJobController makes the job of the strike, under a name that tells its minute', () => {
  const plan = planOf(cron());
  assert.deepEqual(inWords(plan), [[`create job ${name}`, 'tell SuccessfulCreate']]);
  const create = plan.actions.flat()[0];
  assert.deepEqual(create?.verb === 'create' && create.object.metadata, {
    name,
    namespace: 'default',
    labels: { of: 'c' },
    annotations: { 'batch.kubernetes.io/cronjob-scheduled-timestamp': ten },
    ownerReferences: [ownedBy(cronJobs, 'c')],
  });
  assert.equal(plan.again, 600_100);
});

test('CronJobController writes down what it made once it sees it, and makes no second', () => {
  const made = job(ten);
  const status = { active: [referenceTo(made)], lastScheduleTime: ten };
  assert.deepEqual(words(cron(), [made]), [`status ${JSON.stringify(status)}`]);
  assert.deepEqual(words(cron({}, status), [made]), []);
  assert.deepEqual(words(cron(), [], [name]), []);
});

test('CronJobController tells of jobs that ended, went missing, or are none of its own making', () => {
  const done = job(ten, 'Complete');
  const active = { active: [referenceTo(done)], lastScheduleTime: ten };
  const after = { active: null, lastSuccessfulTime: ten };
  assert.deepEqual(words(cron({}, active), [done]), ['tell SawCompletedJob', `status ${JSON.stringify(after)}`]);
  assert.deepEqual(words(cron({}, active)), ['tell MissingJob', 'status {"active":null}']);
  assert.deepEqual(words(cron({}, { lastScheduleTime: ten }), [job(zero)]), ['tell UnexpectedJob']);
});

test('CronJobController runs jobs beside each other, one at a time, or one for the other', () => {
  const before = job(zero);
  const active = { active: [referenceTo(before)], lastScheduleTime: zero };
  assert.deepEqual(words(cron({}, active), [before]), [`create job ${name}`, 'tell SuccessfulCreate']);
  assert.deepEqual(words(cron({ concurrencyPolicy: 'Forbid' }, active), [before]), ['tell JobAlreadyActive']);
  assert.deepEqual(words(cron({ concurrencyPolicy: 'Replace' }, active), [before]), [
    `delete job c-${minuteOf(zero)}`,
    'tell SuccessfulDelete',
    `create job ${name}`,
    'tell SuccessfulCreate',
    'status {"active":null}',
  ]);
});

test('CronJobController lets a strike pass that is too late, and tells of very many', () => {
  const late = cron({ schedule: '5 * * * *', startingDeadlineSeconds: 60 });
  assert.deepEqual(words(late), []);
  const old = cron({ schedule: '* * * * *' }, { lastScheduleTime: '2025-12-01T00:00:00Z' });
  assert.deepEqual(words(old), [`create job ${name}`, 'tell SuccessfulCreate', 'tell TooManyMissedTimes']);
});

test('CronJobController waits while suspended, and tells what is wrong with a schedule', () => {
  assert.deepEqual(planOf(cron({ suspend: true })), { actions: [] });
  assert.deepEqual(words(cron({ timeZone: 'Nowhere' })), ['tell UnknownTimeZone']);
  assert.deepEqual(words(cron({ schedule: 'never' })), ['tell UnparseableSchedule']);
  assert.deepEqual(words(cron({ schedule: '0 0 30 2 *' })), ['tell InvalidSchedule']);
  assert.deepEqual(words(cron({ schedule: 'TZ=Asia/Tokyo 0 6 * * *' })), ['tell UnsupportedSchedule']);
});

test('CronJobController keeps as many ended jobs as it is asked to', () => {
  const ended = [job('2025-12-31T23:40:00Z', 'Complete'), job('2025-12-31T23:50:00Z', 'Complete'), job(zero, 'Failed')];
  const status = { lastScheduleTime: ten, lastSuccessfulTime: ten };
  const limits = { successfulJobsHistoryLimit: 1, failedJobsHistoryLimit: 0 };
  assert.deepEqual(words(cron(limits, status), ended), [
    `delete job ${ended[0]?.metadata.name}`,
    'tell SuccessfulDelete',
    `delete job ${ended[2]?.metadata.name}`,
    'tell SuccessfulDelete',
  ]);
});
