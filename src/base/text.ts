import type { Instant, Millis } from './env.ts';

/** Order by code unit: the same on every machine, unlike a locale's. */
export const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** By code point, as upstream orders strings, which are UTF-8 there: code units differ where one is half of a character. */
export function compareCodePoints(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  let at = 0;
  while (at < length && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  if (at === length) return a.length < b.length ? -1 : 1;
  const left = a.charCodeAt(at);
  const right = b.charCodeAt(at);
  const isSurrogate = (unit: number) => unit >= 0xd800 && unit < 0xe000;
  if (isSurrogate(left) !== isSurrogate(right)) return isSurrogate(left) ? 1 : -1;
  return left < right ? -1 : 1;
}

let writtenSecond = Number.NaN;
let writtenText = '';

/** A time as Kubernetes writes it: whole seconds, UTC. Many things are made in one second: it is written once. */
export function timestamp(now: Instant): string {
  const whole = Math.floor(now / 1000);
  if (whole !== writtenSecond) {
    writtenText = `${new Date(now).toISOString().slice(0, 19)}Z`;
    writtenSecond = whole;
  }
  return writtenText;
}

/** How many bytes a text is as UTF-8, without making them. Half a pair counts as the character that replaces it. */
export function byteLength(text: string): number {
  let bytes = text.length;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < 0x80) continue;
    bytes += code < 0x800 ? 1 : 2;
    if (code < 0xd800 || code > 0xdbff) continue;
    const next = text.charCodeAt(at + 1);
    // Two units make four bytes.
    if (next >= 0xdc00 && next <= 0xdfff) at++;
  }
  return bytes;
}

/** Whether it is the first of the two units of a letter. */
export const isFirstHalf = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff;

/** A text in pieces of so many units, or one more: none ends within a letter. */
export function piecesOf(text: string, unitsMax: number): readonly string[] {
  if (text.length <= unitsMax) return [text];
  const pieces: string[] = [];
  for (let start = 0; start < text.length; ) {
    const end = Math.min(start + unitsMax, text.length);
    const piece = text.slice(start, isFirstHalf(text.charCodeAt(end - 1)) ? end + 1 : end);
    pieces.push(piece);
    start += piece.length;
  }
  return pieces;
}

/** A MicroTime as Kubernetes writes it: always six digits after the point. */
export function microTimestamp(now: Instant): string {
  return `${new Date(now).toISOString().slice(0, 23)}000Z`;
}

export function parseTime(text: string): Instant {
  return Date.parse(text) as Instant;
}

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;
const year = 365 * day;

/** An age as `kubectl get` prints it: 45s, 3m20s, 5h12m, 3d4h, 2y30d. */
export function humanDuration(duration: Millis): string {
  const seconds = Math.floor(duration / second);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(duration / minute);
  if (minutes < 10) return pair(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(duration / hour);
  if (hours < 8) return pair(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  const days = Math.floor(duration / day);
  if (hours < 192) return pair(days, 'd', hours % 24, 'h');
  if (duration < 2 * year) return `${days}d`;
  const years = Math.floor(duration / year);
  return duration < 8 * year ? pair(years, 'y', days % 365, 'd') : `${years}y`;
}

function pair(high: number, highUnit: string, low: number, lowUnit: string): string {
  return low === 0 ? `${high}${highUnit}` : `${high}${highUnit}${low}${lowUnit}`;
}

/** `a, b and c`, for messages. */
export function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words[words.length - 1]}`;
}
