import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Job, jobs } from '../api/kinds/job.ts';
import { Cache } from '../machinery/cache.ts';
import { untrack } from './job-pods.ts';
import { born, inWords, noClient, noEnv, now, podOf } from './plan.test-data.ts';
import { TtlAfterFinishedController } from './ttl-after-finished.ts';

const controller = new TtlAfterFinishedController(new Cache(noEnv, noClient, jobs));
const job = (ttlSecondsAfterFinished: number | undefined, end?: string): Job => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name: 'j', namespace: 'default', uid: 'j', resourceVersion: '5', creationTimestamp: born },
  spec: { ttlSecondsAfterFinished },
  status: { conditions: end ? [{ type: 'Complete', status: 'True', lastTransitionTime: end }] : [] },
});

test('TtlAfterFinishedController deletes a job once it is over for long enough, and its pods first', () => {
  assert.deepEqual(inWords(controller.plan(job(60, '2026-01-01T00:09:00Z'), now)), [['delete job j']]);
  assert.equal(controller.plan(job(60, '2026-01-01T00:09:30Z'), now).again, 30_000);
  assert.deepEqual(controller.plan(job(60), now), { actions: [] });
  assert.deepEqual(controller.plan(job(undefined, born), now), { actions: [] });
});

test('a pod that is let go keeps the finalizers of others', () => {
  const action = untrack(podOf('a', { finalizers: ['x/y', 'batch.kubernetes.io/job-tracking'] }));
  assert.deepEqual(action.verb === 'patch' && action.patch, {
    metadata: { uid: 'a', '$deleteFromPrimitiveList/finalizers': ['batch.kubernetes.io/job-tracking'] },
  });
});
