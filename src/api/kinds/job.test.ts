import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Instant } from '../../base/env.ts';
import { type CronJob, cronJobs } from './cron-job.ts';
import type { Part } from './defaulting.ts';
import { type Job, jobs } from './job.ts';

const context = (subresource = '') => ({ now: 0 as Instant, subresource });
const podSpec = { containers: [{ name: 'c', image: 'i' }], restartPolicy: 'Never' };
const jobOf = (spec: object, status: object = {}): Job =>
  ({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'a', uid: 'u' },
    spec: { template: { spec: podSpec }, ...spec },
    status,
  }) as unknown as Job;
const made = (spec: object, status: Job['status'] = {}): Job => {
  const job = jobs.rules.prepareCreate?.(jobs.rules.defaults?.(jobOf(spec)) as Job, context()) as Job;
  return { ...job, status };
};
const judged = (next: Job, previous?: Job, subresource = ''): readonly string[] => {
  const errors = jobs.rules.validate?.(next, previous, context(subresource)) ?? [];
  return [...new Set(errors.map(({ path, type }) => `${path} ${type}`))];
};

const cases: readonly (readonly [claim: string, spec: object, ...errors: readonly string[]])[] = [
  ['may say nothing but its template', {}],
  ['counts nothing below zero', { parallelism: -1 }, 'spec.parallelism Invalid'],
  [
    'needs a restart policy',
    { template: { spec: { ...podSpec, restartPolicy: undefined } } },
    'spec.template.spec.restartPolicy Required',
  ],
  ['with an unknown mode is refused', { completionMode: 'Some' }, 'spec.completionMode NotSupported'],
  ['that is indexed needs completions', { completionMode: 'Indexed', parallelism: 2 }, 'spec.completions Required'],
  [
    'limits failures of indexes only where it has indexes',
    { backoffLimitPerIndex: 1, successPolicy: { rules: [{ succeededCount: 1 }] } },
    'spec.backoffLimitPerIndex Invalid',
    'spec.successPolicy Invalid',
  ],
  [
    'limits failed indexes only where each has a limit',
    { completionMode: 'Indexed', completions: 2, maxFailedIndexes: 1 },
    'spec.backoffLimitPerIndex Required',
  ],
  [
    'with a failure policy never restarts its pods and never replaces them early',
    {
      podFailurePolicy: { rules: [] },
      podReplacementPolicy: 'TerminatingOrFailed',
      template: { spec: { ...podSpec, restartPolicy: 'OnFailure' } },
    },
    'spec.podReplacementPolicy NotSupported',
    'spec.template.spec.restartPolicy Invalid',
  ],
  [
    'fails by exit codes that are in order, once each and of one of its containers',
    {
      podFailurePolicy: {
        rules: [{ action: 'FailJob', onExitCodes: { containerName: 'x', operator: 'In', values: [2, 2, 0] } }],
      },
    },
    'spec.podFailurePolicy.rules[0].onExitCodes.containerName Invalid',
    'spec.podFailurePolicy.rules[0].onExitCodes.values[1] Duplicate',
    'spec.podFailurePolicy.rules[0].onExitCodes.values[2] Invalid',
    'spec.podFailurePolicy.rules[0].onExitCodes.values Invalid',
  ],
  [
    'succeeds by indexes that it has',
    { completionMode: 'Indexed', completions: 2, successPolicy: { rules: [{ succeededIndexes: '0-2' }, {}] } },
    'spec.successPolicy.rules[0].succeededIndexes Invalid',
    'spec.successPolicy.rules[1] Required',
  ],
  ['has a manager with a domain', { managedBy: 'somebody' }, 'spec.managedBy Invalid'],
  [
    'keeps generated labels as they are generated',
    { template: { metadata: { labels: { 'job-name': 'b' } }, spec: podSpec } },
    'spec.template.metadata.labels[job-name] Invalid',
  ],
];
for (const [claim, spec, ...errors] of cases) {
  test(`A job ${claim}`, () => assert.deepEqual(judged(made(spec)), errors));
}

test('A job takes its labels from its pods, the generated ones among them', () => {
  const own = { 'batch.kubernetes.io/controller-uid': 'u', 'batch.kubernetes.io/job-name': 'a' };
  const old = { 'controller-uid': 'u', 'job-name': 'a' };
  assert.deepEqual(made({}).metadata.labels, { ...own, ...old });
  assert.deepEqual(made({ template: { metadata: { labels: { x: 'y' } }, spec: podSpec } }).metadata.labels, {
    ...own,
    ...old,
    x: 'y',
  });
});

test('A job keeps what it runs and how it ends', () => {
  const before = made({});
  const template = { ...(before.spec as { template: object }).template, spec: { ...podSpec, hostname: 'x' } };
  const asked = { ...before, spec: { ...before.spec, template, completions: 7 } } as Job;
  const next = jobs.rules.defaults?.(asked) as Job;
  assert.deepEqual(judged(next, before), ['spec.completions Invalid', 'spec.template Invalid']);
});

test('A suspended job may still be told where its pods go and what they get', () => {
  const before = made({ suspend: true });
  const { template } = before.spec as unknown as { template: { spec: { containers: readonly object[] } } };
  const changedTo = (spec: object): Job => ({
    ...before,
    spec: { ...before.spec, template: { ...template, spec: { ...template.spec, ...spec } } },
  });
  const nodeAffinity = {};
  const containers = template.spec.containers.map((container) => ({
    ...container,
    resources: { limits: { cpu: '1' } },
  }));
  assert.deepEqual(judged(changedTo({ nodeSelector: { a: 'b' }, affinity: { nodeAffinity }, containers }), before), []);
  assert.deepEqual(judged(changedTo({ hostname: 'x' }), before), ['spec.template.spec Invalid']);
});

