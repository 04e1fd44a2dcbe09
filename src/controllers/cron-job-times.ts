import type { CronFields, CronSchedule } from '../api/cron-schedule.ts';
import { offsetAt } from '../api/time-zones.ts';
import type { Instant, Millis } from '../base/env.ts';

const secondMs = 1_000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;
/** A schedule that strikes on no day of so many years strikes never: the 30th of February. */
const yearsMax = 5;
const manyMissed = 100;

/**
 * The first strike after a time; undefined where there is none. Looks for it field by field as the clocks of the zone
 * show it: an hour that is left out in spring is not made up for, one that comes twice in autumn strikes twice.
 */
export function nextStrike(schedule: CronSchedule, after: Instant, timeZone: string): Instant | undefined {
  if ('everyMs' in schedule) return (after + schedule.everyMs - (after % secondMs)) as Instant;
  const zone = schedule.timeZone ?? timeZone;
  const search = new Search(schedule.fields, zone, (after - (after % secondMs) + secondMs) as Instant);
  return search.run();
}

/** Some hand of the clock has begun anew, so that those before it are looked at again. */
type Step = 'found' | 'around';

class Search {
  readonly #fields: CronFields;
  readonly #zone: string;
  readonly #yearMax: number;
  #at: Instant;
  /** Once a field was moved, all below it begin at their lowest. */
  #moved = false;

  constructor(fields: CronFields, zone: string, from: Instant) {
    this.#fields = fields;
    this.#zone = zone;
    this.#at = from;
    this.#yearMax = this.#clock().getUTCFullYear() + yearsMax;
  }

  run(): Instant | undefined {
    while (this.#clock().getUTCFullYear() <= this.#yearMax) {
      const steps = [() => this.#month(), () => this.#day(), () => this.#hour(), () => this.#minute()];
      if (steps.every((step) => step() === 'found') && this.#second() === 'found') return this.#at;
    }
    return undefined;
  }

  /** What the clocks show, in the UTC fields of a date. */
  #clock(): Date {
    return new Date(this.#at + offsetAt(this.#zone, this.#at));
  }

  /** The time at which the clocks show this. Where they never do, one of the times around. */
  #set(year: number, month: number, day: number, hour = 0): void {
    const shown = Date.UTC(year, month, day, hour);
    const near = shown - offsetAt(this.#zone, shown as Instant);
    this.#at = (shown - offsetAt(this.#zone, near as Instant)) as Instant;
  }

  #month(): Step {
    while (!this.#fields.month.values.has(this.#clock().getUTCMonth() + 1)) {
      const clock = this.#clock();
      this.#moved = true;
      this.#set(clock.getUTCFullYear(), clock.getUTCMonth() + 1, 1);
      if (this.#clock().getUTCMonth() === 0) return 'around';
    }
    return 'found';
  }

  #day(): Step {
    while (!this.#isDay()) {
      const clock = this.#clock();
      this.#moved = true;
      this.#set(clock.getUTCFullYear(), clock.getUTCMonth(), clock.getUTCDate() + 1);
      // Where midnight is left out, the day begins at one, or has just not begun.
      const hour = this.#clock().getUTCHours();
      if (hour !== 0) this.#at = (this.#at + (hour > 12 ? 24 - hour : -hour) * hourMs) as Instant;
      if (this.#clock().getUTCDate() === 1) return 'around';
    }
    return 'found';
  }

  #isDay(): boolean {
    const { dayOfMonth, dayOfWeek } = this.#fields;
    const clock = this.#clock();
    const byMonth = dayOfMonth.values.has(clock.getUTCDate());
    const byWeek = dayOfWeek.values.has(clock.getUTCDay());
    return dayOfMonth.isAny || dayOfWeek.isAny ? byMonth && byWeek : byMonth || byWeek;
  }

  #hour(): Step {
    while (!this.#fields.hour.values.has(this.#clock().getUTCHours())) {
      const clock = this.#clock();
      if (!this.#moved) {
        this.#set(clock.getUTCFullYear(), clock.getUTCMonth(), clock.getUTCDate(), clock.getUTCHours());
      }
      this.#moved = true;
      this.#at = (this.#at + hourMs) as Instant;
      if (this.#clock().getUTCHours() === 0) return 'around';
    }
    return 'found';
  }

  #minute(): Step {
    while (!this.#fields.minute.values.has(this.#clock().getUTCMinutes())) {
      if (!this.#moved) this.#at = (this.#at - (this.#at % minuteMs)) as Instant;
      this.#moved = true;
      this.#at = (this.#at + minuteMs) as Instant;
      if (this.#clock().getUTCMinutes() === 0) return 'around';
    }
    return 'found';
  }

  /** Always the full minute. */
  #second(): Step {
    const over = this.#at % minuteMs;
    if (over === 0) return 'found';
    this.#moved = true;
    this.#at = (this.#at - over + minuteMs) as Instant;
    return 'around';
  }
}

export interface Past {
  readonly earliest: Instant;
  /** The last strike that is not later than now. */
  readonly latest?: Instant;
  readonly missed: 'none' | 'few' | 'many';
}

/** What has struck since a time. Undefined: the schedule never strikes. */
export function pastStrikes(schedule: CronSchedule, timeZone: string, span: Span): Past | undefined {
  const { earliest, now } = span;
  const first = nextStrike(schedule, earliest, timeZone);
  const second = first === undefined ? undefined : nextStrike(schedule, first, timeZone);
  if (first === undefined) return undefined;
  if (now < first) return { earliest, missed: 'none' };
  if (second === undefined) return undefined;
  if (now < second) return { earliest, latest: first, missed: 'none' };
  const between = Math.round((second - first) / secondMs) * secondMs;
  const count = Math.floor(Math.floor((now - first) / secondMs) / (between / secondMs)) + 1;
  // One step before the last that is expected: strikes need not be evenly spaced.
  let at: Instant | undefined = (first + (count - 2) * between) as Instant;
  let latest: Instant | undefined;
  for (at = nextStrike(schedule, at, timeZone); at !== undefined && at <= now; ) {
    latest = at;
    at = nextStrike(schedule, at, timeZone);
  }
  const missed = count > manyMissed ? 'many' : 'few';
  return { earliest, missed, ...(latest === undefined ? {} : { latest }) };
}
export interface Span {
  readonly earliest: Instant;
  readonly now: Instant;
}

/** Just after the strike, so that it is surely in the past by then. */
const strikeDelayMs = 100;

export function waitForNext(schedule: CronSchedule, timeZone: string, span: Span): Millis | undefined {
  const { now } = span;
  const past = pastStrikes(schedule, timeZone, span);
  const from = past?.latest ?? (past?.missed === 'none' ? past.earliest : now);
  const next = nextStrike(schedule, from, timeZone);
  return next === undefined ? undefined : Math.max(0, next + strikeDelayMs - now);
}
