import type { Json, JsonObject } from '../../base/json.ts';
import { resolvePlain } from './scalars.ts';

/** After this column a long text goes on in the next line, at a space. */
const widthMax = 80;

/** A value as YAML the way upstream prints it: keys sorted, lists not indented, quotes only where they are needed. */
export function encodeYaml(value: Json): string {
  const out: string[] = [];
  if (Array.isArray(value) && value.length > 0) writeList(out, value, 0);
  else if (isFull(value)) writeMap(out, value as JsonObject, 0);
  else out.push(`${scalarText(value, { column: 0, indent: 2, key: false })}\n`);
  return out.join('');
}

interface Where {
  readonly column: number;
  /** Where the next line of the same scalar starts. */
  readonly indent: number;
  readonly key: boolean;
}

const isFull = (value: Json): boolean => {
  if (typeof value !== 'object' || value === null) return false;
  for (const key in value) if ((value as JsonObject)[key] !== undefined) return true;
  return false;
};

function writeMap(out: string[], map: JsonObject, indent: number, firstIndented = false): void {
  let first = firstIndented;
  for (const key of Object.keys(map).sort(compareNatural)) {
    const value = map[key];
    if (value === undefined) continue;
    const name = scalarText(key, { column: indent, indent: indent + 2, key: true });
    out.push(first ? '' : ' '.repeat(indent), name, ':');
    first = false;
    if (Array.isArray(value) && value.length > 0) {
      out.push('\n');
      writeList(out, value, indent);
    } else if (isFull(value)) {
      out.push('\n');
      writeMap(out, value as JsonObject, indent + 2);
    } else out.push(` ${scalarText(value, { column: indent + name.length + 2, indent: indent + 2, key: false })}\n`);
  }
}

function writeList(out: string[], list: readonly Json[], indent: number): void {
  for (const [index, item] of list.entries()) {
    out.push(index === 0 && endsWithDash(out) ? '' : ' '.repeat(indent), '- ');
    if (Array.isArray(item) && item.length > 0) writeList(out, item, indent + 2);
    else if (isFull(item)) writeMap(out, item as JsonObject, indent + 2, true);
    else out.push(`${scalarText(item, { column: indent + 2, indent: indent + 2, key: false })}\n`);
  }
}

/** A list directly in a list starts on its line. */
const endsWithDash = (out: readonly string[]): boolean => out.at(-1) === '- ';

/** Go's printer sorts keys with their numbers as numbers: a2 before a10, and letters after everything else. */
function compareNatural(a: string, b: string): number {
  const left = [...a];
  const right = [...b];
  let digits = false;
  for (let index = 0; index < left.length && index < right.length; index++) {
    const l = left[index] as string;
    const r = right[index] as string;
    if (l === r) {
      digits = isDigit(l);
      continue;
    }
    if (isLetter(l) && isLetter(r)) return l < r ? -1 : 1;
    if (isLetter(l) || isLetter(r)) return digits ? (isLetter(l) ? 1 : -1) * -1 : isLetter(r) ? -1 : 1;
    return compareNumbers(left, right, index) || (l.codePointAt(0) ?? 0) - (r.codePointAt(0) ?? 0);
  }
  return left.length - right.length;
}

function compareNumbers(left: readonly string[], right: readonly string[], from: number): number {
  let start = from;
  while (start > 0 && isDigit(left[start - 1] ?? '')) start -= 1;
  const number = (chars: readonly string[]) => {
    let end = start;
    while (isDigit(chars[end] ?? '')) end += 1;
    return end === start ? undefined : BigInt(chars.slice(start, end).join(''));
  };
  const [l, r] = [number(left), number(right)];
  if (l === undefined || r === undefined || l === r) return 0;
  return l < r ? -1 : 1;
}

const isDigit = (char: string): boolean => char >= '0' && char <= '9';
const isLetter = (char: string): boolean => /\p{L}/u.test(char);

function scalarText(value: Json, where: Where): string {
  if (typeof value === 'number') return numberText(value);
  if (typeof value !== 'string') return JSON.stringify(value);
  const shape = shapeOf(value);
  if (value.includes('\n')) {
    return shape.block && !where.key ? literal(value, where.indent) : doubleQuoted(value, where);
  }
  if (!readsAsText(value)) return doubleQuoted(value, where);
  if (shape.plain) return wrapped(value, where, 0);
  return shape.single ? `'${wrapped(value.replaceAll("'", "''"), where, 1)}'` : doubleQuoted(value, where);
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

/** Which styles can hold a text. */
function shapeOf(text: string): { readonly plain: boolean; readonly single: boolean; readonly block: boolean } {
  const special = /[^\n\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\u{10000}-\u{10ffff}]/u.test(text);
  const spaceBreak = / \n/.test(text);
  const edges = /^[ \n]|[ \n]$/.test(text);
  const indicators =
    /^(?:---|\.\.\.|[#,[\]{}&*!|>'"%@`]|[?:-](?:[ \n]|$))/.test(text) || /:(?:[ \n]|$)|[ \n]#/.test(text);
  const breaks = text.includes('\n');
  return {
    plain: !special && !spaceBreak && !edges && !indicators && !breaks,
    single: !special && !spaceBreak && !/\n /.test(text),
    block: !special && !spaceBreak && !text.endsWith(' '),
  };
}

function literal(text: string, indent: number): string {
  const hint = text[0] === ' ' || text[0] === '\n' ? '2' : '';
  const chomp = !text.endsWith('\n') ? '-' : text === '\n' || text.endsWith('\n\n') ? '+' : '';
  const body = text.endsWith('\n') ? text.slice(0, -1) : text;
  const lines = body.split('\n').map((line) => (line === '' ? '' : ' '.repeat(indent) + line));
  return `|${hint}${chomp}\n${lines.join('\n')}`;
}

/** Breaks a long text at single spaces. */
function wrapped(text: string, where: Where, quotes: number): string {
  if (where.key || where.column + text.length <= widthMax) return text;
  let column = where.column + quotes;
  const parts = text.split(' ');
  let out = parts[0] as string;
  column += out.length;
  for (let index = 1; index < parts.length; index++) {
    const part = parts[index] as string;
    const alone = part !== '' && parts[index - 1] !== '' && index < parts.length;
    if (column > widthMax && alone) {
      out += `\n${' '.repeat(where.indent)}${part}`;
      column = where.indent + part.length;
    } else {
      out += ` ${part}`;
      column += 1 + part.length;
    }
  }
  return out;
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

function doubleQuoted(text: string, where: Where): string {
  const escaped = text.replace(
    /[^\x20-\x7e\xa1-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\u{10000}-\u{10ffff}]|["\\]/gu,
    (char) => shortEscapes[char] ?? hexEscape(char.codePointAt(0) as number),
  );
  return `"${wrapped(escaped, where, 1)}"`;
}

function hexEscape(code: number): string {
  const hex = code.toString(16).toUpperCase();
  if (code <= 0xff) return `\\x${hex.padStart(2, '0')}`;
  return code <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}
