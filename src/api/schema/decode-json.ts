import type { Json } from '../../base/json.ts';
import { finish, type Steps, Stride } from '../../base/steps.ts';
import { nearestNumber } from './integers.ts';

export interface DecodedJson {
  readonly value: Json;
  /**
   * Paths of members that stand more than once in their object: `spec.containers[0].image`. The last one counts. Looked
   * for when they are asked for.
   */
  readonly duplicates: readonly string[];
}

/** Deeper texts are refused, so that whatever walks the value later cannot run out of stack. */
export const depthMax = 1000;
/** As many duplicates are told, no more. */
const duplicatesMax = 100;

/** Why a text is not JSON, in the words of Go's decoder. */
export class JsonSyntaxError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'JsonSyntaxError';
  }
}

/**
 * Reads JSON with the platform's own parser; duplicates, which that parser does not tell, are looked for in a second,
 * linear pass and only when asked. Members named __proto__ are members like any other.
 */
export function decodeJson(text: string, options: { readonly duplicates?: boolean } = {}): DecodedJson {
  if (text.length >= 2 * depthMax) refuseDepth(text);
  let value: Json;
  try {
    value = parsed(text);
  } catch {
    throw new JsonSyntaxError(finish(syntaxError(text)));
  }
  if (!options.duplicates) return { value, duplicates: [] };
  return new Searched(text, value);
}

/** A class: an object that is given a getter of its own costs as much as reading a short text. */
class Searched implements DecodedJson {
  readonly value: Json;
  readonly #text: string;
  #duplicates: readonly string[] | undefined;

  constructor(text: string, value: Json) {
    this.#text = text;
    this.value = value;
  }

  get duplicates(): readonly string[] {
    this.#duplicates ??= mayRepeat(this.#text, this.value) ? finish(findDuplicates(this.#text)) : [];
    return this.#duplicates;
  }
}

/**
 * The value of a text by the platform's parser, with whole numbers as near as they can be. Read without looking at the
 * numbers first: the parser of Node 26 may crash the process where it is given both a reviver and what is no JSON.
 */
export function parsed(text: string): Json {
  const value = JSON.parse(text) as Json;
  return longNumber.test(text) ? (JSON.parse(text, exactNumber as never) as Json) : value;
}

/** Whether a member may stand twice. Only a text that is written in an unusual way is told so although none does. */
export const mayRepeat = (text: string, value: Json): boolean =>
  longNumber.test(text) || spacedColon.test(text) || membersIn(text) !== membersOf(value);

/** How many members a text names, or more: a string may hold what looks like the end of a name. Never fewer. */
function membersIn(text: string): number {
  let count = 0;
  for (let at = text.indexOf('":'); at >= 0; at = text.indexOf('":', at + 2)) count += 1;
  return count;
}

/** How many were kept: as many as were named, unless one was named twice. */
function membersOf(value: Json): number {
  if (typeof value !== 'object' || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) for (const item of value) count += membersOf(item);
  else {
    for (const key in value) count += 1 + membersOf((value as { readonly [key: string]: Json })[key] as Json);
  }
  return count;
}

/** Numbers this long may not be exact in JavaScript. */
const longNumber = /\d{16}/;
/** Space between a name and its colon. */
const spacedColon = /"\s+:/;
/** Longer ones are no integers of any type. */
const integerLengthMax = 40;

function exactNumber(_key: string, value: unknown, { source = '' }: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  return source.length <= integerLengthMax && /^-?\d+$/.test(source) ? nearestNumber(BigInt(source)) : value;
}

export const quote = 34;
const backslash = 92;
export const comma = 44;
const colon = 58;
export const openBrace = 123;
export const closeBrace = 125;
export const openBracket = 91;
export const closeBracket = 93;

/** The index of the quote that ends the string which starts at `start`, or the length of the text. */
export function stringEnd(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end >= 0) {
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === backslash && end - 1 - slashes > start) slashes += 1;
    if (slashes % 2 === 0) return end;
    end = text.indexOf('"', end + 1);
  }
  return text.length;
}

