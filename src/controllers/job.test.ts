import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError } from '../api/error.ts';
import { type Job, jobs } from '../api/kinds/job.ts';
import { type Pod, pods } from '../api/kinds/pod.ts';
import type { Instant } from '../base/env.ts';
import { seeded } from '../base/random.ts';
import { Cache } from '../machinery/cache.ts';
import { JobController } from './job.ts';
import { trackingFinalizer } from './job-shape.ts';
import { born, inWords, noClient, noEnv, now, ownedBy, type PodFacts, podOf } from './plan.test-data.ts';

const controller = new JobController(new Cache(noEnv, noClient, jobs), new Cache(noEnv, noClient, pods));
const none = { count: 0, lastAt: 0 as Instant };
const started = { startTime: born, ready: 0, terminating: 0, uncountedTerminatedPods: {} };

const job = (spec: object = {}, status: object = started, meta: object = {}): Job => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name: 'j', namespace: 'default', uid: 'j', resourceVersion: '5', creationTimestamp: born, ...meta },
  spec: {
    parallelism: 1,
    completions: 1,
    backoffLimit: 6,
    completionMode: 'NonIndexed',
    selector: { matchLabels: { app: 'a' } },
    template: { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
    ...spec,
  },
  status: status as never,
});
const pod = (name: string, facts: PodFacts = {}): Pod =>
  podOf(name, { owner: ownedBy(jobs, 'j'), finalizers: [trackingFinalizer], ...facts });
const indexed = (name: string, index: number, facts: PodFacts = {}): Pod =>
  pod(name, {
    ...facts,
    annotations: { 'batch.kubernetes.io/job-completion-index': String(index), ...facts.annotations },
  });
const words = (one: Job, all: readonly Pod[] = [], failures = none) =>
  inWords(controller.plan({ job: one, pods: all, failures }, now, seeded('job')));
const at = '2026-01-01T00:10:00Z';
const condition = (type: string, reason: string, message: string, time = at) => ({
  type,
  status: 'True',
  reason,
  message,
  lastProbeTime: time,
  lastTransitionTime: time,
});

test('JobController starts a job with as many pods as may run at once', () => {
  assert.deepEqual(words(job({ completions: 3, parallelism: 2 }, {})), [
    ['create pod j-', 'create pod j-', 'tell SuccessfulCreate', 'tell SuccessfulCreate'],
    [`status ${JSON.stringify({ uncountedTerminatedPods: {}, startTime: at, active: 2, ready: 0, terminating: 0 })}`],
  ]);
});

test('JobController names a pod that succeeded in the status before it lets go of it', () => {
  const status = { ...started, active: 2, ready: 2 };
  const running = job({ completions: 3, parallelism: 2 }, status);
  const all = [pod('a', { phase: 'Succeeded' }), pod('b')];
  assert.deepEqual(words(running, all), [
    ['create pod j-', 'tell SuccessfulCreate'],
    [`status ${JSON.stringify({ uncountedTerminatedPods: { succeeded: ['a'] }, ready: 1 })}`],
    ['patch pod a'],
  ]);
});

test('JobController counts what ended where nothing can be made, in a namespace that ends too', () => {
  const running = job({ completions: 3, parallelism: 2 }, { ...started, active: 2, ready: 2 });
  const all = [pod('a', { phase: 'Succeeded' }), pod('b')];
  const counts = [`status ${JSON.stringify({ uncountedTerminatedPods: { succeeded: ['a'] }, active: 1, ready: 1 })}`];
  const refused = (error: ApiError, verb: 'create' | 'update' = 'create') => {
    const refusal = { action: { verb, kind: pods, object: pod('c') }, error };
    return inWords(controller.refused({ job: running, pods: all, failures: none }, refusal, now));
  };
  assert.deepEqual(refused(new ApiError('Forbidden', 'no')), [['tell FailedCreate'], counts, ['patch pod a']]);
  const causes = [{ reason: 'NamespaceTerminating', message: 'it ends' }];
  assert.deepEqual(refused(new ApiError('Forbidden', 'no', { causes })), [counts, ['patch pod a']]);
  assert.deepEqual(refused(new ApiError('Conflict', 'no'), 'update'), []);
});

test('JobController counts a pod once it has let go of it, whether or not it still exists', () => {
  const status = { ...started, active: 1, ready: 1, uncountedTerminatedPods: { succeeded: ['a'], failed: ['gone'] } };
  const running = job({ completions: 3, parallelism: 1 }, status);
  const counted = { succeeded: 1, failed: 1, uncountedTerminatedPods: { succeeded: null, failed: null } };
  const all = [pod('a', { phase: 'Succeeded', finalizers: [] }), pod('b')];
  assert.deepEqual(words(running, all), [[`status ${JSON.stringify(counted)}`]]);
});

test('JobController waits for the back-off before it replaces a pod that failed', () => {
  const failed = job({}, { ...started, failed: 1 });
  const soon = { count: 1, lastAt: (now - 4_000) as Instant };
  assert.equal(controller.plan({ job: failed, pods: [], failures: soon }, now, seeded('job')).again, 6_000);
  const twice = { count: 2, lastAt: (now - 4_000) as Instant };
  assert.equal(controller.plan({ job: failed, pods: [], failures: twice }, now, seeded('job')).again, 16_000);
  const long = { count: 1, lastAt: (now - 10_000) as Instant };
  assert.deepEqual(words(failed, [], long)[0], ['create pod j-', 'tell SuccessfulCreate']);
});

