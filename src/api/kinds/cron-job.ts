import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import type { LabelSelector } from '../selector.ts';
import { ageCell, ageOf, columnsOf, containerCells, selectorText, workloadColumns } from './columns.ts';
import { cronJobRules } from './cron-job-rules.ts';
import { changed, filled, type Part, partOf, partsOf, textOf } from './defaulting.ts';
import { defineKind } from './define.ts';
import { templateDefaults } from './pod-defaults.ts';
import { cronJobWarnings } from './workload-warnings.ts';

export interface CronJob extends KubeObject<Part, Part> {}

export const cronJobs: Kind<CronJob> = defineKind<CronJob>('batch/v1', 'CronJob', {
  validate: cronJobRules,
  warnings: cronJobWarnings,
  defaults: (cron) =>
    changed(cron, 'spec', (spec) =>
      filled(
        changed(spec, 'jobTemplate', (job) => changed(job, 'spec', templateDefaults)),
        {
          concurrencyPolicy: 'Allow',
          suspend: false,
          successfulJobsHistoryLimit: 3,
          failedJobsHistoryLimit: 1,
        },
      ),
    ),
  columns: columnsOf(
    'Name',
    'Schedule',
    'Timezone',
    'Suspend:boolean',
    'Active:integer',
    'Last Schedule',
    'Age',
    ...workloadColumns,
  ),
  cells: (cron, now) => {
    const spec = partOf(cron.spec);
    const status = partOf(cron.status);
    const jobSpec = partOf(partOf(spec.jobTemplate).spec);
    return [
      cron.metadata.name,
      textOf(spec.schedule),
      textOf(spec.timeZone) || '<none>',
      // Upstream shows it as a word, although the column says boolean.
      spec.suspend === true ? 'True' : 'False',
      partsOf(status.active).length,
      status.lastScheduleTime ? ageOf(status.lastScheduleTime, now) : '<none>',
      ageCell(cron, now),
      ...containerCells(partOf(partOf(jobSpec.template).spec)),
      jobSpec.selector ? selectorText(jobSpec.selector as LabelSelector) : '<none>',
    ];
  },
});
