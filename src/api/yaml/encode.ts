import { isObject, type Json, type JsonObject } from '../../base/json.ts';
import { sortedInSteps } from '../../base/sorted-in-steps.ts';
import { namesIn, type Steps, Stride } from '../../base/steps.ts';
import { compareText, isFirstHalf, piecesOf } from '../../base/text.ts';
import { resolvePlain } from './scalars.ts';

/** After this column a long text goes on in the next line, at a space. */
const widthMax = 80;
/** About so many letters are written between two turns of others. */
const pieceLettersMax = 8 * 1024;

/** A value as YAML the way upstream prints it: keys sorted, lists not indented, quotes only where they are needed. */
export const encodeYaml = (value: Json): string => [...yamlTexts(value)].join('');

/** The same in pieces, for what may be long: between any two of them others may have a turn. Some pieces are empty. */
export function* yamlTexts(value: Json): Texts {
  const out = new Written();
  if (Array.isArray(value) && value.length > 0) yield* writeList(out, value, 0);
  else if (isFull(value)) yield* writeMap(out, value, { indent: 0 });
  else {
    yield* writeScalar(out, value, { column: 0, indent: 2, key: false });
    out.push('\n');
  }
  yield out.taken();
}

type Texts = Generator<string, void>;

/** What was written and is not handed on yet. */
class Written {
  #parts: string[] = [];
  #letters = 0;
  /** Of all that was ever written. */
  total = 0;
  /** Whether a list has just begun a line: one directly in it goes on there. */
  isBehindDash = false;

  push(text: string): void {
    this.#parts.push(text);
    this.#letters += text.length;
    this.total += text.length;
    this.isBehindDash = text === '- ';
  }

  get isLong(): boolean {
    return this.#letters >= pieceLettersMax;
  }

  taken(): string {
    const text = this.#parts.join('');
    this.#parts = [];
    this.#letters = 0;
    return text;
  }
}

interface Where {
  readonly column: number;
  /** Where the next line of the same scalar starts. */
  readonly indent: number;
  readonly key: boolean;
}

const isFull = (value: Json): value is JsonObject =>
  isObject(value) && namesIn(value).some((name) => value[name] !== undefined);

function* writeMap(
  out: Written,
  map: JsonObject,
  { indent, isBehindDash = false }: { readonly indent: number; readonly isBehindDash?: boolean },
): Texts {
  let isFirst = isBehindDash;
  for (const key of yield* giving(out, sortedInSteps(namesIn(map), new Stride(), compareNatural))) {
    const value = map[key];
    if (value === undefined) continue;
    if (!isFirst) out.push(' '.repeat(indent));
    isFirst = false;
    const before = out.total;
    if (isWord(key)) out.push(key);
    else yield* writeText(out, key, { column: indent, indent: indent + 2, key: true });
    const column = indent + out.total - before + 2;
    out.push(':');
    if (Array.isArray(value) && value.length > 0) {
      out.push('\n');
      yield* writeList(out, value, indent);
    } else if (isFull(value)) {
      out.push('\n');
      yield* writeMap(out, value, { indent: indent + 2 });
    } else {
      out.push(' ');
      if (isWord(value)) out.push(value);
      else yield* writeScalar(out, value, { column, indent: indent + 2, key: false });
      out.push('\n');
    }
    if (out.isLong) yield out.taken();
  }
}

function* writeList(out: Written, list: readonly Json[], indent: number): Texts {
  let isFirst = out.isBehindDash;
  for (const item of list) {
    if (!isFirst) out.push(' '.repeat(indent));
    isFirst = false;
    out.push('- ');
    if (Array.isArray(item) && item.length > 0) yield* writeList(out, item, indent + 2);
    else if (isFull(item)) yield* writeMap(out, item, { indent: indent + 2, isBehindDash: true });
    else {
      if (isWord(item)) out.push(item);
      else yield* writeScalar(out, item, { column: indent + 2, indent: indent + 2, key: false });
      out.push('\n');
    }
    if (out.isLong) yield out.taken();
  }
}

/** Work that only gives way. */
function* giving<T>(out: Written, steps: Steps<T>): Generator<string, T> {
  for (;;) {
    const next = steps.next();
    if (next.done) return next.value;
    yield out.taken();
  }
}

