import { SyntaxIssue, type Token, tokens } from './lexer.ts';
import { macroOf } from './macros.ts';
import type { Call, Expression, Issue, StructLiteral } from './syntax.ts';

/** As deep as an expression may be nested, and as long as it may be written. */
const depthMax = 250;
const sourceMax = 100_000;
/** As many operators or selections stand in one row. */
const rowMax = 1_000;

export type Parsed =
  | { readonly expression: Expression; readonly issues?: undefined }
  | { readonly issues: readonly Issue[]; readonly expression?: undefined };

export function parse(source: string): Parsed {
  if (source.length > sourceMax) {
    return {
      issues: [
        { at: 0, message: `expression code point size exceeds limit: size: ${source.length}, limit ${sourceMax}` },
      ],
    };
  }
  try {
    return { expression: new Parser(tokens(source)).whole() };
  } catch (error) {
    if (error instanceof SyntaxIssue) return { issues: [error.issue] };
    throw error;
  }
}

const reserved = new Set(
  'as break const continue else for function if import let loop package namespace return var void while'.split(' '),
);
const relations = new Set(['<', '<=', '>', '>=', '==', '!=']);
const int64Max = 2n ** 63n;

class Parser {
  readonly #tokens: readonly Token[];
  #next = 0;
  #depth = 0;

  constructor(all: readonly Token[]) {
    this.#tokens = all;
  }

