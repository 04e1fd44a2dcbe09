import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Job, jobs } from '../api/kinds/job.ts';
import { indexesText, parseIndexes, pendingIndexes } from './job-indexes.ts';
import { failureMessage, successMessage, verdictOn } from './job-policies.ts';
import { ownedBy, type PodFacts, podOf } from './plan.test-data.ts';

const job = (spec: object): Job => ({ apiVersion: 'batch/v1', kind: 'Job', spec, status: {} }) as unknown as Job;
const failing = (...rules: readonly object[]) => job({ podFailurePolicy: { rules } });
const pod = (facts: PodFacts) => podOf('p', { owner: ownedBy(jobs, 'j'), phase: 'Failed', ...facts });

test('the first rule that matches a failed pod decides what becomes of its failure', () => {
  const one = failing(
    { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
    { action: 'FailIndex', onExitCodes: { operator: 'In', values: [3] } },
    { action: 'FailJob', onExitCodes: { containerName: 'other', operator: 'NotIn', values: [1] } },
    { action: 'Count', onExitCodes: { operator: 'NotIn', values: [1, 2] } },
  );
  const evicted = pod({ exitCode: 3, conditions: [{ type: 'DisruptionTarget', status: 'True' }] });
  assert.deepEqual(verdictOn(evicted, one), { action: 'Ignore', counts: false });
  assert.deepEqual(verdictOn(pod({ exitCode: 3 }), one), { action: 'FailIndex', counts: true });
  assert.deepEqual(verdictOn(pod({ exitCode: 9 }), one), { action: 'Count', counts: true });
  assert.deepEqual(verdictOn(pod({ exitCode: 2 }), one), { counts: true });
  assert.deepEqual(verdictOn(pod({ exitCode: 0 }), one), { counts: true });
});

test('a rule that fails the job says which container and which rule it was', () => {
  const byCode = failing({ action: 'FailJob', onExitCodes: { operator: 'In', values: [42] } });
  const message = 'Container c for pod default/p failed with exit code 42 matching FailJob rule at index 0';
  assert.equal(failureMessage(byCode, [pod({ exitCode: 42 })]), message);
  const byCondition = failing({ action: 'FailJob', onPodConditions: [{ type: 'Broken', status: 'True' }] });
  const broken = pod({ conditions: [{ type: 'Broken', status: 'True' }] });
  const other = 'Pod default/p has condition Broken matching FailJob rule at index 0';
  assert.equal(failureMessage(byCondition, [broken]), other);
  assert.equal(failureMessage(byCode, [podOf('p', { phase: 'Running', exitCode: 42 })]), undefined);
});

test('a success policy is met by indexes, by how many there are, or by both', () => {
  const table: readonly [object, readonly number[], boolean][] = [
    [{ succeededIndexes: '0,2-3' }, [0, 2], false],
    [{ succeededIndexes: '0,2-3' }, [0, 1, 2, 3], true],
    [{ succeededIndexes: '0,2-3', succeededCount: 2 }, [0, 2], true],
    [{ succeededCount: 2 }, [4], false],
    [{ succeededCount: 2 }, [4, 5], true],
  ];
  for (const [rule, succeeded, isMet] of table) {
    const message = successMessage(job({ completions: 9, successPolicy: { rules: [rule] } }), succeeded);
    assert.equal(message, isMet ? 'Matched rules at index 0' : undefined);
  }
});

test('indexes are written as ranges where three or more follow each other', () => {
  assert.equal(indexesText([1, 3, 4, 5, 7, 8]), '1,3-5,7,8');
  assert.equal(indexesText([]), '');
  assert.deepEqual(parseIndexes('1,3-5,7,8', 8), [1, 3, 4, 5, 7]);
  assert.deepEqual(pendingIndexes([0, 2], 3, 9), [1, 3, 4]);
});
