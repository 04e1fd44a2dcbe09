import { YamlError } from './scalars.ts';

/** A literal (`|`) or folded (`>`) scalar: its text, and where it ends. */
export class BlockScalar {
  readonly value: string;
  /** Where the first line that is not part of it starts, or the end of the text. */
  readonly end: number;
  /** How many line breaks were read. */
  readonly lines: number;
  readonly lineStart: number;

  constructor(text: string, start: number, parentIndent: number) {
    const header = headerAt(text, start);
    const found = linesFrom(text, header.end, {
      parentIndent,
      ...(header.indent > 0 ? { indent: Math.max(parentIndent, 0) + header.indent } : {}),
    });
    this.end = found.end;
    this.lineStart = found.end;
    this.lines = found.count + (header.broken ? 1 : 0);
    const content = header.folded ? foldedLines(found.lines) : found.lines.join('\n');
    this.value = chomped(content, found, header.chomp);
  }
}

interface Header {
  readonly folded: boolean;
  readonly chomp: string;
  readonly indent: number;
  readonly end: number;
  readonly broken: boolean;
}

function headerAt(text: string, start: number): Header {
  const lineEnd = endOfLine(text, start);
  const match = /^[|>](?:([+-])([1-9])?|([1-9])([+-])?)?[ \t]*(?:[ \t]#.*)?$/.exec(text.slice(start, lineEnd));
  if (!match) throw new YamlError('did not find expected comment or line break');
  const broken = lineEnd < text.length;
  return {
    folded: text[start] === '>',
    chomp: match[1] ?? match[4] ?? '',
    indent: Number(match[2] ?? match[3] ?? 0),
    end: broken ? afterBreak(text, lineEnd) : lineEnd,
    broken,
  };
}

interface Lines {
  /** Without their indentation; empty ones at the end are counted apart. */
  readonly lines: readonly string[];
  readonly emptyAtEnd: number;
  /** Whether the last line was ended by a break. */
  readonly ended: boolean;
  readonly end: number;
  readonly count: number;
}

function linesFrom(
  text: string,
  from: number,
  how: { readonly parentIndent: number; readonly indent?: number },
): Lines {
  let indent = how.indent;
  const lines: string[] = [];
  let at = from;
  let count = 0;
  let content = 0;
  let ended = false;
  while (at < text.length) {
    let first = at;
    while (text.charCodeAt(first) === 32 && (indent === undefined || first - at < indent)) first += 1;
    const lineEnd = endOfLine(text, first);
    const empty = first === lineEnd;
    if (!empty) {
      if (indent === undefined) {
        if (first - at <= how.parentIndent) break;
        if (text.charCodeAt(first) === 9 && first - at === 0 && how.parentIndent >= 0) {
          throw new YamlError('found a tab character where an indentation space is expected');
        }
        indent = first - at;
      } else if (first - at < indent) break;
      if (indent === 0 && isMarker(text, at)) break;
    }
    lines.push(empty ? '' : text.slice(first, lineEnd));
    ended = lineEnd < text.length;
    if (!empty) content = lines.length;
    if (ended) count += 1;
    at = ended ? afterBreak(text, lineEnd) : lineEnd;
  }
  return { lines: lines.slice(0, content), emptyAtEnd: lines.length - content, ended, end: at, count };
}

const isMarker = (text: string, at: number): boolean => /^(?:---|\.\.\.)(?:\s|$)/.test(text.slice(at, at + 4));

function endOfLine(text: string, from: number): number {
  let at = from;
  while (at < text.length && text.charCodeAt(at) !== 10 && text.charCodeAt(at) !== 13) at += 1;
  return at;
}

const afterBreak = (text: string, at: number): number =>
  text.charCodeAt(at) === 13 && text.charCodeAt(at + 1) === 10 ? at + 2 : at + 1;

/** Lines joined by spaces, except around empty lines and lines that are indented further. */
function foldedLines(lines: readonly string[]): string {
  const parts: string[] = [];
  let breaks = 0;
  let previous: string | undefined;
  for (const line of lines) {
    if (line === '') {
      breaks += 1;
      continue;
    }
    if (previous === undefined) parts.push('\n'.repeat(breaks));
    else if (isDeeper(previous) || isDeeper(line)) parts.push('\n'.repeat(breaks + 1));
    else parts.push(breaks > 0 ? '\n'.repeat(breaks) : ' ');
    parts.push(line);
    previous = line;
    breaks = 0;
  }
  return parts.join('');
}

const isDeeper = (line: string): boolean => line[0] === ' ' || line[0] === '\t';

function chomped(content: string, { lines, emptyAtEnd, ended }: Lines, chomp: string): string {
  if (chomp === '-') return content;
  const last = lines.length > 0 && (emptyAtEnd > 0 || ended) ? '\n' : '';
  return chomp === '+' ? content + last + '\n'.repeat(emptyAtEnd) : content + last;
}
