import type { Instant } from '../../base/env.ts';
import { equalJson } from '../../base/json.ts';
import { parseTime } from '../../base/text.ts';
import type { Kind } from '../kind.ts';
import { labelValue } from '../names.ts';
import type { KubeObject, Labels } from '../object.ts';
import type { LabelSelector } from '../selector.ts';
import { ageCell, ageOf, columnsOf, containerCells, selectorText, workloadColumns } from './columns.ts';
import { changed, changedItems, filled, mapOf, type Part, partOf, partsOf, textOf } from './defaulting.ts';
import { defineKind } from './define.ts';
import { jobRules } from './job-rules.ts';
import { templateDefaults } from './pod-defaults.ts';
import { keepsHalves } from './status-writes.ts';
import { workloadWarnings } from './workload-warnings.ts';

export interface Job extends KubeObject<Part, Part> {}

export const jobs: Kind<Job> = defineKind<Job>('batch/v1', 'Job', {
  validate: jobRules,
  orphansByDefault: true,
  warnings: workloadWarnings,
  defaults: (job) => changed(labelled(job), 'spec', specDefaults),
  prepareCreate: created,
  // Whoever takes away its labels through the status sees those of its pods.
  prepareUpdate: keepsHalves(labelled),
  columns: columnsOf('Name', 'Status', 'Completions', 'Duration', 'Age', ...workloadColumns),
  cells: (job, now) => [
    job.metadata.name,
    statusText(job),
    completionsText(job),
    durationText(job, now),
    ageCell(job, now),
    ...containerCells(partOf(partOf(partOf(job.spec).template).spec)),
    selectorText(partOf(job.spec).selector as LabelSelector),
  ],
  fields: (job) => ({ 'status.successful': String(partOf(job.status).succeeded ?? 0) }),
});

/** As many failures as there can be: they are limited for each index instead. */
const failuresMax = 2 ** 31 - 1;

function specDefaults(given: Part): Part {
  let spec = templateDefaults(given);
  if (spec.completions === undefined && spec.parallelism === undefined) spec = { ...spec, completions: 1 };
  spec = filled(spec, {
    parallelism: 1,
    backoffLimit: spec.backoffLimitPerIndex === undefined ? 6 : failuresMax,
    completionMode: 'NonIndexed',
    suspend: false,
    manualSelector: false,
    podReplacementPolicy: spec.podFailurePolicy === undefined ? 'TerminatingOrFailed' : 'Failed',
  });
  return changed(spec, 'podFailurePolicy', (policy) =>
    changedItems(policy, 'rules', (rule) =>
      changedItems(rule, 'onPodConditions', (condition) =>
        textOf(condition.status) === '' ? { ...condition, status: 'True' } : condition,
      ),
    ),
  );
}

/**
 * A job finds its pods by its own uid, under the old and the new name of the label. What the client set itself stays,
 * and is refused where it is something else.
 */
function withSelector(job: Job): Job {
  const made: Job = { ...job, status: {} };
  const spec = partOf(job.spec);
  if (spec.manualSelector === true) return made;
  const { uid, name } = job.metadata;
  const own = {
    'batch.kubernetes.io/controller-uid': uid,
    'batch.kubernetes.io/job-name': name,
    'controller-uid': uid,
    'job-name': name,
  };
  const template = partOf(spec.template);
  const labels = { ...own, ...mapOf(partOf(template.metadata).labels) };
  const selector = partOf(spec.selector);
  const matchLabels = { 'batch.kubernetes.io/controller-uid': uid, ...mapOf(selector.matchLabels) };
  return {
    ...made,
    spec: {
      ...spec,
      selector: { ...selector, matchLabels },
      template: { ...template, metadata: { ...partOf(template.metadata), labels } },
    },
  };
}

/** A job without labels of its own has those of its pods. */
function labelled(job: Job): Job {
  if (Object.keys(job.metadata.labels ?? {}).length > 0) return job;
  const labels = podLabels(job);
  return Object.keys(labels).length > 0 ? { ...job, metadata: { ...job.metadata, labels } } : job;
}
const podLabels = (job: Job): Labels => mapOf(partOf(partOf(partOf(job.spec).template).metadata).labels);

/** The generated labels are on the job as well, where it took its labels from its pods. A bad one is told there. */
function created(job: Job): Job {
  const made = withSelector(job);
  const labels = podLabels(made);
  const own = job.metadata.labels ?? {};
  const taken = equalJson(own, podLabels(job)) || Object.keys(own).length === 0;
  const fine = Object.values(labels).every((value) => labelValue(value).length === 0);
  return taken && fine && Object.keys(labels).length > 0 ? { ...made, metadata: { ...made.metadata, labels } } : made;
}

function statusText({ metadata, status }: Job): string {
  const is = (type: string) => partsOf(partOf(status).conditions).some((c) => c.type === type && c.status === 'True');
  if (is('Complete')) return 'Complete';
  if (is('Failed')) return 'Failed';
  if (metadata.deletionTimestamp) return 'Terminating';
  if (is('Suspended')) return 'Suspended';
  if (is('FailureTarget')) return 'FailureTarget';
  if (is('SuccessCriteriaMet')) return 'SuccessCriteriaMet';
  return 'Running';
}

function completionsText({ spec, status }: Job): string {
  const { completions, parallelism = 0 } = partOf(spec) as { completions?: number; parallelism?: number };
  const succeeded = partOf(status).succeeded ?? 0;
  if (completions !== undefined) return `${succeeded}/${completions}`;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function durationText({ status }: Job, now: Instant): string {
  const { startTime, completionTime } = partOf(status);
  if (typeof startTime !== 'string') return '';
  return ageOf(startTime, typeof completionTime === 'string' ? parseTime(completionTime) : now);
}
