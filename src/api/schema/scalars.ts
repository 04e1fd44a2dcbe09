// The scalars that are more than JSON's own: each answers its canonical form, or the sentence of what is wrong.

export type Scalar = { readonly value: string } | { readonly error: string };

const timeLayout = '2006-01-02T15:04:05Z07:00';
const microLayout = '2006-01-02T15:04:05.000000Z07:00';
const timeGrammar = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)([.,]\d+)?(Z|[+-]\d\d:\d\d)$/;
const plainTime = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\dZ$/;

/** A time as it is stored: UTC, whole seconds. '' stands for the zero time, which is printed as null. */
export function canonicalTime(text: string): Scalar {
  if (plainTime.test(text) && text !== zeroTime) return { value: text };
  const read = readTime(text, timeLayout);
  if ('error' in read) return read;
  const value = `${read.seconds}Z`;
  return { value: value === zeroTime && read.fraction === '' ? '' : value };
}

/** The same with six digits of fraction. */
export function canonicalMicroTime(text: string): Scalar {
  const read = readTime(text, microLayout);
  if ('error' in read) return read;
  const value = `${read.seconds}.${read.fraction.slice(0, 6).padEnd(6, '0')}Z`;
  return { value: value === `${zeroTime.slice(0, -1)}.000000Z` ? '' : value };
}

const zeroTime = '0001-01-01T00:00:00Z';

function readTime(
  text: string,
  layout: string,
): { readonly seconds: string; readonly fraction: string } | { readonly error: string } {
  const match = timeGrammar.exec(text);
  if (!match) return { error: timeError(text, layout) };
  const [, year = '', month, day, hour, minute, second, fraction = '', zone = 'Z'] = match;
  const range = outOfRange(Number(year), Number(month), Number(day), Number(hour), Number(minute), Number(second));
  if (range) return { error: `parsing time ${JSON.stringify(text)}: ${range} out of range` };
  const utc = zone === 'Z' ? `${year}-${month}-${day}T${hour}:${minute}:${second}` : shifted(text.slice(0, 19), zone);
  if (utc === undefined) return { error: `parsing time ${JSON.stringify(text)}: time zone offset hour out of range` };
  return { seconds: utc, fraction: fraction.slice(1).replace(/0+$/, '') };
}

function outOfRange(
  ...[year, month, day, hour, minute, second]: readonly [number, number, number, number, number, number]
) {
  if (month < 1 || month > 12) return 'month';
  if (hour > 23) return 'hour';
  if (minute > 59) return 'minute';
  if (second > 59) return 'second';
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const days = month === 2 ? (leap ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31;
  return day < 1 || day > days ? 'day' : undefined;
}

function shifted(local: string, zone: string): string | undefined {
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(4, 6));
  if (hours > 24 || minutes > 60) return undefined;
  const offset = (hours * 60 + minutes) * 60_000 * (zone[0] === '-' ? 1 : -1);
  return new Date(Date.parse(`${local}Z`) + offset).toISOString().slice(0, -5);
}

/** Which part of the layout the text leaves first, as Go's time package tells it. */
function timeError(text: string, layout: string): string {
  const parts: readonly (readonly [RegExp, string])[] = [
    [/^\d{4}/, '2006'],
    [/^-/, '-'],
    [/^\d\d/, '01'],
    [/^-/, '-'],
    [/^\d\d/, '02'],
    [/^T/, 'T'],
    [/^\d\d?/, '15'],
    [/^:/, ':'],
    [/^\d\d/, '04'],
    [/^:/, ':'],
    [/^\d\d/, '05'],
    ...(layout === microLayout ? ([[/^[.,]\d{6}(?!\d)/, '.000000']] as const) : ([[/^(?:[.,]\d+)?/, '']] as const)),
    [/^(?:Z|[+-]\d\d:\d\d)/, 'Z07:00'],
  ];
  let rest = text;
  for (const [part, name] of parts) {
    const match = part.exec(rest);
    if (!match)
      return `parsing time ${JSON.stringify(text)} as ${JSON.stringify(layout)}: cannot parse ${JSON.stringify(rest)} as ${JSON.stringify(name)}`;
    rest = rest.slice(match[0].length);
  }
  return `parsing time ${JSON.stringify(text)}: extra text: ${JSON.stringify(rest)}`;
}

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
/** Above this length a regular expression may run out of stack; the scan below does not. */
const patternLengthMax = 10_000;

