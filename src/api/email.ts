import { isIpv4, isIpv6 } from './names.ts';

const space = /[ \t]*/y;
/** Letters of an address outside of quotes, with dots anywhere: those are looked at afterwards. */
const atom = /[!#-'*+\-./0-9=?A-Z^-~\u0080-\u{10ffff}]+/uy;
const quoted = /"(?:[ \t!#-[\]-~\u0080-\u{10ffff}]|\\[ \t!-~\u0080-\u{10ffff}])*"/uy;
const literal = /\[([!-Z^-~\u0080-\u{10ffff}]*)\]/uy;

/**
 * Whether a text is one address of mail, alone or behind a name: `a@b.c`, `Some Body <a@b.c> (at work)`. No expression
 * reads a name of many words without trying them over and over. Groups of addresses are not taken.
 */
export const isEmail = (text: string): boolean => new Reader(text).isAddress();

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  isAddress(): boolean {
    this.#take(space);
    const start = this.#at;
    if (this.#address()) return this.#skipRemarks() && this.#isEnd;
    this.#at = start;
    if (this.#next !== '<' && !this.#name()) return false;
    this.#take(space);
    return this.#mark('<') && this.#address() && this.#mark('>') && this.#skipRemarks() && this.#isEnd;
  }

  get #isEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  get #next(): string | undefined {
    return this.#text[this.#at];
  }

  #take(form: RegExp): string {
    form.lastIndex = this.#at;
    const [found = ''] = form.exec(this.#text) ?? [];
    this.#at += found.length;
    return found;
  }

  #mark(mark: string): boolean {
    if (this.#next !== mark) return false;
    this.#at++;
    return true;
  }

  #address(): boolean {
    this.#take(space);
    const local = this.#next === '"' ? this.#take(quoted).length > '""'.length : isDotted(this.#take(atom));
    if (!local || !this.#mark('@')) return false;
    this.#take(space);
    if (this.#next !== '[') return isDotted(this.#take(atom));
    const address = this.#take(literal).slice(1, -1);
    return isIpv4(address) || isIpv6(address);
  }

  /** Words, each alone or in quotes. */
  #name(): boolean {
    let words = 0;
    for (;;) {
      if (words > 0 && !this.#skipRemarks()) return false;
      this.#take(space);
      if ((this.#next === '"' ? this.#take(quoted) : this.#take(atom)) === '') return words > 0;
      words++;
    }
  }

  /** In parentheses, one in the other. False where one does not end. */
  #skipRemarks(): boolean {
    for (this.#take(space); this.#next === '('; this.#take(space)) {
      let depth = 0;
      do {
        const next = this.#text[this.#at++];
        if (next === undefined) return false;
        if (next === '\\') this.#at++;
        else if (next === '(') depth++;
        else if (next === ')') depth--;
      } while (depth > 0);
    }
    return true;
  }
}

const isDotted = (text: string): boolean =>
  text !== '' && !text.startsWith('.') && !text.endsWith('.') && !text.includes('..');
