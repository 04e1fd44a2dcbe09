import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCron } from '../api/cron-schedule.ts';
import type { Instant } from '../base/env.ts';
import { nextStrike, pastStrikes, waitForNext } from './cron-job-times.ts';

const at = (text: string) => Date.parse(text) as Instant;
const schedule = (text: string) => {
  const parsed = parseCron(text);
  assert.ok('schedule' in parsed);
  return parsed.schedule;
};
const strikes = (text: string, zone: string, from: string, count: number): readonly string[] => {
  const found: string[] = [];
  for (let last: Instant | undefined = at(from); found.length < count; ) {
    last = nextStrike(schedule(text), last, zone);
    if (last === undefined) break;
    found.push(new Date(last).toISOString().slice(0, 16));
  }
  return found;
};

test('a schedule strikes when all of its fields do, and days by month or by week', () => {
  const table: readonly [string, string, readonly string[]][] = [
    ['*/15 * * * *', '2026-01-01T00:00:00Z', ['2026-01-01T00:15', '2026-01-01T00:30']],
    ['0 0 1 1 *', '2026-01-01T00:00:00Z', ['2027-01-01T00:00']],
    ['59 23 31 * *', '2026-01-31T23:59:00Z', ['2026-03-31T23:59', '2026-05-31T23:59']],
    ['0 12 13 * 5', '2026-01-01T00:00:00Z', ['2026-01-02T12:00', '2026-01-09T12:00', '2026-01-13T12:00']],
    ['0 12 * * 5', '2026-01-01T00:00:00Z', ['2026-01-02T12:00', '2026-01-09T12:00']],
    ['0 0 29 2 *', '2026-01-01T00:00:00Z', ['2028-02-29T00:00']],
    ['@every 90s', '2026-01-01T00:00:30.500Z', ['2026-01-01T00:02', '2026-01-01T00:03']],
    ['0 0 30 2 *', '2026-01-01T00:00:00Z', []],
  ];
  for (const [text, from, expected] of table) {
    assert.deepEqual(strikes(text, '', from, Math.max(1, expected.length)), expected, text);
  }
});

test('an hour that spring leaves out is not made up for, and one that comes twice in autumn strikes twice', () => {
  const daily = strikes('30 2 * * *', 'Europe/Berlin', '2026-03-28T00:00:00Z', 2);
  assert.deepEqual(daily, ['2026-03-28T01:30', '2026-03-30T00:30']);
  const autumn = strikes('30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00:00Z', 3);
  assert.deepEqual(autumn, ['2026-10-25T00:30', '2026-10-25T01:30', '2026-10-26T01:30']);
  const hourly = strikes('0 * * * *', 'Europe/Berlin', '2026-03-29T00:00:00Z', 2);
  assert.deepEqual(hourly, ['2026-03-29T01:00', '2026-03-29T02:00']);
});

test('a day begins where its midnight is left out, too', () => {
  // Cairo puts its clocks forward at midnight of the last Friday of April.
  assert.deepEqual(strikes('0 0 * * *', 'Africa/Cairo', '2026-04-22T12:00:00Z', 3), [
    '2026-04-22T22:00',
    '2026-04-24T21:00',
    '2026-04-25T21:00',
  ]);
  assert.deepEqual(strikes('0 9 * * 1', 'Asia/Kathmandu', '2026-01-01T00:00:00Z', 1), ['2026-01-05T03:15']);
});

test('of what was missed only the last counts, and very much is told as many', () => {
  const span = { earliest: at('2026-01-01T00:00:00Z'), now: at('2026-01-01T00:34:10Z') };
  const [ten, minute] = [schedule('*/10 * * * *'), schedule('* * * * *')];
  assert.deepEqual(pastStrikes(ten, '', span), { ...pastOf(span), latest: at('2026-01-01T00:30:00Z'), missed: 'few' });
  const early = { ...span, now: at('2026-01-01T00:05:00Z') };
  assert.deepEqual(pastStrikes(ten, '', early), { earliest: span.earliest, missed: 'none' });
  const late = { ...span, now: at('2026-01-01T03:00:30Z') };
  assert.equal(pastStrikes(minute, '', late)?.missed, 'many');
  assert.equal(pastStrikes(schedule('0 0 30 2 *'), '', span), undefined);
  assert.equal(waitForNext(ten, '', span), 350_100);
});
const pastOf = ({ earliest }: { readonly earliest: Instant }) => ({ earliest });