function refuseDepth(text: string): void {
  let depth = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === quote) index = stringEnd(text, index);
    else if (code === openBrace || code === openBracket) {
      depth += 1;
      if (depth > depthMax) throw new JsonSyntaxError('exceeded max depth');
    } else if (code === closeBrace || code === closeBracket) depth -= 1;
  }
}

interface Frame {
  /** The members seen so far; none for a list. */
  readonly seen: Set<string> | undefined;
  key: string;
  index: number;
}

/** Over a text that is known to be JSON. */
export function* findDuplicates(text: string): Steps<readonly string[]> {
  const found = new Set<string>();
  yield* eachMember(text, (path, again) => {
    if (again) found.add(path());
    return found.size < duplicatesMax;
  });
  return [...found];
}

/** A member that stands where it should not, and whether that is because it stood there before. */
export interface OddMember {
  readonly path: string;
  readonly again: boolean;
}

/** Members that stand twice and members that nobody knows, as they follow one another in a text that is known to be JSON. */
export function* inOrderOfText(
  text: string,
  duplicates: readonly string[],
  unknown: readonly string[],
): Steps<readonly OddMember[]> {
  const twice = new Set(duplicates);
  const strange = new Set(unknown);
  const found: OddMember[] = [];
  yield* eachMember(text, (path, again) => {
    const name = path();
    if (!again && strange.delete(name)) found.push({ path: name, again });
    if (again && twice.delete(name)) found.push({ path: name, again });
    return strange.size + twice.size > 0;
  });
  // Paths are compared as text; one that is written otherwise is told nevertheless.
  return [...found, ...[...strange].map((path) => ({ path, again: false }))];
}

type SeeMember = (path: () => string, again: boolean) => boolean;

/** Shows each member, in the order of the text, for as long as somebody wants to see more. */
function* eachMember(text: string, see: SeeMember): Steps<void> {
  const stride = new Stride();
  const frames: Frame[] = [];
  const path = () => pathOf(frames);
  let top: Frame | undefined;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === quote) {
      if (stride.isLong(2)) yield stride.taken();
      const end = stringEnd(text, index);
      if (top?.seen && followedByColon(text, end + 1)) {
        const key = memberName(text, index, end);
        top.key = key;
        const again = top.seen.has(key);
        top.seen.add(key);
        if (!see(path, again)) return;
      }
      index = end;
    } else if (code === openBrace || code === openBracket) {
      top = { seen: code === openBrace ? new Set() : undefined, key: '', index: 0 };
      frames.push(top);
    } else if (code === closeBrace || code === closeBracket) {
      frames.pop();
      top = frames[frames.length - 1];
    } else if (code === comma && top) {
      if (stride.isLong(1)) yield stride.taken();
      top.index += 1;
    }
  }
}

// Only member names are followed by a colon, so the two passes agree on what is one.
function followedByColon(text: string, from: number): boolean {
  let index = from;
  while (isSpace(text.charCodeAt(index))) index += 1;
  return text.charCodeAt(index) === colon;
}

function memberName(text: string, start: number, end: number): string {
  const raw = text.slice(start + 1, end);
  return raw.includes('\\') ? (JSON.parse(`"${raw}"`) as string) : raw;
}

function pathOf(frames: readonly Frame[]): string {
  let path = '';
  for (const frame of frames) path += frame.seen ? `${path ? '.' : ''}${frame.key}` : `[${frame.index}]`;
  return path;
}

export const isSpace = (code: number): boolean => code === 32 || code === 10 || code === 13 || code === 9;