/** Bytes as they are stored; line breaks inside are taken and dropped. */
export function canonicalBase64(text: string): Scalar {
  const joined = text.includes('\n') || text.includes('\r') ? text.replace(/[\r\n]/g, '') : text;
  if (joined.length <= patternLengthMax && base64.test(joined) && exactTail(joined)) return { value: joined };
  const bad = corruptAt(text);
  if (bad >= 0) return { error: `illegal base64 data at input byte ${bad}` };
  return { value: exactTail(joined) ? joined : clearTail(joined) };
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const codes = new Int8Array(128).fill(-1);
for (let i = 0; i < alphabet.length; i++) codes[alphabet.charCodeAt(i)] = i;
const codeAt = (text: string, index: number): number => codes[text.charCodeAt(index)] ?? -1;

/** Whether the bits that the last letter has too many are zero, as a decoder and encoder would leave them. */
function exactTail(text: string): boolean {
  if (text.endsWith('==')) return (codeAt(text, text.length - 3) & 15) === 0;
  return !text.endsWith('=') || (codeAt(text, text.length - 2) & 3) === 0;
}
function clearTail(text: string): string {
  const pads = text.endsWith('==') ? 2 : 1;
  const at = text.length - pads - 1;
  return text.slice(0, at) + alphabet[codeAt(text, at) & (pads === 2 ? 48 : 60)] + '='.repeat(pads);
}

/** The byte where Go's decoder stops, or -1. */
function corruptAt(text: string): number {
  let inQuantum = 0;
  for (let index = 0; index < text.length; index++) {
    const char = text[index] as string;
    if (char === '\n' || char === '\r') continue;
    if (char === '=') return padsAt(text, index, inQuantum);
    if (codeAt(text, index) < 0) return index;
    inQuantum = (inQuantum + 1) & 3;
  }
  return inQuantum === 0 ? -1 : text.length - inQuantum;
}

function padsAt(text: string, at: number, inQuantum: number): number {
  if (inQuantum < 2) return at;
  let index = at + 1;
  const skip = () => {
    while (text[index] === '\n' || text[index] === '\r') index++;
  };
  if (inQuantum === 2) {
    skip();
    if (index >= text.length) return text.length;
    if (text[index] !== '=') return index;
    index++;
  }
  skip();
  return index < text.length ? index : -1;
}

const durationUnits: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 6e10,
  h: 3.6e12,
};

/** Nanoseconds of a Go duration (1h2m3.5s), or undefined. */
export function parseDuration(text: string): bigint | undefined {
  if (/^[+-]?0$/.test(text)) return 0n;
  const match = text.length < 256 ? /^([+-]?)((?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/.exec(text) : null;
  if (!match) return undefined;
  let total = 0n;
  for (const [, whole = '', fraction = '', unit = ''] of (match[2] as string).matchAll(
    /(\d*)(?:\.(\d*))?([a-zµμ]+)/g,
  )) {
    const nanos = BigInt(durationUnits[unit] as number);
    total += BigInt(whole || '0') * nanos;
    if (fraction) total += (BigInt(fraction) * nanos) / 10n ** BigInt(fraction.length);
  }
  return match[1] === '-' ? -total : total;
}

/** A duration as Go prints it: 1h0m0s, 1.5s, 20ms. */
export function formatDuration(nanos: bigint): string {
  if (nanos === 0n) return '0s';
  const sign = nanos < 0n ? '-' : '';
  const size = nanos < 0n ? -nanos : nanos;
  const part = (value: bigint, unit: bigint) => {
    const fraction = (value % unit)
      .toString()
      .padStart(unit.toString().length - 1, '0')
      .replace(/0+$/, '');
    return `${value / unit}${fraction ? `.${fraction}` : ''}`;
  };
  if (size < 1000n) return `${sign}${size}ns`;
  if (size < 1_000_000n) return `${sign}${part(size, 1000n)}µs`;
  if (size < 1_000_000_000n) return `${sign}${part(size, 1_000_000n)}ms`;
  const second = 1_000_000_000n;
  const minutes = size / (60n * second);
  const seconds = `${part(size % (60n * second), second)}s`;
  if (minutes === 0n) return `${sign}${seconds}`;
  return `${sign}${minutes >= 60n ? `${minutes / 60n}h` : ''}${minutes % 60n}m${seconds}`;
}
