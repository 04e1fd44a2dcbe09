import type { Instant } from '../../../base/env.ts';
import { isTimeZone, offsetAt } from '../../time-zones.ts';
import { CelError } from '../cel-error.ts';
import type { Functions, Overload } from '../environment.ts';
import * as types from '../type.ts';
import type { Duration, Result, Timestamp } from '../value.ts';
import { method } from './declare.ts';
import { dateAt, offsetMinutes } from './time-text.ts';

const dayMs = 86_400_000;

/** A part of a time, in UTC or in a zone that the call names. */
function part(name: string, read: (date: Date, nanos: bigint) => number): readonly Overload[] {
  const at = ({ nanos }: Timestamp, zone: string): Result => {
    const offset = offsetMinutes(zone) ?? zoneMinutes(zone, nanos);
    if (offset === undefined) return new CelError(`unknown time zone ${zone}`);
    return BigInt(read(dateAt(nanos, offset), nanos));
  };
  return [
    method(`timestamp_to_${name}`, [types.timestamp], types.int, (time: Timestamp) => at(time, 'UTC')),
    method(`timestamp_to_${name}_with_tz`, [types.timestamp, types.string], types.int, at),
  ];
}
/** What the clocks of a zone show, which depends on the time. */
const zoneMinutes = (zone: string, nanos: bigint): number | undefined =>
  isTimeZone(zone) ? offsetAt(zone, Number(nanos / 1_000_000n) as Instant) / 60_000 : undefined;

const length = (name: string, unit: bigint): Overload =>
  method(`duration_to_${name}`, [types.duration], types.int, ({ nanos }: Duration) => nanos / unit);

const milliseconds = (nanos: bigint): number =>
  Number(((nanos % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n) / 1e6;

export const times: Functions = {
  getFullYear: part('year', (date) => date.getUTCFullYear()),
  getMonth: part('month', (date) => date.getUTCMonth()),
  getDayOfYear: part('day_of_year', (date) =>
    Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / dayMs),
  ),
  getDayOfMonth: part('day_of_month', (date) => date.getUTCDate() - 1),
  getDate: part('day_of_month_1_based', (date) => date.getUTCDate()),
  getDayOfWeek: part('day_of_week', (date) => date.getUTCDay()),
  getHours: [...part('hours', (date) => date.getUTCHours()), length('hours', 3_600_000_000_000n)],
  getMinutes: [...part('minutes', (date) => date.getUTCMinutes()), length('minutes', 60_000_000_000n)],
  getSeconds: [...part('seconds', (date) => date.getUTCSeconds()), length('seconds', 1_000_000_000n)],
  getMilliseconds: [
    ...part('milliseconds', (_date, nanos) => Math.floor(milliseconds(nanos))),
    method(
      'duration_to_milliseconds',
      [types.duration],
      types.int,
      ({ nanos }: Duration) => (nanos / 1_000_000n) % 1000n,
    ),
  ],
};