/** Finds the first character that cannot stand where it does, and says so as Go's decoder does. */
export function* syntaxError(text: string): Steps<string> {
  const stride = new Stride();
  const open: ('object' | 'list')[] = [];
  // What may come next: a value, a member name, a colon, or what ends or continues the value before.
  let want: 'value' | 'value or ]' | 'name' | 'name or }' | 'colon' | 'end' = 'value';
  let index = 0;
  for (;;) {
    if (stride.isLong(1)) yield stride.taken();
    while (isSpace(text.charCodeAt(index))) index += 1;
    if (index >= text.length) return 'unexpected end of JSON input';
    const char = text[index] as string;
    const inside = open.at(-1);
    if (want === 'end') {
      if (!inside) return complaint(text, index, 'after top-level value');
      if (char === ',') want = inside === 'object' ? 'name' : 'value';
      else if (char === (inside === 'object' ? '}' : ']')) open.pop();
      else return complaint(text, index, inside === 'object' ? 'after object key:value pair' : 'after array element');
      index += 1;
    } else if (want === 'colon') {
      if (char !== ':') return complaint(text, index, 'after object key');
      want = 'value';
      index += 1;
    } else if ((want === 'name or }' && char === '}') || (want === 'value or ]' && char === ']')) {
      open.pop();
      want = 'end';
      index += 1;
    } else if (want === 'name' || want === 'name or }') {
      if (char !== '"') return complaint(text, index, 'looking for beginning of object key string');
      const read = readString(text, index);
      if (typeof read === 'string') return read;
      index = read;
      want = 'colon';
    } else if (char === '{' || char === '[') {
      open.push(char === '{' ? 'object' : 'list');
      want = char === '{' ? 'name or }' : 'value or ]';
      index += 1;
    } else {
      const read = readScalar(text, index);
      if (typeof read === 'string') return read;
      index = read;
      want = 'end';
    }
  }
}

function complaint(text: string, index: number, where: string): string {
  if (index >= text.length) return 'unexpected end of JSON input';
  const char = String.fromCodePoint(text.codePointAt(index) as number);
  const shown =
    char === "'" ? "'\\''" : char === '"' ? "'\"'" : `'${JSON.stringify(char).slice(1, -1).replace('\\u00', '\\x')}'`;
  return `invalid character ${shown} ${where}`;
}

/** Where the scalar ends, or what is wrong with it. */
function readScalar(text: string, start: number): number | string {
  const char = text[start] as string;
  if (char === '"') return readString(text, start);
  for (const word of ['true', 'false', 'null']) if (char === word[0]) return readWord(text, start, word);
  return char === '-' || (char >= '0' && char <= '9')
    ? readNumber(text, start)
    : complaint(text, start, 'looking for beginning of value');
}

function readWord(text: string, start: number, word: string): number | string {
  for (let offset = 1; offset < word.length; offset++) {
    if (text[start + offset] !== word[offset]) {
      return complaint(text, start + offset, `in literal ${word} (expecting '${word[offset]}')`);
    }
  }
  return start + word.length;
}

function readString(text: string, start: number): number | string {
  for (let index = start + 1; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === quote) return index + 1;
    if (code < 32) return complaint(text, index, 'in string literal');
    if (code !== backslash) continue;
    index += 1;
    const escape = text[index];
    if (escape === 'u') {
      for (let digit = 1; digit <= 4; digit++) {
        if (!/[0-9a-fA-F]/.test(text[index + digit] ?? '')) {
          return complaint(text, index + digit, 'in \\u hexadecimal character escape');
        }
      }
      index += 4;
    } else if (escape === undefined || !'"\\/bfnrt'.includes(escape))
      return complaint(text, index, 'in string escape code');
  }
  return 'unexpected end of JSON input';
}

function readNumber(text: string, start: number): number | string {
  const digit = (at: number) => (text[at] ?? '') >= '0' && (text[at] ?? '') <= '9';
  let index = text[start] === '-' ? start + 1 : start;
  if (!digit(index)) return complaint(text, index, 'in numeric literal');
  if (text[index] === '0') index += 1;
  else while (digit(index)) index += 1;
  if (text[index] === '.') {
    index += 1;
    if (!digit(index)) return complaint(text, index, 'after decimal point in numeric literal');
    while (digit(index)) index += 1;
  }
  if (text[index] === 'e' || text[index] === 'E') {
    index += 1;
    if (text[index] === '+' || text[index] === '-') index += 1;
    if (!digit(index)) return complaint(text, index, 'in exponent of numeric literal');
    while (digit(index)) index += 1;
  }
  return index;
}