/** Go's printer sorts keys with their numbers as numbers: a2 before a10, and letters after everything else. */
function compareNatural(a: string, b: string): number {
  const at = firstDifference(a, b);
  const [l, r] = [letterAt(a, at), letterAt(b, at)];
  if (l === '' || r === '') return a.length - b.length;
  const digits = at > 0 && isDigit(a[at - 1] as string);
  if (isLetter(l) && isLetter(r)) return l < r ? -1 : 1;
  if (isLetter(l) || isLetter(r)) return isLetter(digits ? l : r) ? -1 : 1;
  return compareNumbers(a, b, at) || (l.codePointAt(0) ?? 0) - (r.codePointAt(0) ?? 0);
}

/** Where the first letters stand that are not the same: both halves of a letter are one. */
function firstDifference(a: string, b: string): number {
  let at = 0;
  while (at < a.length && at < b.length && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  const isHalf = at > 0 && [a, b].some((text) => isSecondHalf(text.charCodeAt(at)));
  return isHalf && isFirstHalf(a.charCodeAt(at - 1)) ? at - 1 : at;
}

const isSecondHalf = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff;

const letterAt = (text: string, at: number): string =>
  at < text.length ? String.fromCodePoint(text.codePointAt(at) as number) : '';

function compareNumbers(a: string, b: string, at: number): number {
  let start = at;
  while (start > 0 && isDigit(a[start - 1] as string)) start--;
  const [l, r] = [digitsFrom(a, start), digitsFrom(b, start)];
  if (l === undefined || r === undefined) return 0;
  return l.length - r.length || compareText(l, r);
}

/** Without zeros in front: of two such numbers the longer one is larger. */
function digitsFrom(text: string, start: number): string | undefined {
  let end = start;
  while (isDigit(text[end] ?? '')) end++;
  return end === start ? undefined : text.slice(start, end).replace(/^0+/, '');
}

const isDigit = (char: string): boolean => char >= '0' && char <= '9';
const isLetter = (char: string): boolean => (char < '\x80' ? /[a-zA-Z]/ : /\p{L}/u).test(char);

function* writeScalar(out: Written, scalar: Json, where: Where): Texts {
  if (typeof scalar === 'string') yield* writeText(out, scalar, where);
  else out.push(typeof scalar === 'number' ? numberText(scalar) : JSON.stringify(scalar));
}

/** Most texts are words, which stand as they are wherever they stand. */
const isWord = (scalar: Json): scalar is string =>
  typeof scalar === 'string' && scalar.length <= wordLettersMax && word.test(scalar) && readsAsText(scalar);

const word = /^[A-Za-z/][\w./-]*$/;
const wordLettersMax = 256;

function* writeText(out: Written, text: string, where: Where): Texts {
  const shape = new Shape(text);
  for (const piece of piecesOf(text, pieceLettersMax)) {
    shape.look(piece);
    if (piece.length < text.length) yield out.taken();
  }
  if (shape.hasBreak) {
    yield* shape.isBlock && !where.key ? writeLiteral(out, text, where.indent) : writeQuoted(out, text, where);
  } else if (!readsAsText(text)) {
    yield* writeQuoted(out, text, where);
  } else if (shape.isPlain) {
    yield* writeWrapped(out, text, where, 0);
  } else if (shape.isSingle) {
    // Not by replaceAll(): of millions of quotes it takes ten times as long, and most of that once all is joined.
    const doubled = yield* changed(out, text, (piece) => piece.split("'").join("''"));
    out.push("'");
    yield* writeWrapped(out, doubled, where, 1);
    out.push("'");
  } else {
    yield* writeQuoted(out, text, where);
  }
}

/** The text with its pieces changed. */
function* changed(out: Written, text: string, change: (piece: string) => string): Generator<string, string> {
  const parts: string[] = [];
  for (const piece of piecesOf(text, pieceLettersMax)) {
    parts.push(change(piece));
    if (piece.length < text.length) yield out.taken();
  }
  return parts.join('');
}

/** Go's shortest form: exponents have two digits. */
function numberText(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 2 ** 63) return BigInt(value).toString();
  return String(value).replace(/e([+-])(\d)$/, 'e$10$2');
}

const sexagesimal = /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$/;
const timestamp = /^\d{4}-\d\d?-\d\d?(?:$|[Tt ]\d\d?:\d\d?:\d\d?)/;

function readsAsText(text: string): boolean {
  if (sexagesimal.test(text) || timestamp.test(text) || text === '<<') return false;
  try {
    return typeof resolvePlain(text) === 'string';
  } catch {
    return false;
  }
}

const specialLetter = /[^\n\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\u{10000}-\u{10ffff}]/u;

