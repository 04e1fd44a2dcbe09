import { CelError } from '../cel-error.ts';
import { product, type Sized, scaled } from '../cost-range.ts';
import type { Functions } from '../environment.ts';
import * as types from '../type.ts';
import { type Result, sizeOf, textLength, type Value } from '../value.ts';
import { byTraversal, method, plain, traversal } from './declare.ts';
import { formatted } from './format-text.ts';

const { string, int, bool } = types;
const texts = types.listOf(string);

const outOfRange = (index: unknown) => new CelError(`index out of range: ${String(index)}`);
const hasSurrogates = (text: string): boolean => textLength(text) !== text.length;
/** The characters of a text, however many code units they take. */
const characters = (text: string): readonly string[] | string => (hasSurrogates(text) ? [...text] : text);
const part = (chars: readonly string[] | string, from: number, to?: number): string =>
  typeof chars === 'string' ? chars.slice(from, to) : chars.slice(from, to).join('');

function charAt(text: string, index: bigint): Result {
  const chars = characters(text);
  if (index < 0n || index > BigInt(chars.length)) return outOfRange(index);
  return chars[Number(index)] ?? '';
}

function indexOf(text: string, wanted: string, offset = 0n): Result {
  const chars = characters(text);
  if (offset < 0n || offset > BigInt(chars.length)) return outOfRange(offset);
  const start = part(chars, 0, Number(offset)).length;
  const found = text.indexOf(wanted, start);
  return found < 0 ? -1n : BigInt(textLength(text.slice(0, found)));
}

function lastIndexOf(text: string, wanted: string, offset?: bigint): Result {
  const chars = characters(text);
  if (offset !== undefined && (offset < 0n || offset > BigInt(chars.length))) return outOfRange(offset);
  const start = offset === undefined ? text.length : part(chars, 0, Number(offset)).length;
  const found = text.lastIndexOf(wanted, start);
  return found < 0 ? -1n : BigInt(textLength(text.slice(0, found)));
}

function substring(text: string, from: bigint, to?: bigint): Result {
  const chars = characters(text);
  const end = to ?? BigInt(chars.length);
  if (from < 0n || from > BigInt(chars.length)) return outOfRange(from);
  if (end < 0n || end > BigInt(chars.length)) return outOfRange(end);
  if (from > end) return new CelError(`invalid substring range. start: ${from}, end: ${end}`);
  return part(chars, Number(from), Number(end));
}

function replace(text: string, from: string, to: string, count = -1n): Result {
  if (count === 0n || from === to) return text;
  if (count < 0n)
    return from === '' ? `${to}${[...text].map((char) => char + to).join('')}` : text.split(from).join(to);
  let left = count;
  if (from === '') return between([...text], to, Number(count));
  const parts = text.split(from);
  return parts.reduce((out, next) => (left-- > 0n ? `${out}${to}${next}` : `${out}${from}${next}`));
}

/** An empty text stands before each character and behind the last. */
function between(chars: readonly string[], to: string, count: number): string {
  let out = '';
  for (const [index, char] of chars.entries()) out += `${index < count ? to : ''}${char}`;
  return count > chars.length ? out + to : out;
}

function split(text: string, separator: string, limit = -1n): readonly string[] {
  if (limit === 0n) return [];
  const parts = separator === '' ? [...text] : text.split(separator);
  if (limit < 0n || parts.length <= limit) return parts;
  const kept = Number(limit) - 1;
  return [...parts.slice(0, kept), parts.slice(kept).join(separator)];
}

// What Unicode calls white space; JavaScript counts the byte order mark too.
const space = String.raw`[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+`;
const whitespace = new RegExp(`^${space}|${space}$`, 'g');

