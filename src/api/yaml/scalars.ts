import type { Json } from '../../base/json.ts';
import { nearestNumber } from '../schema/integers.ts';

/** Why a text is not YAML, or not YAML that JSON could say. */
export class YamlError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'YamlError';
  }
}

const words: ReadonlyMap<string, boolean | null> = new Map<string, boolean | null>([
  ...['y', 'Y', 'yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON'].map((word) => [word, true] as const),
  ...['n', 'N', 'no', 'No', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF'].map((word) => [word, false] as const),
  ...['', '~', 'null', 'Null', 'NULL'].map((word) => [word, null] as const),
]);
const wordLengthMax = 5;
/** No number is longer; what is, is a text. */
const numberLengthMax = 400;
const integer = /^[-+]?(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO]?[0-7_]*|[1-9][0-9_]*)$/;
const plainInteger = /^(?:0|[1-9][0-9]*)$/;
const float = /^[-+]?(?:\.[0-9]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?$/;
const infinite = /^[-+]?\.(?:inf|Inf|INF)$|^\.(?:nan|NaN|NAN)$/;

/** What a plain scalar means in YAML 1.1, as Kubernetes reads it: `yes` is true, 0o17 and 017 are 15. */
export function resolvePlain(text: string): Json {
  const word = text.length <= wordLengthMax ? words.get(text) : undefined;
  if (word !== undefined) return word;
  const first = text.charCodeAt(0);
  const numeric = (first >= 48 && first <= 57) || first === 43 || first === 45 || first === 46;
  if (!numeric || text.length > numberLengthMax) return text;
  if (text.length < 16 && plainInteger.test(text)) return Number(text);
  if (integer.test(text)) {
    const value = integerOf(text.replaceAll('_', ''));
    if (value !== undefined) return value;
  }
  if (float.test(text)) {
    const value = Number(text.replaceAll('_', ''));
    if (Number.isFinite(value)) return value;
  }
  if (infinite.test(text)) throw new YamlError(`json: unsupported value: ${text.replace('.', '')}`);
  return text;
}

function integerOf(text: string): number | undefined {
  const negative = text[0] === '-';
  const digits = negative || text[0] === '+' ? text.slice(1) : text;
  const octal = /^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits;
  try {
    const value = BigInt(octal);
    return nearestNumber(negative ? -value : value);
  } catch {
    return undefined;
  }
}

/** A scalar under a tag: !!str keeps a text a text. */
export function resolveTagged(text: string, tag: string, plain: boolean): Json {
  switch (tag) {
    case '!':
    case '!!str':
    case '!!timestamp':
      return text;
    case '!!null':
      return null;
    case '!!binary':
      return text.replace(/\s+/g, '');
    case '!!float':
    case '!!int': {
      const value = resolvePlain(text);
      if (typeof value !== 'number') throw new YamlError(`cannot decode ${JSON.stringify(text)} as a ${tag}`);
      return value;
    }
    case '!!bool': {
      const value = resolvePlain(text);
      if (typeof value !== 'boolean') throw new YamlError(`cannot decode ${JSON.stringify(text)} as a !!bool`);
      return value;
    }
    default:
      return plain ? resolvePlain(text) : text;
  }
}

const escapes: Readonly<Record<string, string>> = {
  0: '\0',
  a: '\x07',
  b: '\b',
  t: '\t',
  '\t': '\t',
  n: '\n',
  v: '\v',
  f: '\f',
  r: '\r',
  e: '\x1b',
  ' ': ' ',
  '"': '"',
  '/': '/',
  '\\': '\\',
  N: '\x85',
  _: '\xa0',
  L: '\u2028',
  P: '\u2029',
};
const escapeDigits: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

/** The character of an escape in double quotes, and how long the escape is. `at` is just after the backslash. */
export function escapeAt(text: string, at: number): { readonly char: string; readonly length: number } {
  const letter = text[at] ?? '';
  const known = escapes[letter];
  if (known !== undefined) return { char: known, length: 1 };
  const digits = escapeDigits[letter];
  if (digits === undefined) throw new YamlError('found unknown escape character');
  const hex = text.slice(at + 1, at + 1 + digits);
  const code = /^[0-9a-fA-F]+$/.test(hex) && hex.length === digits ? Number.parseInt(hex, 16) : -1;
  if (code < 0) throw new YamlError('did not find expected hexdecimal number');
  if (code > 0x10ffff) throw new YamlError('found invalid Unicode character escape code');
  return { char: String.fromCodePoint(code), length: digits + 1 };
}

/** Lines of a flow scalar as one: a single break is a space, more are breaks less one. */
export function folded(lines: readonly string[]): string {
  let out = lines[0] ?? '';
  let breaks = 0;
  for (let index = 1; index < lines.length; index++) {
    const line = lines[index] as string;
    if (line === '' && index < lines.length - 1) {
      breaks += 1;
      continue;
    }
    out += (breaks > 0 ? '\n'.repeat(breaks) : ' ') + line;
    breaks = 0;
  }
  return out;
}
