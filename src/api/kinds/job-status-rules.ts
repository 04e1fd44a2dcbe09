import { equalJson } from '../../base/json.ts';
import { parseTime } from '../../base/text.ts';
import type { Checked } from './checks.ts';
import { type Part, partOf, partsOf } from './defaulting.ts';
import { countIndexes, intervalOf } from './job-policy-rules.ts';
import { notNegativeEach } from './workload-rules.ts';

/**
 * What an end of a job leaves no doubt about, and what it may not take back. Most rules hold only for what a write
 * changes: what was wrong before, or became so by another spec, does not stand in the way of other news.
 */
export function jobStatusRules(root: Checked, previous: Checked | undefined): void {
  const job = new JobStatus(root, previous?.at('status').part ?? {});
  notNegativeEach(job.status, 'active', 'succeeded', 'failed', 'ready', 'terminating');
  uncountedRules(job);
  endRules(job);
  timeRules(job);
  finishedRules(job);
  indexRules(job);
  criteriaRules(job);
  if (previous) changeRules(job);
}

class JobStatus {
  readonly status: Checked;
  readonly now: Part;
  readonly before: Part;
  readonly spec: Part;

  constructor(root: Checked, before: Part) {
    this.status = root.at('status');
    this.now = this.status.part;
    this.before = before;
    this.spec = root.at('spec').part;
  }

  is(type: string): boolean {
    return holds(this.now, type);
  }
  was(type: string): boolean {
    return holds(this.before, type);
  }
  /** Whether one of these fields has another value. */
  moves(...fields: readonly string[]): boolean {
    return fields.some((field) => !equalJson(this.before[field] ?? null, this.now[field] ?? null));
  }
  /** Whether one of these conditions has come or gone. */
  turns(...types: readonly string[]): boolean {
    return types.some((type) => this.is(type) !== this.was(type));
  }
  get isFinished(): boolean {
    return this.is('Complete') || this.is('Failed');
  }
  get finishes(): boolean {
    return this.isFinished !== (this.was('Complete') || this.was('Failed'));
  }
  get completions(): number | undefined {
    return this.spec.completions === undefined ? undefined : Number(this.spec.completions);
  }

  /** An error about conditions, which are not repeated in it. */
  tell(sentence: string): void {
    const { path } = this.status.at('conditions');
    this.status.add({ path, type: 'Invalid', text: `Invalid value: ${sentence}` });
  }
}

const holds = (status: Part, type: string, word = 'True'): boolean =>
  partsOf(status.conditions).some((condition) => condition.type === type && condition.status === word);

function uncountedRules({ status }: JobStatus): void {
  const seen = new Set<string>();
  for (const field of ['succeeded', 'failed']) {
    for (const uid of status.at('uncountedTerminatedPods').at(field).items()) {
      if (uid.text === '') uid.invalid('must not be empty');
      else if (seen.has(uid.text)) uid.duplicate();
      else seen.add(uid.text);
    }
  }
}

/** One end only, and each after what announces it. */
function endRules(job: JobStatus): void {
  const both = (type: string, other: string) => {
    if (job.is(type) && job.is(other)) job.tell(`cannot set ${type}=True and ${other}=true conditions`);
  };
  if (job.turns('Complete', 'Failed')) both('Complete', 'Failed');
  if (job.turns('Complete', 'FailureTarget')) both('Complete', 'FailureTarget');
  both('SuccessCriteriaMet', 'Failed');
  both('SuccessCriteriaMet', 'FailureTarget');
  const after = (type: string, first: string) => {
    if (job.is(type) && !job.is(first))
      job.tell(`cannot set ${type}=True condition without the ${first}=true condition`);
  };
  if (job.turns('Failed') || job.moves('failedIndexes')) after('Failed', 'FailureTarget');
  if (job.turns('Complete', 'SuccessCriteriaMet')) after('Complete', 'SuccessCriteriaMet');
}

function timeRules(job: JobStatus): void {
  const start = job.status.at('startTime');
  const end = job.status.at('completionTime');
  if (job.turns('Complete') || job.moves('completionTime')) {
    const isComplete = job.is('Complete');
    if (!isComplete && !end.isAbsent) end.invalid('cannot set completionTime when there is no Complete=True condition');
    if (isComplete && end.isAbsent) end.missing('completionTime is required for Complete jobs');
  }
  if (!job.moves('startTime', 'completionTime') || start.isAbsent || end.isAbsent) return;
  if (parseTime(end.text) < parseTime(start.text)) end.invalid('must be equal to or after `startTime`');
}