  whole(): Expression {
    const expression = this.#expression();
    if (this.#token.kind !== 'end') throw this.#unexpected("mismatched input '", "' expecting <EOF>");
    return expression;
  }

  get #token(): Token {
    return this.#tokens[this.#next] as Token;
  }
  #is(symbol: string): boolean {
    return this.#token.kind === 'symbol' && this.#token.text === symbol;
  }
  #take(symbol: string): boolean {
    if (!this.#is(symbol)) return false;
    this.#next++;
    return true;
  }
  #need(symbol: string): Token {
    const token = this.#token;
    if (!this.#take(symbol)) throw this.#unexpected("mismatched input '", `' expecting '${symbol}'`);
    return token;
  }
  #unexpected(before: string, after: string): SyntaxIssue {
    return new SyntaxIssue(this.#token.at, `${before}${this.#token.text}${after}`);
  }

  #limit(count: number, max = rowMax): void {
    if (count > max) throw new SyntaxIssue(this.#token.at, `expression recursion limit exceeded: ${max}`);
  }

  #expression(): Expression {
    this.#limit(++this.#depth, depthMax);
    const condition = this.#or();
    const question = this.#token;
    if (!this.#take('?')) {
      this.#depth--;
      return condition;
    }
    const yes = this.#or();
    this.#need(':');
    const no = this.#expression();
    this.#depth--;
    return { kind: 'call', at: question.at, name: '_?_:_', args: [condition, yes, no] };
  }

  #or(): Expression {
    return this.#chain('||', () => this.#and());
  }
  #and(): Expression {
    return this.#chain('&&', () => this.#relation());
  }

  /** A long chain becomes a balanced tree, so that it is never deep. */
  #chain(symbol: string, part: () => Expression): Expression {
    const parts = [part()];
    const places: number[] = [];
    while (this.#is(symbol)) {
      places.push(this.#token.at);
      this.#next++;
      parts.push(part());
    }
    const join = (from: number, to: number): Expression => {
      if (from === to) return parts[from] as Expression;
      const middle = (from + to) >> 1;
      const args = [join(from, middle), join(middle + 1, to)];
      return { kind: 'call', at: places[middle] as number, name: `_${symbol}_`, args };
    };
    return join(0, parts.length - 1);
  }

  #relation(): Expression {
    let left = this.#sum();
    for (let length = 1; ; length++) {
      this.#limit(length);
      const token = this.#token;
      const isIn = token.kind === 'name' && token.text === 'in';
      if (!isIn && !(token.kind === 'symbol' && relations.has(token.text))) return left;
      this.#next++;
      const args = [left, this.#sum()];
      left = { kind: 'call', at: token.at, name: isIn ? '@in' : `_${token.text}_`, args };
    }
  }

  #sum(): Expression {
    return this.#leftward(['+', '-'], () => this.#product());
  }
  #product(): Expression {
    return this.#leftward(['*', '/', '%'], () => this.#unary());
  }
  #leftward(symbols: readonly string[], part: () => Expression): Expression {
    let left = part();
    for (let length = 1; this.#token.kind === 'symbol' && symbols.includes(this.#token.text); length++) {
      this.#limit(length);
      const { at, text } = this.#token;
      this.#next++;
      left = { kind: 'call', at, name: `_${text}_`, args: [left, part()] };
    }
    return left;
  }

  #unary(): Expression {
    const { at } = this.#token;
    if (this.#is('!')) {
      let count = 0;
      while (this.#take('!')) count++;
      const operand = this.#member();
      return count % 2 === 0 ? operand : { kind: 'call', at, name: '!_', args: [operand] };
    }
    let minuses = 0;
    while (this.#take('-')) minuses++;
    if (minuses === 0) return this.#member();
    const { kind, value } = this.#token;
    const isNumber = kind === 'constant' && (typeof value === 'bigint' || typeof value === 'number');
    if (isNumber) minuses--;
    const operand = this.#member(isNumber);
    return minuses % 2 === 0 ? operand : { kind: 'call', at, name: '-_', args: [operand] };
  }

  #member(isNegative = false): Expression {
    let expression = this.#primary(isNegative);
    for (let length = 1; ; length++) {
      this.#limit(length);
      const { at } = this.#token;
      if (this.#take('.')) expression = this.#dotted(expression, at);
      else if (this.#take('[')) {
        const isOptional = this.#take('?');
        const index = this.#expression();
        this.#need(']');
        expression = { kind: 'call', at, name: isOptional ? '_[?_]' : '_[_]', args: [expression, index] };
      } else if (this.#is('{') && typeNameOf(expression) !== undefined) {
        expression = this.#struct(typeNameOf(expression) as string, expression.at);
      } else return expression;
    }
  }

  #dotted(operand: Expression, at: number): Expression {
    const isOptional = this.#take('?');
    const { text, quoted } = this.#fieldName();
    if (isOptional) {
      const field: Expression = { kind: 'constant', at, value: text };
      return { kind: 'call', at, name: '_?._', args: [operand, field] };
    }
    if (!quoted && this.#is('(')) {
      const open = this.#token.at;
      const args = this.#args();
      return this.#called({ kind: 'call', at: open, name: text, target: operand, args });
    }
    return { kind: 'select', at, operand, field: text, isTest: false };
  }

  #fieldName(): { readonly text: string; readonly quoted: boolean } {
    const token = this.#token;
    if (token.kind !== 'name' || token.text === 'in') throw this.#unexpected("no viable alternative at input '.", "'");
    this.#next++;
    return token.quoted ? { text: token.text.slice(1, -1), quoted: true } : { text: token.text, quoted: false };
  }

  #args(): readonly Expression[] {
    this.#need('(');
    const args: Expression[] = [];
    if (this.#take(')')) return args;
    do args.push(this.#expression());
    while (this.#take(','));
    this.#need(')');
    return args;
  }

  #called(call: Call): Expression {
    const expand = macroOf(call);
    return expand ? expand(call) : call;
  }

  #primary(isNegative: boolean): Expression {
    const token = this.#token;
    if (token.kind === 'constant') return this.#constant(token, isNegative);
    if (token.kind === 'symbol') {
      if (this.#take('(')) {
        const inside = this.#expression();
        this.#need(')');
        return inside;
      }
      if (this.#take('[')) return this.#list(token.at);
      if (this.#take('{')) return this.#map(token.at);
      if (this.#take('.')) return this.#name('.');
    }
    return this.#name('');
  }

  #constant(token: Token, isNegative: boolean): Expression {
    this.#next++;
    let value = token.value as Exclude<Token['value'], undefined>;
    if (isNegative) value = -(value as number);
    else if (value === int64Max) throw new SyntaxIssue(token.at, 'invalid int literal');
    return { kind: 'constant', at: token.at, value };
  }

  #name(prefix: '' | '.'): Expression {
    const token = this.#token;
    if (token.kind !== 'name' || token.quoted || token.text === 'in') {
      throw this.#unexpected(
        "mismatched input '",
        "' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}",
      );
    }
    if (reserved.has(token.text)) throw new SyntaxIssue(token.at, `reserved identifier: ${token.text}`);
    this.#next++;
    const name = `${prefix}${token.text}`;
    if (!this.#is('(')) return { kind: 'name', at: token.at, name };
    const at = this.#token.at;
    return this.#called({ kind: 'call', at, name, args: this.#args() });
  }

  #list(at: number): Expression {
    const items: Expression[] = [];
    const optional: boolean[] = [];
    while (!this.#is(']')) {
      optional.push(this.#take('?'));
      items.push(this.#expression());
      if (!this.#take(',')) break;
    }
    this.#need(']');
    return { kind: 'list', at, items, optional };
  }

  #map(at: number): Expression {
    const entries: { key: Expression; value: Expression; optional: boolean; at: number }[] = [];
    while (!this.#is('}')) {
      const optional = this.#take('?');
      const key = this.#expression();
      const colon = this.#need(':');
      entries.push({ key, value: this.#expression(), optional, at: colon.at });
      if (!this.#take(',')) break;
    }
    this.#need('}');
    return { kind: 'map', at, entries };
  }

  #struct(name: string, at: number): StructLiteral {
    this.#need('{');
    const fields: { name: string; value: Expression; optional: boolean; at: number }[] = [];
    while (!this.#is('}')) {
      const optional = this.#take('?');
      const { text } = this.#fieldName();
      const colon = this.#need(':');
      fields.push({ name: text, value: this.#expression(), optional, at: colon.at });
      if (!this.#take(',')) break;
    }
    this.#need('}');
    return { kind: 'struct', at, name, fields };
  }
}

/** `a.b.C` of an expression that is only names. */
export function typeNameOf(expression: Expression): string | undefined {
  if (expression.kind === 'name') return expression.name;
  if (expression.kind !== 'select' || expression.isTest) return undefined;
  const before = typeNameOf(expression.operand);
  return before === undefined ? undefined : `${before}.${expression.field}`;
}
