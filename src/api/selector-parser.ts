import { ApiError } from './error.ts';
import { labelValue, qualifiedName } from './names.ts';

/** One requirement of a label selector's text. `Gt` and `Lt` compare whole numbers. */
export interface ParsedRequirement {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' | 'Gt' | 'Lt';
  readonly values: readonly string[];
}

const symbols: ReadonlySet<string> = new Set(['=', '!', '(', ')', ',', '>', '<']);
const marks: ReadonlySet<string> = new Set(['=', '==', '!=', '!', '(', ')', ',', '>', '<']);
const operators: Readonly<Record<string, ParsedRequirement['operator']>> = {
  in: 'In',
  notin: 'NotIn',
  '=': 'In',
  '==': 'In',
  '!=': 'NotIn',
  '>': 'Gt',
  '<': 'Lt',
};

interface Token {
  readonly type: 'word' | 'mark' | 'end';
  readonly text: string;
}

/** `app=web,tier in (a,b),!legacy,size>3`, with upstream's complaints. */
export const parseRequirements = (text: string): readonly ParsedRequirement[] => new Parser(tokensOf(text)).all();

function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const char = text[at] as string;
    if (isSpace(char)) at += 1;
    else if (symbols.has(char)) {
      const pair = text.slice(at, at + 2);
      const mark = marks.has(pair) ? pair : char;
      tokens.push({ type: 'mark', text: mark });
      at += mark.length;
    } else {
      const start = at;
      while (at < text.length && !symbols.has(text[at] as string) && !isSpace(text[at] as string)) at += 1;
      tokens.push({ type: 'word', text: text.slice(start, at) });
    }
  }
  return tokens;
}

const isSpace = (char: string): boolean => char === ' ' || char === '\t' || char === '\r' || char === '\n';
const end: Token = { type: 'end', text: '' };

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  get #next(): Token {
    return this.#tokens[this.#at] ?? end;
  }

  #take(): Token {
    const token = this.#next;
    this.#at += 1;
    return token;
  }

  all(): readonly ParsedRequirement[] {
    const found: ParsedRequirement[] = [];
    for (;;) {
      const { type, text } = this.#next;
      if (type === 'end') return found;
      if (type !== 'word' && text !== '!') throw unread(`found '${text}', expected: !, identifier, or 'end of string'`);
      found.push(this.#requirement());
      const after = this.#take();
      if (after.type === 'end') return found;
      if (after.text !== ',') throw unread(`found '${after.text}', expected: ',' or 'end of string'`);
      const following = this.#next;
      if (following.type !== 'word' && following.text !== '!') {
        throw unread(`found '${following.text}', expected: identifier after ','`);
      }
    }
  }

  #requirement(): ParsedRequirement {
    const absent = this.#next.text === '!';
    if (absent) this.#take();
    const { type, text: key } = this.#take();
    if (type !== 'word') throw complaint(`found '${key}', expected: identifier`);
    checkKey(key);
    if (absent) return { key, operator: 'DoesNotExist', values: [] };
    if (this.#next.type === 'end' || this.#next.text === ',') return { key, operator: 'Exists', values: [] };
    const word = this.#take().text;
    const operator = Object.hasOwn(operators, word) ? operators[word] : undefined;
    if (!operator) throw complaint(`found '${word}', expected: in, notin, =, ==, !=, gt, lt`);
    const values = word === 'in' || word === 'notin' ? this.#values() : [this.#exactValue()];
    checkValues(key, operator, values);
    return { key, operator, values: [...new Set(values)].sort() };
  }

  #exactValue(): string {
    const { type, text } = this.#next;
    if (type === 'end' || text === ',') return '';
    this.#take();
    if (type !== 'word') throw complaint(`found '${text}', expected: identifier`);
    return text;
  }

  #values(): readonly string[] {
    const open = this.#take();
    if (open.text !== '(') throw complaint(`found '${open.text}' expected: '('`);
    const values: string[] = [];
    if (this.#next.text === ')') {
      this.#take();
      return values;
    }
    if (this.#next.type !== 'word' && this.#next.text !== ',') {
      throw complaint(`found '${this.#next.text}', expected: ',', ')' or identifier`);
    }
    let valueDue = true;
    for (;;) {
      const { type, text } = this.#take();
      if (type === 'word' && valueDue) {
        values.push(text);
        valueDue = false;
      } else if (text === ',' || text === ')') {
        // Nothing between two commas is the empty value.
        if (valueDue) values.push('');
        if (text === ')') return values;
        valueDue = true;
      } else throw complaint(`found '${text}', expected: ',' or ')'`);
    }
  }
}

const unread = (text: string) => new ApiError('BadRequest', text);
/** Inside of one requirement. */
const complaint = (text: string) => unread(`unable to parse requirement: ${text}`);

function checkKey(key: string): void {
  const errors = qualifiedName(key);
  if (errors.length > 0) throw complaint(`<nil>: Invalid value: ${JSON.stringify(key)}: ${errors.join('; ')}`);
}

function checkValues(key: string, operator: ParsedRequirement['operator'], values: readonly string[]): void {
  const compares = operator === 'Gt' || operator === 'Lt';
  if (compares && !/^[-+]?\d{1,18}$/.test(values[0] ?? '')) {
    throw complaint(
      `values[0]: Invalid value: ${JSON.stringify(values[0])}: for 'Gt', 'Lt' operators, the value must be an integer`,
    );
  }
  for (const [index, value] of values.entries()) {
    const errors = labelValue(value);
    if (errors.length === 0) continue;
    throw complaint(`values[${index}][${key}]: Invalid value: ${JSON.stringify(value)}: ${errors.join('; ')}`);
  }
}

export interface FieldRequirement {
  readonly field: string;
  readonly equal: boolean;
  readonly value: string;
}

/** `metadata.name=web,status.phase!=Running`; a backslash keeps a comma, an equals sign or a backslash in a value. */
export function parseFields(text: string): readonly FieldRequirement[] {
  const found: FieldRequirement[] = [];
  for (const part of termsOf(text)) {
    if (part === '') continue;
    const match = /^([^=!]*(?:!(?!=)[^=!]*)*)(==|=|!=)(.*)$/s.exec(part);
    if (!match) throw new ApiError('BadRequest', `invalid selector: '${text}'; can't understand '${part}'`);
    const [field = '', value = ''] = [match[1], unescaped(match[3] as string)];
    // Nothing equals nothing: everything.
    if (field !== '' || value !== '') found.push({ field, equal: match[2] !== '!=', value });
  }
  return found;
}

/** What stands between commas that no backslash keeps. */
function termsOf(text: string): readonly string[] {
  const terms: string[] = [];
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === ',') {
      terms.push(text.slice(start, at));
      start = at + 1;
    }
  }
  return [...terms, text.slice(start)];
}

function unescaped(text: string): string {
  return text.replace(/\\(.?)/gs, (pair, char: string) => {
    if (char === '' || !'\\,='.includes(char)) throw new ApiError('BadRequest', `invalid escape sequence: ${pair}`);
    return char;
  });
}
