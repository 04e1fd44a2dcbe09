import { decodeText, encodeText } from '../../../base/json.ts';
import { parseDuration } from '../../schema/scalars.ts';
import { CelError, overflow } from '../cel-error.ts';
import type { Functions } from '../environment.ts';
import * as types from '../type.ts';
import {
  CelMap,
  Duration,
  Optional,
  type Result,
  Timestamp,
  TypeValue,
  typeNameOf,
  Uint,
  type Value,
} from '../value.ts';
import { byTraversal, plain } from './declare.ts';
import { doubleText } from './numbers.ts';
import { checkedInt, checkedUint } from './operators.ts';
import { durationText, inDurationRange, inTimestampRange, parseTimestamp, timestampText } from './time-text.ts';

const A = types.parameter('A');
const second = 1_000_000_000n;
/** The text itself is not told: it may be long, or secret. */
const conversion = (to: string) => new CelError(`type conversion error from 'string' to '${to}'`);

function doubleToInteger(value: number, check: (whole: bigint) => Result): Result {
  if (!Number.isFinite(value)) return overflow;
  // The limits themselves are not exact in a double, so upstream leaves them out.
  const whole = BigInt(Math.trunc(value));
  return Math.abs(value) === 2 ** 63 ? overflow : check(whole);
}

function textToInt(text: string): Result {
  return /^[+-]?\d+$/.test(text) ? checkedInt(BigInt(text.replace('+', ''))) : conversion('int');
}

function textToDouble(text: string): Result {
  if (/^[+-]?(inf|infinity)$/i.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
  if (/^nan$/i.test(text)) return Number.NaN;
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : conversion('double');
}

function textToBool(text: string): Result {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text)) return false;
  return conversion('bool');
}

function textToTimestamp(text: string): Result {
  const nanos = parseTimestamp(text);
  if (nanos === undefined) return conversion('google.protobuf.Timestamp');
  return inTimestampRange(nanos) ? new Timestamp(nanos) : overflow;
}

function textToDuration(text: string): Result {
  const nanos = parseDuration(text);
  return nanos !== undefined && inDurationRange(nanos) ? new Duration(nanos) : conversion('google.protobuf.Duration');
}

function bytesToText(bytes: Uint8Array): Result {
  try {
    return decodeText(bytes);
  } catch {
    return new CelError('invalid UTF-8 in bytes, cannot convert to string');
  }
}

/** Whether a value is what its type starts as. */
export function isZero(value: Value): boolean {
  if (value === null || value === false || value === '' || value === 0 || value === 0n) return true;
  if (typeof value !== 'object') return false;
  if (Array.isArray(value) || value instanceof Uint8Array) return value.length === 0;
  if (value instanceof CelMap) return value.size === 0;
  if (value instanceof Uint) return value.value === 0n;
  if (value instanceof Duration) return value.nanos === 0n;
  if (value instanceof Optional) return value.value === undefined;
  return 'isZero' in value && (value as { isZero(): boolean }).isZero();
}

export const conversions: Functions = {
  type: [plain('type', [A], types.typeOf(A), (value: Value) => new TypeValue(typeNameOf(value)))],
  dyn: [plain('to_dyn', [A], types.dyn, (value: Value) => value)],
  int: [
    plain('int64_to_int64', [types.int], types.int, (value: bigint) => value),
    plain('uint64_to_int64', [types.uint], types.int, ({ value }: Uint) => checkedInt(value)),
    plain('double_to_int64', [types.double], types.int, (value: number) => doubleToInteger(value, checkedInt)),
    plain('string_to_int64', [types.string], types.int, textToInt),
    plain('timestamp_to_int64', [types.timestamp], types.int, ({ nanos }: Timestamp) => nanos / second),
    plain('duration_to_int64', [types.duration], types.int, ({ nanos }: Duration) => nanos),
  ],
  uint: [
    plain('uint64_to_uint64', [types.uint], types.uint, (value: Uint) => value),
    plain('int64_to_uint64', [types.int], types.uint, checkedUint),
    plain('double_to_uint64', [types.double], types.uint, (value: number) => doubleToInteger(value, checkedUint)),
    plain('string_to_uint64', [types.string], types.uint, (text: string) =>
      /^\d+$/.test(text) ? checkedUint(BigInt(text)) : conversion('uint'),
    ),
  ],
  double: [
    plain('double_to_double', [types.double], types.double, (value: number) => value),
    plain('int64_to_double', [types.int], types.double, Number),
    plain('uint64_to_double', [types.uint], types.double, ({ value }: Uint) => Number(value)),
    plain('string_to_double', [types.string], types.double, textToDouble),
  ],
  bool: [
    plain('bool_to_bool', [types.bool], types.bool, (value: boolean) => value),
    plain('string_to_bool', [types.string], types.bool, textToBool),
  ],
  string: [
    plain('string_to_string', [types.string], types.string, (text: string) => text),
    plain('bool_to_string', [types.bool], types.string, String),
    plain('int64_to_string', [types.int], types.string, String),
    plain('uint64_to_string', [types.uint], types.string, ({ value }: Uint) => String(value)),
    plain('double_to_string', [types.double], types.string, doubleText),
    plain('bytes_to_string', [types.bytes], types.string, [bytesToText, byTraversal(0, true)]),
    plain('timestamp_to_string', [types.timestamp], types.string, ({ nanos }: Timestamp) => timestampText(nanos)),
    plain('duration_to_string', [types.duration], types.string, ({ nanos }: Duration) => durationText(nanos)),
  ],
  bytes: [
    plain('bytes_to_bytes', [types.bytes], types.bytes, (value: Uint8Array) => value),
    plain('string_to_bytes', [types.string], types.bytes, [encodeText, byTraversal(0, true)]),
  ],
  timestamp: [
    plain('timestamp_to_timestamp', [types.timestamp], types.timestamp, (value: Timestamp) => value),
    plain('string_to_timestamp', [types.string], types.timestamp, textToTimestamp),
    plain('int64_to_timestamp', [types.int], types.timestamp, (value: bigint) =>
      inTimestampRange(value * second) ? new Timestamp(value * second) : overflow,
    ),
  ],
  duration: [
    plain('duration_to_duration', [types.duration], types.duration, (value: Duration) => value),
    plain('string_to_duration', [types.string], types.duration, textToDuration),
    plain('int64_to_duration', [types.int], types.duration, (value: bigint) => new Duration(value)),
  ],
};
