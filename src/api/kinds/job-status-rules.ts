import { equalJson } from '../../base/json.ts';
import { parseTime } from '../../base/text.ts';
import type { FieldError } from '../field-error.ts';
import type { Checked } from './checks.ts';
import { type Part, partOf, partsOf } from './defaulting.ts';
import { countIndexes } from './job-policy-rules.ts';
import { notNegativeEach } from './workload-rules.ts';

/** What an end of a job leaves no doubt about, and what it may not take back. */
export function jobStatusRules(root: Checked, previous: Checked | undefined): void {
  const status = root.at('status');
  notNegativeEach(status, 'active', 'succeeded', 'failed', 'ready', 'terminating');
  const before = previous?.at('status').part ?? {};
  countRules(root, before);
  timeRules(root, before);
  conditionRules(status, before);
  indexRules(root, before);
}

const is = (status: Part, type: string): boolean =>
  partsOf(status.conditions).some((condition) => condition.type === type && condition.status === 'True');
const isFinished = (status: Part): boolean => is(status, 'Complete') || is(status, 'Failed');

/** An error about a value that is not worth repeating. */
const bare = (path: string, sentence: string): FieldError => ({
  path,
  type: 'Invalid',
  text: `Invalid value: ${sentence}`,
});

function countRules(root: Checked, before: Part): void {
  const status = root.at('status');
  const { completionMode, completions, parallelism } = root.at('spec').part;
  const elastic = completionMode === 'Indexed' && completions === parallelism;
  for (const field of elastic ? ['failed'] : ['succeeded', 'failed']) {
    const old = Number(before[field] ?? 0);
    if (status.at(field).number < old) status.at(field).invalid(`cannot decrease the ${field} counter`);
  }
  if (status.at('ready').number > status.at('active').number)
    status.at('ready').invalid('cannot set more ready pods than active');
  if (!isFinished(status.part)) return;
  if (status.at('active').number > 0) status.at('active').invalid('active>0 is invalid for finished job');
  if (status.at('terminating').number > 0)
    status.at('terminating').invalid('terminating>0 is invalid for finished job');
  const { succeeded, failed } = partOf(status.part.uncountedTerminatedPods);
  if (partsOf(succeeded).length + partsOf(failed).length > 0) {
    status.at('uncountedTerminatedPods').invalid('uncountedTerminatedPods needs to be empty for finished job');
  }
}

function timeRules(root: Checked, before: Part): void {
  const status = root.at('status');
  const start = status.at('startTime');
  const end = status.at('completionTime');
  const suspended = root.at('spec').part.suspend === true;
  const idle = suspended && root.at('spec').part.completions === 0;
  if (isFinished(status.part) && start.isAbsent && !idle) start.needed('startTime is required for finished job');
  if (before.startTime !== undefined && !suspended) {
    if (start.isAbsent) start.needed('startTime cannot be removed for unsuspended job');
    else if (start.value !== before.startTime) start.needed('startTime cannot be modified for unsuspended job');
  }
  if (!start.isAbsent && !end.isAbsent && parseTime(end.text) < parseTime(start.text)) {
    end.invalid('completionTime cannot be set before startTime');
  }
  const complete = is(status.part, 'Complete');
  if (complete && end.isAbsent) end.needed('completionTime is required for Complete jobs');
  if (!complete && !end.isAbsent) end.invalid('cannot set completionTime when there is no Complete=True condition');
  if (before.completionTime !== undefined && end.value !== before.completionTime) end.invalid('field is immutable');
}

function conditionRules(status: Checked, before: Part): void {
  const conditions = status.at('conditions');
  const tell = (sentence: string) => conditions.add(bare(conditions.path, sentence));
  for (const type of ['Failed', 'Complete', 'FailureTarget', 'SuccessCriteriaMet']) {
    if (is(before, type) && !is(status.part, type)) tell(`cannot disable the terminal ${type}=True condition`);
  }
  if (equalJson(before.conditions ?? null, conditions.value ?? null)) return;
  const pairs = [
    ['Complete', 'Failed'],
    ['Complete', 'FailureTarget'],
    ['SuccessCriteriaMet', 'Failed'],
    ['SuccessCriteriaMet', 'FailureTarget'],
  ] as const;
  for (const [one, other] of pairs) {
    if (is(status.part, one) && is(status.part, other)) tell(`cannot set ${one}=True and ${other}=true conditions`);
  }
}

function indexRules(root: Checked, before: Part): void {
  const spec = root.at('spec').part;
  const status = root.at('status');
  for (const field of ['completedIndexes', 'failedIndexes']) {
    const indexes = status.at(field);
    if (indexes.isEmpty || indexes.value === before[field]) continue;
    if (spec.completionMode !== 'Indexed') {
      indexes.invalid(`cannot set non-empty ${field} when non-indexed completion mode`);
      continue;
    }
    if (field === 'failedIndexes' && spec.backoffLimitPerIndex === undefined) {
      indexes.invalid('cannot set non-empty failedIndexes when no backoff limit per index');
    }
    const counted = countIndexes(indexes.text, Number(spec.completions ?? 0));
    if (typeof counted !== 'number') indexes.invalid(`error parsing ${field}: ${counted}`);
  }
}