const escapes: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
  '"': '\\"',
};
const escaped = /[\x07\b\f\n\r\t\v\\"]/g;
const loneSurrogate = /\p{Surrogate}/gu;
const quote = (text: string): string =>
  `"${text.replace(escaped, (char) => escapes[char] as string).replace(loneSurrogate, '\ufffd')}"`;

const joinCost = {
  cost: (_args: readonly Value[], result: Result) =>
    Math.ceil((typeof result === 'string' ? sizeOf(result) : 1) * traversal),
  estimate: ([list]: readonly Sized[]) => {
    const { size, elementSize = { min: 0, max: 2 ** 64 } } = list as Sized;
    const whole = product(size, elementSize);
    return { cost: scaled(whole, traversal), size: whole };
  },
};
const containsCost = {
  cost: ([text, part]: readonly Value[]) =>
    Math.ceil(sizeOf(text as Value) * traversal) * Math.ceil(sizeOf(part as Value) * traversal),
  estimate: ([text, part]: readonly Sized[]) => ({
    cost: product(scaled((text as Sized).size, traversal), scaled((part as Sized).size, traversal)),
  }),
};
const kept = byTraversal(0, true);
/** What makes texts longer is paid for by what it makes. */
const growing = {
  ...kept,
  cost: ([text]: readonly Value[], result: Result) =>
    Math.ceil(Math.max(sizeOf(text as Value), typeof result === 'string' ? sizeOf(result) : 0) * traversal),
};
const read = byTraversal();

/** Strings as the language has them, and the extension that upstream enables. */
export const strings: Functions = {
  contains: [
    method('contains_string', [string, string], bool, [
      (text: string, part: string) => text.includes(part),
      containsCost,
    ]),
  ],
  startsWith: [
    method('starts_with_string', [string, string], bool, [
      (text: string, part: string) => text.startsWith(part),
      byTraversal(1),
    ]),
  ],
  endsWith: [
    method('ends_with_string', [string, string], bool, [
      (text: string, part: string) => text.endsWith(part),
      byTraversal(1),
    ]),
  ],
  charAt: [method('string_char_at_int', [string, int], string, charAt)],
  indexOf: [
    method('string_index_of_string', [string, string], int, [indexOf, read]),
    method('string_index_of_string_int', [string, string, int], int, [indexOf, read]),
  ],
  lastIndexOf: [
    method('string_last_index_of_string', [string, string], int, [lastIndexOf, read]),
    method('string_last_index_of_string_int', [string, string, int], int, [lastIndexOf, read]),
  ],
  lowerAscii: [
    method('string_lower_ascii', [string], string, [
      (text: string) => text.replace(/[A-Z]+/g, (part) => part.toLowerCase()),
      kept,
    ]),
  ],
  upperAscii: [
    method('string_upper_ascii', [string], string, [
      (text: string) => text.replace(/[a-z]+/g, (part) => part.toUpperCase()),
      kept,
    ]),
  ],
  replace: [
    method('string_replace_string_string', [string, string, string], string, [replace, growing]),
    method('string_replace_string_string_int', [string, string, string, int], string, [replace, growing]),
  ],
  split: [
    method('string_split_string', [string, string], texts, [split, splitCost()]),
    method('string_split_string_int', [string, string, int], texts, [split, splitCost()]),
  ],
  substring: [
    method('string_substring_int', [string, int], string, [substring, kept]),
    method('string_substring_int_int', [string, int, int], string, [substring, kept]),
  ],
  trim: [method('string_trim', [string], string, [(text: string) => text.replace(whitespace, ''), kept])],
  join: [
    method('list_join', [texts], string, [(list: readonly string[]) => list.join(''), joinCost]),
    method('list_join_string', [texts, string], string, [
      (list: readonly string[], by: string) => list.join(by),
      joinCost,
    ]),
  ],
  'strings.quote': [plain('strings_quote', [string], string, [quote, kept])],
  format: [method('string_format', [string, types.listOf(types.dyn)], string, [formatted, growing])],
};

function splitCost() {
  const base = byTraversal();
  return {
    ...base,
    estimate: ([text]: readonly Sized[]) => {
      const { size } = text as Sized;
      return {
        cost: scaled(size, traversal),
        size: { min: 0, max: size.max },
        elementSize: { min: 0, max: size.max },
      };
    },
  };
}
