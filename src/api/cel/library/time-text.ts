const second = 1_000_000_000n;
const earliest = -62_135_596_800n * second;
const latest = 253_402_300_800n * second;

/** From the first to the last year that has four digits. */
export const inTimestampRange = (nanos: bigint): boolean => nanos >= earliest && nanos < latest;
export const inDurationRange = (nanos: bigint): boolean => BigInt.asIntN(64, nanos) === nanos;

const form = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9})\d*)?(Z|[+-]\d\d:\d\d)$/;

/** Nanoseconds since 1970 of a time as RFC 3339 writes it. */
export function parseTimestamp(text: string): bigint | undefined {
  const match = form.exec(text);
  if (!match) return undefined;
  const [, year, month, day, hour, minute, seconds, fraction = '', zone = 'Z'] = match;
  const numbers = [year, month, day, hour, minute, seconds].map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (numbers[3] > 23 || numbers[4] > 59 || numbers[5] > 59) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(numbers[0], numbers[1] - 1, numbers[2]);
  if (date.getUTCMonth() !== numbers[1] - 1 || date.getUTCDate() !== numbers[2]) return undefined;
  date.setUTCHours(numbers[3], numbers[4], numbers[5]);
  const offset = offsetMinutes(zone);
  if (offset === undefined) return undefined;
  const whole = BigInt(date.getTime() / 1000 - offset * 60) * second;
  return whole + BigInt(fraction.padEnd(9, '0'));
}

/** Minutes east of Greenwich of `Z`, `UTC` or `+01:30`. Zones by name are not known here. */
export function offsetMinutes(zone: string): number | undefined {
  if (zone === 'Z' || zone === 'UTC' || zone === '') return 0;
  const match = /^([+-]?)(\d\d?):(\d\d)$/.exec(zone);
  if (!match || Number(match[2]) > 23 || Number(match[3]) > 59) return undefined;
  const minutes = Number(match[2]) * 60 + Number(match[3]);
  return match[1] === '-' ? -minutes : minutes;
}

/** The same moment as a date whose UTC parts are those of the zone. */
export const dateAt = (nanos: bigint, offset: number): Date =>
  new Date(Number(floorDivide(nanos, 1_000_000n)) + offset * 60_000);

export function timestampText(nanos: bigint): string {
  const seconds = floorDivide(nanos, second);
  const fraction = (nanos - seconds * second).toString().padStart(9, '0').replace(/0+$/, '');
  const text = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  return `${text}${fraction ? `.${fraction}` : ''}Z`;
}

export function durationText(nanos: bigint): string {
  const sign = nanos < 0n ? '-' : '';
  const size = nanos < 0n ? -nanos : nanos;
  const fraction = (size % second).toString().padStart(9, '0').replace(/0+$/, '');
  return `${sign}${size / second}${fraction ? `.${fraction}` : ''}s`;
}

export function floorDivide(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return a % b < 0n ? quotient - 1n : quotient;
}
