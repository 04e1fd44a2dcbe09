import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Instant } from '../base/env.ts';
import { isTimeZone, offsetAt } from './time-zones.ts';

const hours = (zone: string, at: string) => offsetAt(zone, Date.parse(at) as Instant) / 3_600_000;

test('time zones are known by the names of the IANA database', () => {
  for (const name of ['UTC', 'Europe/Berlin', 'America/Argentina/Ushuaia', 'Etc/GMT+5']) assert.ok(isTimeZone(name));
  for (const name of ['', 'Berlin', 'europe/berlin', 'Local']) assert.ok(!isTimeZone(name));
});

test('clocks stand as the rule of their zone says, north and south, by halves, and by decree', () => {
  const table: readonly [string, string, number][] = [
    ['', '2026-07-01T00:00:00Z', 0],
    ['Europe/Berlin', '2026-03-29T00:59:59Z', 1],
    ['Europe/Berlin', '2026-03-29T01:00:00Z', 2],
    ['Europe/Berlin', '2026-10-25T01:00:00Z', 1],
    ['Europe/Dublin', '2026-07-01T00:00:00Z', 1],
    ['Europe/Dublin', '2026-01-01T00:00:00Z', 0],
    ['Australia/Sydney', '2026-01-01T00:00:00Z', 11],
    ['Australia/Sydney', '2026-07-01T00:00:00Z', 10],
    ['Australia/Lord_Howe', '2026-07-01T00:00:00Z', 10.5],
    ['Asia/Kathmandu', '2026-07-01T00:00:00Z', 5.75],
    ['Etc/GMT+5', '2026-07-01T00:00:00Z', -5],
    ['America/New_York', '2026-11-01T06:00:00Z', -5],
    ['Africa/Casablanca', '2026-03-01T00:00:00Z', 0],
    ['Africa/Casablanca', '2026-04-01T00:00:00Z', 1],
  ];
  for (const [zone, at, expected] of table) assert.equal(hours(zone, at), expected, `${zone} at ${at}`);
});
