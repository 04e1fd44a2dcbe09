import { escapeAt, folded, YamlError } from './scalars.ts';

/** Keys are on one line and no longer than this, as in the original: looking for one costs no more. */
const keyLengthMax = 1024;
const tab = 9;
const newline = 10;
const space = 32;
const isBlank = (code: number): boolean => code === space || code === tab;
export const isBreak = (code: number): boolean => code === newline || code === 13;
/** Blank, break or the end of the text. */
export const isEnd = (code: number): boolean =>
  !(code > space) && (isBlank(code) || isBreak(code) || Number.isNaN(code));
/** Not by trimming: that takes other spaces too, of which YAML knows nothing. */
function withoutBlanks(text: string): string {
  let end = text.length;
  while (end > 0 && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(0, end);
}
/** , [ ] { } */
export const isFlowMark = (code: number): boolean =>
  code === 44 || code === 91 || code === 93 || code === 123 || code === 125;
/** % @ ` , ] } & * ! | > ' " # cannot begin a plain scalar. */
const forbiddenFirst: ReadonlySet<number> = new Set([37, 64, 96, 44, 93, 125]);

export interface Properties {
  readonly anchor?: string;
  readonly tag?: string;
}

/** A place in a YAML text, and what is read there without knowing what is around it. Every character is seen a bounded number of times. */
export class Cursor {
  readonly text: string;
  at = 0;
  lineStart = 0;
  line = 1;
  /** Where the plain key ends that was seen last. */
  #plainKeyEnd = 0;
  /** How many brackets and braces are open. */
  inFlow = 0;

  constructor(text: string) {
    this.text = text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  }

  code(offset = 0): number {
    return this.text.charCodeAt(this.at + offset);
  }

  column(): number {
    return this.at - this.lineStart;
  }

  break(): void {
    if (this.code() === 13 && this.code(1) === newline) this.at += 1;
    this.at += 1;
    this.line += 1;
    this.lineStart = this.at;
  }

  toLineEnd(): void {
    while (this.at < this.text.length && !isBreak(this.code())) this.at += 1;
  }

  blanks(): void {
    while (isBlank(this.code())) this.at += 1;
  }

  /** Past blanks, comments and breaks. A tab cannot indent. */
  skip(): void {
    for (;;) {
      while (this.code() === space) this.at += 1;
      const indenting = this.code() === tab && withoutBlanks(this.text.slice(this.lineStart, this.at)) === '';
      this.blanks();
      const code = this.code();
      if (code === 35 && (this.at === this.lineStart || isEnd(this.code(-1)))) this.toLineEnd();
      if (!isBreak(this.code())) {
        if (indenting && !Number.isNaN(this.code()) && !this.inFlow) {
          throw new YamlError('found character that cannot start any token');
        }
        return;
      }
      this.break();
    }
  }

  /** `---` or `...`: the document ends here. */
  atMarker(): boolean {
    if (this.column() !== 0 || !isEnd(this.code(3))) return false;
    return this.text.startsWith('---', this.at) || this.text.startsWith('...', this.at);
  }

  atDash(): boolean {
    return this.code() === 45 && isEnd(this.code(1));
  }

  /** Whether a key of a map stands here: a scalar on this line with a colon behind it. */
  keyAhead(): boolean {
    const start = this.at;
    const found = this.skipKey(Math.min(this.text.length, start + keyLengthMax));
    this.at = start;
    return found;
  }

  skipKey(end: number): boolean {
    this.properties();
    const code = this.code();
    if (code === 34 || code === 39) {
      this.at = this.quoteEnd(code, end) + 1;
      if (this.at === 0) return false;
    } else if (code === 91 || code === 123 || code === 124 || code === 62 || code === 35) return false;
    else {
      this.toPlainEnd(end);
      this.#plainKeyEnd = this.at;
    }
    this.blanks();
    return this.at <= end && this.code() === 58 && isEnd(this.code(1));
  }

  /** The quote that ends the scalar on this line, or -1. */
  quoteEnd(quote: number, end: number): number {
    for (let index = this.at + 1; index < end; index++) {
      const code = this.text.charCodeAt(index);
      if (isBreak(code)) return -1;
      if (quote === 34 && code === 92) index += 1;
      else if (code === quote) {
        if (quote === 39 && this.text.charCodeAt(index + 1) === 39) index += 1;
        else return index;
      }
    }
    return -1;
  }

  plainEnds(): boolean {
    const code = this.code();
    if (code === 58) return isEnd(this.code(1)) || (this.inFlow > 0 && isFlowMark(this.code(1)));
    if (code === 35) return isEnd(this.code(-1));
    return isBreak(code) || Number.isNaN(code) || (this.inFlow > 0 && isFlowMark(code));
  }

  toPlainEnd(end: number): void {
    const text = this.text;
    for (let at = this.at; at < end; at++) {
      const code = text.charCodeAt(at);
      if (code > 58 && this.inFlow === 0) continue;
      if (code !== 58 && code !== 35 && code > 13 && this.inFlow === 0) continue;
      this.at = at;
      if (this.plainEnds()) return;
    }
    this.at = end;
  }

  /** The plain key that keyAhead has just seen here. */
  plainKey(): string {
    const start = this.at;
    this.at = this.#plainKeyEnd;
    return withoutBlanks(this.text.slice(start, this.at));
  }

  /** One line of a plain scalar, without the blanks behind it. */
  plainLine(): string {
    const start = this.at;
    this.toPlainEnd(this.text.length);
    return withoutBlanks(this.text.slice(start, this.at));
  }

  plain(indent: number): string {
    const code = this.code();
    const next = this.code(1);
    const indicator = ((code === 45 || code === 63 || code === 58) && isEnd(next)) || forbiddenFirst.has(code);
    if (indicator) throw new YamlError('found character that cannot start any token');
    const lines = [this.plainLine()];
    while (isBreak(this.code())) {
      const mark = { at: this.at, line: this.line, lineStart: this.lineStart };
      let breaks = 0;
      while (isBreak(this.code())) {
        this.break();
        breaks += 1;
        while (this.code() === space) this.at += 1;
        if (this.column() > indent || this.inFlow > 0) this.blanks();
      }
      const over = Number.isNaN(this.code()) || this.code() === 35 || this.atMarker();
      if (over || (this.inFlow === 0 && this.column() <= indent) || this.plainEnds()) {
        this.at = mark.at;
        this.line = mark.line;
        this.lineStart = mark.lineStart;
        break;
      }
      for (let empty = 1; empty < breaks; empty++) lines.push('');
      lines.push(this.plainLine());
    }
    if (this.code() === 58 && this.inFlow === 0) {
      throw new YamlError('mapping values are not allowed in this context');
    }
    return lines.length === 1 ? (lines[0] as string) : folded(lines);
  }

  quoted(): string {
    const quote = this.code();
    const open = this.line;
    this.at += 1;
    const lines: string[] = [];
    let line = '';
    let start = this.at;
    // How much of the line came from escapes, whose blanks are kept at its end.
    let kept = 0;
    for (;;) {
      const code = this.code();
      if (Number.isNaN(code)) {
        this.line = open;
        throw new YamlError('found unexpected end of stream');
      }
      if (code === quote && !(quote === 39 && this.code(1) === 39)) break;
      if (code === quote || (quote === 34 && code === 92)) {
        line += this.text.slice(start, this.at);
        const continued = code === 92 && isBreak(this.code(1));
        if (continued) {
          this.at += 1;
          this.break();
          this.blanks();
        } else if (code === quote) {
          line += "'";
          this.at += 2;
        } else {
          const { char, length } = escapeAt(this.text, this.at + 1);
          line += char;
          this.at += 1 + length;
        }
        kept = line.length;
        start = this.at;
      } else if (isBreak(code)) {
        line += this.text.slice(start, this.at);
        lines.push(line.slice(0, kept) + withoutBlanks(line.slice(kept)));
        line = '';
        kept = 0;
        this.break();
        this.blanks();
        if (this.atMarker()) throw new YamlError('found unexpected document indicator');
        start = this.at;
      } else this.at += 1;
    }
    line += this.text.slice(start, this.at);
    this.at += 1;
    return lines.length === 0 ? line : folded([...lines, line]);
  }

  properties(): Properties | undefined {
    let found: { anchor?: string; tag?: string } | undefined;
    for (;;) {
      const code = this.code();
      if (code !== 38 && code !== 33) return found;
      const start = this.at;
      while (!isEnd(this.code()) && !(this.inFlow > 0 && isFlowMark(this.code()))) this.at += 1;
      const word = this.text.slice(start, this.at);
      found =
        code === 38
          ? { ...found, anchor: word.slice(1) }
          : { ...found, tag: word.replace('!<tag:yaml.org,2002:', '!!').replace(/>$/, '') };
      this.blanks();
    }
  }
}