test('An indexed job grows with its parallelism', () => {
  const before = made({ completionMode: 'Indexed', completions: 2, parallelism: 2 });
  const grown = (completions: number, parallelism: number) => ({
    ...before,
    spec: { ...before.spec, completions, parallelism },
  });
  assert.deepEqual(judged(grown(3, 3), before), []);
  assert.deepEqual(judged(grown(3, 2), before), ['spec.completions Invalid']);
});

const start = '2026-01-01T00:00:00Z';
const hold = (...types: readonly string[]) => types.map((type) => ({ type, status: 'True' }));
const complete = { startTime: start, completionTime: start, conditions: hold('SuccessCriteriaMet', 'Complete') };
const failed = { startTime: start, failed: 1, conditions: hold('FailureTarget', 'Failed') };
const indexed = { completionMode: 'Indexed', completions: 5, parallelism: 5, backoffLimitPerIndex: 1 };

interface Change {
  readonly spec?: Part;
  readonly before?: Part;
}
const statusCases: readonly (readonly [claim: string, next: Part, more: Change, ...errors: readonly string[]])[] = [
  ['may be complete', complete, {}],
  ['may have failed', failed, {}],
  [
    'is announced, and has its time',
    { startTime: start, active: 1, conditions: hold('Complete') },
    {},
    ...['status.conditions Invalid', 'status.completionTime Required', 'status.active Invalid'],
  ],
  ['is announced where it failed', { ...failed, conditions: hold('Failed') }, {}, 'status.conditions Invalid'],
  [
    'is one end',
    { ...complete, conditions: hold('SuccessCriteriaMet', 'Complete', 'FailureTarget') },
    {},
    'status.conditions Invalid',
  ],
  [
    'is not before the start',
    { ...complete, completionTime: '2025-01-01T00:00:00Z' },
    {},
    'status.completionTime Invalid',
  ],
  ['is not taken back', { startTime: start }, { before: failed }, 'status.conditions Invalid', 'status.failed Invalid'],
  [
    'is asked about when it changes',
    { ...failed, conditions: hold('Failed') },
    { before: { conditions: hold('Failed') } },
  ],
  [
    'counts what is left once each',
    { uncountedTerminatedPods: { succeeded: ['a', ''], failed: ['a'] } },
    {},
    ...['status.uncountedTerminatedPods.succeeded[1] Invalid', 'status.uncountedTerminatedPods.failed[0] Duplicate'],
  ],
  ['has indexes of indexed jobs', { completedIndexes: '0' }, {}, 'status.completedIndexes Invalid'],
  ['has indexes that can be read', { completedIndexes: '1-' }, { spec: indexed }, 'status.completedIndexes Invalid'],
  [
    'has each index once',
    { completedIndexes: '0,2-4', failedIndexes: '1,3' },
    { spec: indexed },
    'status.failedIndexes Invalid',
  ],
  ['may start again when it was suspended', {}, { before: { startTime: start }, spec: { suspend: true } }],
  ['starts once', { startTime: '2026-01-02T00:00:00Z' }, { before: { startTime: start } }, 'status.startTime Invalid'],
];
for (const [claim, status, { spec = {}, before = {} }, ...errors] of statusCases) {
  test(`The end of a job ${claim}`, () => {
    assert.deepEqual(judged(made(spec, status), made(spec, before), 'status'), errors);
  });
}

const cronOf = (spec: object, name = 'a'): CronJob =>
  cronJobs.rules.defaults?.({
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name },
    spec: { schedule: '0 0 * * *', jobTemplate: { spec: { template: { spec: podSpec } } }, ...spec },
  } as unknown as CronJob) as CronJob;

const cronCases: readonly (readonly [claim: string, spec: object, ...errors: readonly string[]])[] = [
  ['may say nothing but when and what', {}],
  ['needs a schedule', { schedule: '' }, 'spec.schedule Required'],
  ['needs a schedule that can be read', { schedule: '61 * * * *' }, 'spec.schedule Invalid'],
  ['names its time zone outside the schedule', { schedule: 'TZ=UTC 0 0 * * *' }, 'spec.schedule Invalid'],
  ['has a time zone that exists', { timeZone: 'Europe/Nowhere' }, 'spec.timeZone Invalid'],
  ['has an explicit time zone', { timeZone: 'Local' }, 'spec.timeZone Invalid'],
  ['overlaps in one of three ways', { concurrencyPolicy: 'Maybe' }, 'spec.concurrencyPolicy NotSupported'],
  [
    'lets the server select its pods',
    { jobTemplate: { spec: { selector: {}, template: { spec: podSpec } } } },
    'spec.jobTemplate.spec.selector Invalid',
  ],
];
for (const [claim, spec, ...errors] of cronCases) {
  test(`A cron job ${claim}`, () => {
    const found = cronJobs.rules.validate?.(cronOf(spec), undefined, context()) ?? [];
    assert.deepEqual(
      found.map(({ path, type }) => `${path} ${type}`),
      errors,
    );
  });
}

test('The name of a cron job leaves room for the minute, where it is new', () => {
  const cron = cronOf({}, 'a'.repeat(53));
  assert.equal(cronJobs.rules.validate?.(cron, undefined, context()).length, 1);
  assert.equal(cronJobs.rules.validate?.(cron, cron, context()).length, 0);
});

test('A condition without a status is one that holds', () => {
  const policy = { rules: [{ action: 'Ignore', onPodConditions: [{ type: 'X', status: '' }] }] };
  const { podFailurePolicy } = made({ podFailurePolicy: policy }).spec as unknown as {
    podFailurePolicy: typeof policy;
  };
  assert.equal(podFailurePolicy.rules[0]?.onPodConditions[0]?.status, 'True');
});