test('JobController ends a job of which too many pods failed, its other pods with it', () => {
  const message = 'Job has reached the specified backoff limit';
  const running = job({ backoffLimit: 0, parallelism: 2, completions: 2 }, { ...started, active: 2, ready: 2 });
  const target = condition('FailureTarget', 'BackoffLimitExceeded', message);
  const uncountedTerminatedPods = { failed: ['a', 'b'] };
  const status = { active: null, uncountedTerminatedPods, conditions: [target], ready: 0, terminating: 1 };
  assert.deepEqual(words(running, [pod('a', { phase: 'Failed' }), pod('b')]), [
    ['delete pod b', 'tell SuccessfulDelete'],
    [`status ${JSON.stringify(status)}`],
    ['patch pod a', 'patch pod b'],
  ]);
});

test('JobController calls a job failed only when its last pod is gone', () => {
  const target = condition('FailureTarget', 'DeadlineExceeded', 'Job was active longer than specified deadline', born);
  const status = { ...started, failed: 1, terminating: 1, conditions: [target] };
  assert.deepEqual(words(job({}, status), [pod('a', { leaving: true, finalizers: [] })]), []);
  const failed = condition('Failed', 'DeadlineExceeded', 'Job was active longer than specified deadline');
  assert.deepEqual(words(job({}, status)), [
    [`status ${JSON.stringify({ conditions: [target, failed], terminating: 0 })}`, 'tell DeadlineExceeded'],
  ]);
});

test('JobController completes a job with the time at which it did', () => {
  const met = condition('SuccessCriteriaMet', 'CompletionsReached', 'Reached expected number of succeeded pods');
  const status = { ...started, succeeded: 1 };
  const done = { conditions: [met, { ...met, type: 'Complete' }], completionTime: at };
  assert.deepEqual(words(job({}, status), [pod('a', { phase: 'Succeeded', finalizers: [] })]), [
    [`status ${JSON.stringify(done)}`, 'tell Completed'],
  ]);
});

test('JobController gives every index its pod, and takes away those that share one', () => {
  const many = job({ completionMode: 'Indexed', completions: 4, parallelism: 3 }, started);
  const [group = []] = words(many, [indexed('a', 1)]);
  assert.deepEqual(group.slice(0, 2), ['create pod j-0-', 'create pod j-2-']);
  assert.deepEqual(words(many, [indexed('a', 1), indexed('b', 1, { ready: false }), indexed('c', 7)]).slice(0, 2), [
    ['patch pod b', 'patch pod c'],
    ['delete pod b', 'delete pod c', 'tell SuccessfulDelete', 'tell SuccessfulDelete'],
  ]);
});

test('JobController keeps the last failed pod of an index until the next carries its count on', () => {
  const limited = { completionMode: 'Indexed', completions: 2, parallelism: 2, backoffLimitPerIndex: 1 };
  const facts: PodFacts = { phase: 'Failed', exitCode: 1, endedAt: born };
  const count = { 'batch.kubernetes.io/job-index-failure-count': '0' };
  const failed = indexed('a', 0, { ...facts, annotations: count });
  const plan = controller.plan(
    { job: job(limited), pods: [failed, indexed('b', 1)], failures: none },
    now,
    seeded('j'),
  );
  const [create] = plan.actions[0] ?? [];
  assert.equal(create?.verb, 'create');
  const { annotations } = create.verb === 'create' ? create.object.metadata : { annotations: undefined };
  assert.equal(annotations?.['batch.kubernetes.io/job-index-failure-count'], '1');
  assert.deepEqual(
    inWords(plan)
      .flat()
      .filter((word) => word === 'patch pod a'),
    [],
  );
});

test('JobController suspends and resumes, and counts the deadline from the last start', () => {
  const running = job({ suspend: true, activeDeadlineSeconds: 60 }, { ...started, active: 1, ready: 1 });
  const suspended = condition('Suspended', 'JobSuspended', 'Job suspended');
  const paused = { active: null, conditions: [suspended], ready: 0, startTime: null, terminating: 1 };
  const [, , group = []] = words(running, [pod('a')]);
  assert.deepEqual(JSON.parse((group[0] ?? '').slice('status '.length)), paused);
  assert.equal(group[1], 'tell Suspended');
  const again = job({ activeDeadlineSeconds: 60 }, { ready: 0, terminating: 0, conditions: [suspended] });
  assert.deepEqual(words(again).at(-1)?.at(-1), 'tell Resumed');
});

test('JobController takes a finalizer off the pods that it gives up for good reason, so that they are no failures', () => {
  const fewer = job({ parallelism: 0, completions: 2 }, { ...started, active: 1, ready: 1 });
  assert.deepEqual(words(fewer, [pod('a')]).slice(0, 2), [['patch pod a'], ['delete pod a', 'tell SuccessfulDelete']]);
});