/** Nothing is left to do for a job that has come to an end. */
function finishedRules(job: JobStatus): void {
  const { status, spec } = job;
  const touches = (field: string) => job.isFinished && (job.finishes || job.moves(field));
  for (const field of ['active', 'terminating']) {
    const count = status.at(field);
    if (touches(field) && count.number > 0) count.invalid(`${field}>0 is invalid for finished job`);
  }
  const never = spec.suspend === true && job.completions === 0;
  const start = status.at('startTime');
  if (touches('startTime') && !never && start.isAbsent) start.missing('startTime is required for finished job');
  const uncounted = status.at('uncountedTerminatedPods');
  const { succeeded, failed } = partOf(uncounted.value);
  if (
    touches('uncountedTerminatedPods') &&
    [succeeded, failed].some((list) => Array.isArray(list) && list.length > 0)
  ) {
    uncounted.invalid('must be empty for finished job');
  }
  const ready = status.at('ready');
  if (job.moves('ready', 'active') && ready.number > status.at('active').number) {
    ready.invalid('cannot set more ready pods than active');
  }
}

function indexRules(job: JobStatus): void {
  const { status, spec, completions } = job;
  const [completed, failed] = [status.at('completedIndexes'), status.at('failedIndexes')];
  const judge = (indexes: Checked, name: string) => {
    const counted = countIndexes(indexes.text, completions ?? 0);
    if (completions !== undefined && typeof counted === 'string') indexes.invalid(`error parsing ${name}: ${counted}`);
  };
  if (job.moves('completedIndexes')) {
    judge(completed, 'completedIndexes');
    if (!completed.isEmpty && spec.completionMode !== 'Indexed') {
      completed.invalid('cannot set non-empty completedIndexes when non-indexed completion mode');
    }
  }
  if (job.moves('failedIndexes') && !failed.isAbsent) {
    if (spec.backoffLimitPerIndex !== undefined) judge(failed, 'failedIndexes');
    else failed.invalid('cannot set non-null failedIndexes when backoffLimitPerIndex is null');
  }
  if (!job.moves('completedIndexes', 'failedIndexes') || completions === undefined) return;
  const shared = sharedIndex(completed.text, failed.text, completions);
  if (shared !== undefined) failed.invalid(`failedIndexes and completedIndexes overlap at index: ${shared}`);
}

/** The first index that both texts name. Parts that cannot be read are told of elsewhere. */
function sharedIndex(one: string, other: string, completions: number): number | undefined {
  const intervals = (text: string) =>
    text.split(',').flatMap((part) => {
      const interval = intervalOf(part, completions);
      return typeof interval === 'string' ? [] : [interval];
    });
  const [mine, others] = [intervals(one), intervals(other)];
  let [place, otherPlace] = [0, 0];
  for (;;) {
    const [interval, otherInterval] = [mine[place], others[otherPlace]];
    if (!interval || !otherInterval) return undefined;
    if (interval[0] <= otherInterval[1] && otherInterval[0] <= interval[1]) {
      return Math.max(interval[0], otherInterval[0]);
    }
    if (interval[0] <= otherInterval[0]) place++;
    else otherPlace++;
  }
}

function criteriaRules(job: JobStatus): void {
  if (job.spec.successPolicy === undefined || job.is('SuccessCriteriaMet') || !job.is('Complete')) return;
  job.tell('cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True');
}

/** What was said once stays said. */
function changeRules(job: JobStatus): void {
  const { status, before, spec } = job;
  const lost = (type: string) => job.was(type) && !job.is(type);
  for (const type of ['Failed', 'Complete', 'FailureTarget']) {
    if (lost(type)) job.tell(`cannot disable the terminal ${type}=True condition`);
  }
  // Such a job may be made smaller, with what it has done.
  const isElastic = spec.completionMode === 'Indexed' && spec.completions === spec.parallelism;
  for (const field of isElastic ? ['failed'] : ['failed', 'succeeded']) {
    const count = status.at(field);
    if (count.number < Number(before[field] ?? 0)) count.invalid(`cannot decrease the ${field} counter`);
  }
  const end = status.at('completionTime');
  if (!end.isAbsent && before.completionTime !== undefined && job.moves('completionTime')) {
    end.invalid('field is immutable');
  }
  const resumes = job.was('Suspended') && holds(job.now, 'Suspended', 'False');
  if (before.startTime !== undefined && job.moves('startTime') && !resumes && spec.suspend !== true) {
    status.at('startTime').invalidAs(job.now.startTime ?? null, 'field is immutable for unsuspended job once set');
  }
  if (lost('SuccessCriteriaMet')) job.tell('cannot disable the SuccessCriteriaMet=True condition');
  if (job.was('Complete') && !job.was('SuccessCriteriaMet') && job.is('SuccessCriteriaMet')) {
    job.tell('cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions');
  }
}
