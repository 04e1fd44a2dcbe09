import { encodeText } from '../../base/json.ts';
import type { Issue } from './syntax.ts';
import { Uint, type Value } from './value.ts';

export interface Token {
  readonly kind: 'name' | 'constant' | 'symbol' | 'end';
  readonly at: number;
  /** The name, the symbol, or what was written. */
  readonly text: string;
  readonly value?: Value;
  /** A name in back-quotes: a field's only. */
  readonly quoted?: boolean;
}

export class SyntaxIssue extends Error {
  readonly issue: Issue;
  constructor(at: number, message: string) {
    super(message);
    this.issue = { at, message: `Syntax error: ${message}` };
  }
}

const symbols = ['&&', '||', '==', '!=', '<=', '>=', ...'[]{}().,-+*/%<>!?:='];
const space = /[ \t\r\n\f]+|\/\/[^\n]*/y;
const word = /[A-Za-z_][A-Za-z0-9_]*/y;
const quotedWord = /`([A-Za-z0-9_.\-/ ]+)`/y;
const double = /(?:[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+|\.[0-9]+(?:[eE][+-]?[0-9]+)?)/y;
const integer = /(0x[0-9A-Fa-f]+|[0-9]+)([uU]?)/y;
const textStart = /(?:[bB][rR]|[rR][bB]|[bBrR])?(?:"""|'''|"|')/y;
const literals: Readonly<Record<string, Value>> = { true: true, false: false, null: null };

const int64Max = 2n ** 63n;
const uint64Max = 2n ** 64n;

export function tokens(source: string): readonly Token[] {
  const out: Token[] = [];
  let at = 0;
  while (at < source.length) {
    const skipped = matched(space, source, at)?.[0].length ?? 0;
    if (skipped > 0) {
      at += skipped;
      continue;
    }
    const token = tokenAt(source, at);
    out.push(token);
    at += token.text.length;
  }
  out.push({ kind: 'end', at: source.length, text: '<EOF>' });
  return out;
}

function matched(pattern: RegExp, source: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(source);
}

function tokenAt(source: string, at: number): Token {
  if (matched(textStart, source, at)) return textAt(source, at);
  const name = matched(word, source, at);
  if (name) {
    const text = name[0];
    return Object.hasOwn(literals, text)
      ? { kind: 'constant', at, text, value: literals[text] as Value }
      : { kind: 'name', at, text };
  }
  const quoted = matched(quotedWord, source, at);
  if (quoted) return { kind: 'name', at, text: quoted[0], quoted: true };
  const real = matched(double, source, at);
  if (real) return { kind: 'constant', at, text: real[0], value: Number(real[0]) };
  const whole = matched(integer, source, at);
  if (whole) return integerToken(whole, at);
  const symbol = symbols.find((text) => source.startsWith(text, at));
  if (symbol) return { kind: 'symbol', at, text: symbol };
  throw new SyntaxIssue(at, `token recognition error at: '${source[at]}'`);
}

function integerToken([text = '', digits = '', unsigned]: RegExpExecArray, at: number): Token {
  const value = BigInt(digits);
  if (unsigned) {
    if (value >= uint64Max) throw new SyntaxIssue(at, 'invalid uint literal');
    return { kind: 'constant', at, text, value: new Uint(value) };
  }
  // One more than the largest: it may stand behind a minus.
  if (value > int64Max) throw new SyntaxIssue(at, 'invalid int literal');
  return { kind: 'constant', at, text, value };
}

function textAt(source: string, at: number): Token {
  const start = (matched(textStart, source, at) as RegExpExecArray)[0];
  const prefix = start.replace(/["']+$/, '').toLowerCase();
  const quote = start.slice(prefix.length);
  const isRaw = prefix.includes('r');
  let end = at + start.length;
  for (; ; end++) {
    if (end >= source.length || (quote.length === 1 && (source[end] === '\n' || source[end] === '\r'))) {
      throw new SyntaxIssue(at, `token recognition error at: '${source.slice(at, end)}'`);
    }
    if (source.startsWith(quote, end)) break;
    if (source[end] === '\\' && !isRaw) end++;
  }
  const inside = source.slice(at + start.length, end).replace(/\r\n?/g, '\n');
  const text = source.slice(at, end + quote.length);
  if (prefix.includes('b')) {
    return { kind: 'constant', at, text, value: isRaw ? encodeText(inside) : unescapedBytes(inside, at) };
  }
  return { kind: 'constant', at, text, value: isRaw ? inside : unescaped(inside, at) };
}

const simple: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
  '\\': 92,
  "'": 39,
  '"': 34,
  '`': 96,
  '?': 63,
};
const escape =
  /\\(?:([abfnrtv\\'"`?])|[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})|([\s\S]?))/g;

function unescaped(text: string, at: number): string {
  if (!text.includes('\\')) return text;
  return text.replace(escape, (...parts) => {
    const [, plain, hex, short, long, octal] = parts as (string | undefined)[];
    const code = codeOf(plain, hex ?? short ?? long, octal);
    if (code === undefined || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) {
      throw new SyntaxIssue(at, 'unable to unescape string');
    }
    return String.fromCodePoint(code);
  });
}

function unescapedBytes(text: string, at: number): Uint8Array {
  const out: number[] = [];
  let last = 0;
  for (const match of text.matchAll(escape)) {
    out.push(...encodeText(text.slice(last, match.index)));
    const [all, plain, hex, short, long, octal] = match;
    const code = (short ?? long) ? undefined : codeOf(plain, hex, octal);
    if (code === undefined) throw new SyntaxIssue(at, 'unable to unescape bytes');
    out.push(code);
    last = match.index + all.length;
  }
  out.push(...encodeText(text.slice(last)));
  return Uint8Array.from(out);
}

function codeOf(plain: string | undefined, hex: string | undefined, octal: string | undefined): number | undefined {
  if (plain !== undefined) return simple[plain];
  if (hex !== undefined) return Number.parseInt(hex, 16);
  return octal === undefined ? undefined : Number.parseInt(octal, 8);
}
