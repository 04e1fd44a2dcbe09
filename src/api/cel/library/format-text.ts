import { decodeText, encodeText } from '../../../base/json.ts';
import { CelError } from '../cel-error.ts';
import { CelMap, Duration, type Result, Timestamp, TypeValue, typeNameOf, Uint, type Value } from '../value.ts';
import { doubleText } from './numbers.ts';
import { durationText, timestampText } from './time-text.ts';

const clause = /%(?:%|(?:\.(\d+))?([a-zA-Z]))|%/g;
const precisionDefault = 6;

/** `'%s has %d'.format([name, count])` */
export function formatted(template: string, args: readonly Value[]): Result {
  let next = 0;
  let failure: CelError | undefined;
  const text = template.replace(clause, (all, precision: string | undefined, verb: string | undefined) => {
    if (all === '%%') return '%';
    if (failure) return '';
    if (verb === undefined) {
      failure = new CelError('could not parse formatting clause: unexpected end of string');
      return '';
    }
    const index = next++;
    if (index >= args.length) {
      failure = new CelError(`index ${index} out of range`);
      return '';
    }
    const written = byVerb(verb, args[index] as Value, precision === undefined ? precisionDefault : Number(precision));
    if (written instanceof CelError) failure = written;
    return written instanceof CelError ? '' : written;
  });
  return failure ?? text;
}

function byVerb(verb: string, value: Value, precision: number): string | CelError {
  switch (verb) {
    case 's':
      return textOf(value);
    case 'd':
      return decimal(value);
    case 'f':
      return fixed(value, precision);
    case 'e':
      return scientific(value, precision);
    case 'b':
      return typeof value === 'boolean' ? String(Number(value)) : inBase(value, 2, verb);
    case 'o':
      return inBase(value, 8, verb);
    case 'x':
    case 'X': {
      const text = hexadecimal(value, verb);
      return text instanceof CelError || verb === 'x' ? text : text.toUpperCase();
    }
    default:
      return new CelError(`could not parse formatting clause: unrecognized formatting clause ${JSON.stringify(verb)}`);
  }
}

const wrong = (clauseText: string, wanted: string, value: Value) =>
  new CelError(
    `error during formatting: ${clauseText} clause can only be used on ${wanted}, was given ${typeNameOf(value)}`,
  );

/** What %s shows; also of what is inside lists and maps. */
function textOf(value: Value): string | CelError {
  if (value === null) return 'null';
  switch (typeof value) {
    case 'string':
      return value;
    case 'boolean':
    case 'bigint':
      return String(value);
    case 'number':
      return specialDouble(value) ?? doubleText(value);
  }
  if (Array.isArray(value)) return joined((value as readonly Value[]).map(nestedText), '[', ']');
  if (value instanceof CelMap) return mapText(value);
  if (value instanceof Uint) return String(value.value);
  if (value instanceof Uint8Array) return replacing(value);
  if (value instanceof Duration) return durationText(value.nanos);
  if (value instanceof Timestamp) return timestampText(value.nanos);
  if (value instanceof TypeValue) return value.name;
  return new CelError(
    `error during formatting: string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps, was given ${typeNameOf(value)}`,
  );
}

function replacing(bytes: Uint8Array): string {
  try {
    return decodeText(bytes);
  } catch {
    return String.fromCharCode(...bytes);
  }
}

function joined(parts: readonly (string | CelError)[], open: string, close: string): string | CelError {
  const failure = parts.find((part) => part instanceof CelError);
  return failure ?? `${open}${parts.join(', ')}${close}`;
}

const decimalsWithin = 6;

/** As the text of an expression says it: what is inside of others is quoted, or called by its type. */
function nestedText(value: Value): string | CelError {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number') {
    const special = specialDouble(value);
    return special === undefined ? value.toFixed(decimalsWithin) : JSON.stringify(special);
  }
  if (value instanceof Uint8Array) return `b${JSON.stringify(replacing(value))}`;
  if (value instanceof Duration) return `duration(${JSON.stringify(durationText(value.nanos))})`;
  if (value instanceof Timestamp) return `timestamp(${JSON.stringify(timestampText(value.nanos))})`;
  return textOf(value);
}

function mapText(map: CelMap): string | CelError {
  const entries = map.keys().map((key) => [nestedText(key), nestedText(map.get(key) as Value)] as const);
  const failure = entries.flat().find((part) => part instanceof CelError);
  if (failure) return failure;
  const sorted = [...(entries as readonly (readonly [string, string])[])].sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${sorted.map(([key, member]) => `${key}:${member}`).join(', ')}}`;
}

function specialDouble(value: number): string | undefined {
  if (Number.isNaN(value)) return 'NaN';
  return Number.isFinite(value) ? undefined : value > 0 ? 'Infinity' : '-Infinity';
}

function decimal(value: Value): string | CelError {
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Uint) return String(value.value);
  const special = typeof value === 'number' ? specialDouble(value) : undefined;
  return special ?? wrong('decimal', 'integers', value);
}

function numberOf(value: Value): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  return value instanceof Uint ? Number(value.value) : undefined;
}

function fixed(value: Value, precision: number): string | CelError {
  const number = numberOf(value);
  if (number === undefined) return wrong('fixed-point', 'doubles', value);
  return specialDouble(number) ?? halfToEven(number, Math.min(precision, 100));
}

/** A number exactly between two others goes to the even one; JavaScript takes the larger. */
function halfToEven(value: number, precision: number): string {
  const text = value.toFixed(precision);
  const scaled = value * 10 ** precision;
  const isTie = Math.abs(scaled) < 2 ** 51 && !Number.isInteger(scaled) && Number.isInteger(scaled * 2);
  if (!isTie || /[02468]$/.test(text)) return text;
  const other = 2 * Math.round(scaled / 2);
  return (other / 10 ** precision).toFixed(precision);
}

function scientific(value: Value, precision: number): string | CelError {
  const number = numberOf(value);
  if (number === undefined) return wrong('scientific', 'doubles', value);
  const special = specialDouble(number);
  if (special) return special;
  return number.toExponential(Math.min(precision, 100)).replace(/e([+-])(\d)$/, 'e$10$2');
}

function inBase(value: Value, base: number, verb: string): string | CelError {
  if (typeof value === 'bigint') return value.toString(base);
  if (value instanceof Uint) return value.value.toString(base);
  return verb === 'b' ? wrong('binary', 'integers and bools', value) : wrong('octal', 'integers', value);
}

function hexadecimal(value: Value, verb: string): string | CelError {
  if (typeof value === 'string') return hexText(encodeText(value));
  if (value instanceof Uint8Array) return hexText(value);
  if (typeof value === 'bigint' || value instanceof Uint) return inBase(value, 16, verb);
  return wrong('hex', 'integers, byte buffers, and strings', value);
}
const hexText = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
