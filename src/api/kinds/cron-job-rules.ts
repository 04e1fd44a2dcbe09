import { parseCron } from '../cron-schedule.ts';
import { notSupported } from '../field-error.ts';
import { isTimeZone } from '../time-zones.ts';
import { type Checked, rulesOf } from './checks.ts';
import { textOf } from './defaulting.ts';
import { jobSpecRules } from './job-rules.ts';
import { notNegativeEach } from './workload-rules.ts';

export const cronJobRules = rulesOf(validateCronJob);

/** Eleven characters less than a label: the jobs have the minute behind their name. */
const nameLengthMax = 52;

function validateCronJob(root: Checked, previous: Checked | undefined): void {
  const spec = root.at('spec');
  const before = previous?.at('spec').part;
  const schedule = spec.at('schedule');
  const hadZone = textOf(before?.schedule).includes('TZ');
  if (schedule.needed()) scheduleRules(schedule, hadZone, !spec.at('timeZone').isAbsent);
  if (!before || before.timeZone !== spec.part.timeZone) zoneRules(spec.at('timeZone'));
  notNegativeEach(spec, 'startingDeadlineSeconds', 'successfulJobsHistoryLimit', 'failedJobsHistoryLimit');
  spec.at('concurrencyPolicy').neededOneOf('Allow', 'Forbid', 'Replace');
  const job = spec.at('jobTemplate').at('spec');
  jobSpecRules(job);
  if (!job.at('selector').isAbsent) job.at('selector').invalid('`selector` will be auto-generated');
  const manual = job.at('manualSelector');
  if (manual.value === true) manual.add(notSupported(manual.path, true, ['nil', 'false']));
  const name = root.at('metadata').at('name');
  if (!previous && name.text.length > nameLengthMax) name.invalid(`must be no more than ${nameLengthMax} characters`);
}

function scheduleRules(schedule: Checked, hadZone: boolean, hasZone: boolean): void {
  const parsed = parseCron(schedule.text);
  if ('error' in parsed) schedule.invalid(parsed.error);
  if (!schedule.text.includes('TZ')) return;
  if (!hadZone) schedule.invalid('cannot use TZ or CRON_TZ in schedule, use timeZone field instead');
  else if (hasZone) schedule.invalid('cannot use both timeZone field and TZ or CRON_TZ in schedule');
}

const zonePart = /^[A-Za-z0-9._+-]{1,14}$/;

function zoneRules(zone: Checked): void {
  if (zone.isAbsent) return;
  const name = zone.text;
  if (name === '') zone.invalid('timeZone must be nil or non-empty string');
  else if (name.toLowerCase() === 'local') {
    zone.invalid('timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones');
  } else if (!name.split('/').every((part) => zonePart.test(part)) || !isTimeZone(name)) {
    zone.invalid(`unknown time zone ${name}`);
  }
}
