import { parseDuration } from './schema/scalars.ts';
import { isTimeZone } from './time-zones.ts';

// The schedules of cron jobs: five fields of minutes, hours, days, months and weekdays, or a word like @daily.

/** When a schedule strikes: which values of each field, or every so often. */
export type CronSchedule =
  | { readonly fields: CronFields; readonly timeZone?: string }
  | { readonly everyMs: number; readonly timeZone?: string };
export interface CronFields {
  readonly minute: CronField;
  readonly hour: CronField;
  readonly dayOfMonth: CronField;
  readonly month: CronField;
  readonly dayOfWeek: CronField;
}
interface CronField {
  readonly values: ReadonlySet<number>;
  /** Written as a star: days of the month and of the week count together only where neither is. */
  readonly isAny: boolean;
}
type ParsedCron = { readonly schedule: CronSchedule } | { readonly error: string };

interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly names?: readonly string[];
}
const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const days = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const bounds: readonly Bounds[] = [
  { min: 0, max: 59 },
  { min: 0, max: 23 },
  { min: 1, max: 31 },
  { min: 1, max: 12, names: months },
  { min: 0, max: 6, names: days },
];
const words: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};

/** The sentence of what is wrong, as users of cron know it. Caught where the whole schedule is read. */
class CronError extends Error {}

export function parseCron(text: string): ParsedCron {
  try {
    return { schedule: read(text) };
  } catch (error) {
    if (error instanceof CronError) return { error: error.message };
    throw error;
  }
}

function read(text: string): CronSchedule {
  if (text === '') throw new CronError('empty spec string');
  const zoned = /^(?:CRON_)?TZ=(\S*)(.*)$/s.exec(text);
  if (!zoned) return readSchedule(text);
  const [, timeZone = '', rest = ''] = zoned;
  if (timeZone !== '' && !isTimeZone(timeZone)) {
    throw new CronError(`provided bad location ${timeZone}: unknown time zone ${timeZone}`);
  }
  return { ...readSchedule(rest.trim()), timeZone };
}

function readSchedule(text: string): CronSchedule {
  if (text.startsWith('@')) return readWord(text);
  const parts = text.split(/\s+/).filter((part) => part !== '');
  if (parts.length !== bounds.length) {
    throw new CronError(`expected exactly ${bounds.length} fields, found ${parts.length}: [${parts.join(' ')}]`);
  }
  const [minute, hour, dayOfMonth, month, dayOfWeek] = parts.map((part, index) =>
    readField(part, bounds[index] as Bounds),
  );
  return { fields: { minute, hour, dayOfMonth, month, dayOfWeek } as CronFields };
}

const every = '@every ';
const nanosPerMs = 1_000_000n;
const secondMs = 1000;

function readWord(text: string): CronSchedule {
  const spelled = words[text];
  if (spelled !== undefined) return readSchedule(spelled);
  if (!text.startsWith(every)) throw new CronError(`unrecognized descriptor: ${text}`);
  const duration = text.slice(every.length);
  const nanos = parseDuration(duration);
  if (nanos === undefined) {
    throw new CronError(`failed to parse duration ${text}: time: invalid duration ${JSON.stringify(duration)}`);
  }
  const ms = Number(nanos / nanosPerMs);
  return { everyMs: Math.max(secondMs, ms - (ms % secondMs)) };
}

function readField(text: string, limits: Bounds): CronField {
  const values = new Set<number>();
  let isAny = false;
  for (const expression of text.split(',')) {
    if (expression === '') continue;
    const range = readRange(expression, limits);
    isAny ||= range.isAny;
    for (let value = range.from; value <= range.to; value += range.step) values.add(value);
  }
  return { values, isAny };
}

interface Range {
  readonly from: number;
  readonly to: number;
  readonly step: number;
  readonly isAny: boolean;
}

function readRange(expression: string, limits: Bounds): Range {
  const [span = '', stepText, ...tooMany] = expression.split('/');
  const [low = '', high, ...more] = span.split('-');
  const isStar = low === '*' || low === '?';
  let from = limits.min;
  let to = limits.max;
  if (!isStar) {
    from = readValue(low, limits);
    if (more.length > 0) throw new CronError(`too many hyphens: ${expression}`);
    to = high === undefined ? from : readValue(high, limits);
  }
  if (tooMany.length > 0) throw new CronError(`too many slashes: ${expression}`);
  const step = stepText === undefined ? 1 : readNumber(stepText);
  // A single value with a step goes on to the end of the field.
  if (stepText !== undefined && high === undefined) to = limits.max;
  if (from < limits.min) {
    throw new CronError(`beginning of range (${from}) below minimum (${limits.min}): ${expression}`);
  }
  if (to > limits.max) throw new CronError(`end of range (${to}) above maximum (${limits.max}): ${expression}`);
  if (from > to) throw new CronError(`beginning of range (${from}) beyond end of range (${to}): ${expression}`);
  if (step === 0) throw new CronError(`step of range should be a positive number: ${expression}`);
  return { from, to, step, isAny: isStar && step === 1 };
}

function readValue(text: string, { min, names }: Bounds): number {
  const place = names?.indexOf(text.toLowerCase()) ?? -1;
  return place >= 0 ? place + min : readNumber(text);
}

function readNumber(text: string): number {
  if (!/^[+-]?[0-9]+$/.test(text)) {
    const why = `strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`;
    throw new CronError(`failed to parse int from ${text}: ${why}`);
  }
  const number = Number(text);
  if (number < 0) throw new CronError(`negative number (${number}) not allowed: ${text}`);
  return number;
}
