import { isDeepStrictEqual } from 'node:util';
import type { Case, Digest } from './cases.ts';

/**
 * Whether an answer agrees: the same code; for a failure the same reason and the same (field, reason) causes; for
 * a success the same object. Texts count only where the case says so.
 */
export function agrees(item: Case, expected: Digest, actual: Digest): boolean {
  if (actual.code === 0 || expected.code !== actual.code) return false;
  if (item.judge?.includes('message') && (expected.message ?? '') !== (actual.message ?? '')) return false;
  if (item.judge?.includes('warnings') && !isDeepStrictEqual(expected.warnings, actual.warnings)) return false;
  if (expected.code >= 400) {
    return (expected.reason ?? '') === (actual.reason ?? '') && isDeepStrictEqual(causesOf(expected), causesOf(actual));
  }
  return (
    isDeepStrictEqual(lasting(expected.object), lasting(actual.object)) &&
    isDeepStrictEqual(expected.events, actual.events) &&
    (expected.type ?? '') === (actual.type ?? '') &&
    (expected.text ?? '') === (actual.text ?? '')
  );
}

const causesOf = (answer: Digest): readonly string[] =>
  [...new Set((answer.causes ?? []).map(([field, reason]) => `${field}\u0000${reason}`))].sort();

// Objects that say who made them name the caller's certificate: another one in each run.
const fingerprint = /X509SHA256=[0-9a-f]{64}/g;
// Ages were left out of what was recorded, but for those of years and days: they were true on one day only.
const ageOfYears = /"\d+y\d+d"/g;
const lasting = (object: unknown): unknown =>
  JSON.parse(
    JSON.stringify(object ?? null)
      .replace(fingerprint, 'X509SHA256=<fingerprint>')
      .replace(ageOfYears, '"<age>"'),
  );