/** Which styles can hold a text, once all of it was looked at. */
class Shape {
  hasBreak = false;
  readonly #text: string;
  #hasSpecial = false;
  #hasSpaceBeforeBreak = false;
  #hasSpaceBehindBreak = false;
  #hasIndicator: boolean;
  /** What stands before the next piece. */
  #before = '';

  constructor(text: string) {
    this.#text = text;
    this.#hasIndicator = /^(?:---|\.\.\.|[#,[\]{}&*!|>'"%@`]|[?:-](?:[ \n]|$))/.test(text) || text.endsWith(':');
  }

  look(piece: string): void {
    const joined = this.#before + piece;
    this.hasBreak ||= piece.includes('\n');
    this.#hasSpecial ||= specialLetter.test(piece);
    this.#hasSpaceBeforeBreak ||= joined.includes(' \n');
    this.#hasSpaceBehindBreak ||= joined.includes('\n ');
    this.#hasIndicator ||= /:[ \n]|[ \n]#/.test(joined);
    this.#before = piece.slice(-1);
  }

  get isPlain(): boolean {
    const isEdged = /^[ \n]/.test(this.#text) || this.#text.endsWith(' ');
    return this.#holdsMost && !isEdged && !this.#hasIndicator && !this.hasBreak;
  }

  get isSingle(): boolean {
    return this.#holdsMost && !this.#hasSpaceBehindBreak;
  }

  get isBlock(): boolean {
    return this.#holdsMost && !this.#text.endsWith(' ');
  }

  get #holdsMost(): boolean {
    return !this.#hasSpecial && !this.#hasSpaceBeforeBreak;
  }
}

function* writeLiteral(out: Written, text: string, indent: number): Texts {
  const hint = text[0] === ' ' || text[0] === '\n' ? '2' : '';
  const chomp = !text.endsWith('\n') ? '-' : text === '\n' || text.endsWith('\n\n') ? '+' : '';
  const margin = ' '.repeat(indent);
  out.push(`|${hint}${chomp}`);
  const end = text.endsWith('\n') ? text.length - 1 : text.length;
  for (let start = 0; start <= end; ) {
    const next = nextOf(text, '\n', start, end);
    out.push(next === start ? '\n' : `\n${margin}${text.slice(start, next)}`);
    start = next + 1;
    if (out.isLong) yield out.taken();
  }
}

/** Breaks a long text at single spaces. */
function* writeWrapped(out: Written, text: string, where: Where, quotes: number): Texts {
  if (where.key || where.column + text.length <= widthMax) return out.push(text);
  const margin = `\n${' '.repeat(where.indent)}`;
  let column = where.column + quotes;
  let isBehindWord = false;
  for (let start = 0; start <= text.length; ) {
    const end = nextOf(text, ' ', start, text.length);
    const isWord = end > start;
    const isBreak = isBehindWord && isWord && column > widthMax;
    const before = isBreak ? margin : start === 0 ? '' : ' ';
    column = isBreak ? where.indent : column + before.length;
    out.push(before + text.slice(start, end));
    column += end - start;
    isBehindWord = isWord;
    start = end + 1;
    if (out.isLong) yield out.taken();
  }
}

/** Where a letter stands next, or the end. */
function nextOf(text: string, letter: string, start: number, end: number): number {
  const at = text.indexOf(letter, start);
  return at < 0 || at > end ? end : at;
}

const shortEscapes: Readonly<Record<string, string>> = {
  '\0': '\\0',
  '\x07': '\\a',
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\v': '\\v',
  '\f': '\\f',
  '\r': '\\r',
  '\x1b': '\\e',
  '"': '\\"',
  '\\': '\\\\',
  '\x85': '\\N',
  '\xa0': '\\_',
  '\u2028': '\\L',
  '\u2029': '\\P',
};

function* writeQuoted(out: Written, text: string, where: Where): Texts {
  const escaped = yield* changed(out, text, (piece) => piece.replace(escapedLetters, escapeOf));
  out.push('"');
  yield* writeWrapped(out, escaped, where, 1);
  out.push('"');
}

const escapedLetters = /[^\x20-\x7e\xa1-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\u{10000}-\u{10ffff}]|["\\]/gu;

const escapeOf = (char: string): string => shortEscapes[char] ?? hexEscape(char.codePointAt(0) as number);

function hexEscape(code: number): string {
  const hex = code.toString(16).toUpperCase();
  if (code <= 0xff) return `\\x${hex.padStart(2, '0')}`;
  return code <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}
