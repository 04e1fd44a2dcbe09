import type { Json } from '../../base/json.ts';
import { MemberNames, type Steps, stepMembersMax } from '../../base/steps.ts';
import { NamesSeen } from '../names-seen.ts';
import {
  closeBrace,
  closeBracket,
  comma,
  type DecodedJson,
  decodeJson,
  depthMax,
  findDuplicates,
  isSpace,
  JsonSyntaxError,
  mayRepeat,
  openBrace,
  openBracket,
  parsed,
  quote,
  stringEnd,
  syntaxError,
} from './decode-json.ts';

/** So much text is given to the platform's parser at a time. */
const pieceLettersMax = 16 * 1024;
/** A text that is not longer is read as a whole. */
const wholeLettersMax = 4 * pieceLettersMax;
/** `"":0,` */
const lettersPerName = 5;

/** What `decodeJson` reads, for a text that may be long. */
export function* decodeJsonInSteps(text: string, options: { readonly duplicates?: boolean } = {}): Steps<DecodedJson> {
  if (text.length <= wholeLettersMax) return decodeJson(text, options);
  const first = text[blanksIn(text)];
  if (first !== '{' && first !== '[') return { value: yield* scalarIn(text), duplicates: [] };
  const reader = new PieceReader(text);
  try {
    const value = yield* reader.value();
    const duplicates = options.duplicates && reader.mayRepeat ? yield* findDuplicates(text) : [];
    return { value, duplicates };
  } catch (error) {
    if (error instanceof NotJson) throw new JsonSyntaxError(yield* syntaxError(text));
    throw error;
  }
}

/** Why is told by a second look at the whole text. */
class NotJson extends Error {}

/** What is neither a list nor an object is one piece, however long. */
function* scalarIn(text: string): Steps<Json> {
  try {
    return parsed(text);
  } catch {
    throw new JsonSyntaxError(yield* syntaxError(text));
  }
}

function blanksIn(text: string): number {
  let at = 0;
  while (isSpace(text.charCodeAt(at))) at++;
  return at;
}

/** A list or an object that is open at some place of the text. */
interface Open {
  readonly isList: boolean;
  /** Where its bracket stands. */
  readonly start: number;
  /** Where the text begins that is not read yet. */
  from: number;
  /** Where the member begins that is looked at. */
  member: number;
  /** What was read of it so far; undefined while it is short. */
  value: Json[] | Record<string, Json> | undefined;
  /** Of what was read so far, where it is an object. */
  readonly names: MemberNames;
  /** The member that is looked at was long, and is read. */
  isRead: boolean;
}

/** Finds places where a text can be cut, and reads what lies between them. */
class PieceReader {
  /** Whether a member may stand twice. */
  mayRepeat = false;
  readonly #text: string;
  readonly #seen: NamesSeen | undefined;
  readonly #open: Open[] = [];
  #root: Json | undefined;

  constructor(text: string) {
    this.#text = text;
    this.#seen = NamesSeen.in(text.length, lettersPerName);
  }

  *value(): Steps<Json> {
    const text = this.#text;
    let rested = 0;
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code === quote) at = stringEnd(text, at);
      else if (code === openBrace || code === openBracket) this.#begin(code === openBracket, at);
      else if (code === comma) this.#next(at);
      else if (code === closeBrace || code === closeBracket) this.#end(code === closeBracket, at);
      else if (this.#root !== undefined && !isSpace(code)) throw new NotJson();
      if (at - rested < pieceLettersMax) continue;
      rested = at;
      yield stepMembersMax;
    }
    if (this.#root === undefined) throw new NotJson();
    return this.#root;
  }

  #begin(isList: boolean, start: number): void {
    if (this.#root !== undefined) throw new NotJson();
    const parent = this.#open.at(-1);
    if (!parent && !isBlank(this.#text, 0, start)) throw new NotJson();
    // A second value in the place of one.
    if (parent?.isRead) throw new NotJson();
    this.#open.push({
      isList,
      start,
      from: start + 1,
      member: start + 1,
      value: undefined,
      names: new MemberNames(),
      isRead: false,
    });
    if (this.#open.length > depthMax) throw new JsonSyntaxError('exceeded max depth');
  }

  #next(at: number): void {
    const top = this.#open.at(-1);
    if (!top) throw new NotJson();
    if (top.isRead) this.#passed(top, at);
    else if (at - top.from >= pieceLettersMax) this.#take(top, at);
    else {
      top.member = at + 1;
      return;
    }
    top.from = at + 1;
    top.member = at + 1;
  }

  #end(isList: boolean, at: number): void {
    const top = this.#open.pop();
    if (!top || top.isList !== isList) throw new NotJson();
    const parent = this.#open.at(-1);
    const isLong = top.value !== undefined || at - top.from >= pieceLettersMax;
    if (parent && !isLong) return;
    const isEmpty = top.value === undefined && isBlank(this.#text, top.from, at);
    if (top.isRead) this.#passed(top, at);
    else if (isEmpty) top.value = top.isList ? [] : {};
    else this.#take(top, at);
    const value = top.value as Json;
    top.names.keep(value as object);
    if (parent) this.#put(parent, top.start, value, at);
    else this.#root = value;
  }

  /** Behind a member that is read nothing may stand before what ends it. */
  #passed(top: Open, at: number): void {
    if (!isBlank(this.#text, top.from, at)) throw new NotJson();
    top.isRead = false;
  }

  /** Reads the members up to here. */
  #take(top: Open, end: number): void {
    const piece = this.#text.slice(top.from, end);
    if (isBlank(piece, 0, piece.length)) throw new NotJson();
    const text = top.isList ? `[${piece}]` : `{${piece}}`;
    let value: Json;
    try {
      value = parsed(text);
    } catch {
      throw new NotJson();
    }
    this.mayRepeat ||= mayRepeat(text, value);
    this.#seen?.addAllIn(value);
    ownTextsIn(value);
    if (top.isList) {
      top.value ??= [];
      for (const item of value as readonly Json[]) (top.value as Json[]).push(item);
      return;
    }
    top.value ??= {};
    const members = value as { readonly [name: string]: Json };
    for (const name of Object.keys(members)) this.#define(top, name, members[name] as Json);
  }

  /** A long value becomes a member of what it is in. */
  #put(parent: Open, start: number, value: Json, end: number): void {
    // What stands before it, without the comma.
    if (parent.member > parent.from) this.#take(parent, parent.member - 1);
    const before = this.#text.slice(parent.member, start);
    parent.value ??= parent.isList ? [] : {};
    if (parent.isList) {
      if (!isBlank(before, 0, before.length)) throw new NotJson();
      (parent.value as Json[]).push(value);
    } else {
      const name = nameIn(before);
      this.#seen?.add(name);
      this.#define(parent, name, value);
    }
    parent.from = end + 1;
    parent.isRead = true;
  }

  #define(open: Open, name: string, value: Json): void {
    const out = open.value as Record<string, Json>;
    const isNew = !Object.hasOwn(out, name);
    if (!isNew) this.mayRepeat = true;
    if (name !== '__proto__') out[name] = value;
    else Object.defineProperty(out, name, { value, enumerable: true, writable: true, configurable: true });
    if (isNew) open.names.added(out, name);
  }
}

/** The platform's parser puts texts that are shorter into its table of names. */
const lettersOfNames = 10;

/**
 * Gives what was just read texts of its own: there are many of them, all others wait while the platform looks through
 * its table, and they would stay in there for as long as the value is known.
 */
function ownTextsIn(value: Json): void {
  if (typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) value[index] = ownText(value[index]);
    return;
  }
  const members = value as { [name: string]: Json };
  for (const name of Object.keys(members)) {
    const member = members[name] as Json;
    if (typeof member !== 'number') members[name] = ownText(member);
  }
}

function ownText(value: Json): Json {
  if (typeof value === 'object') ownTextsIn(value);
  return typeof value === 'string' && value.length < lettersOfNames ? ` ${value}`.slice(1) : value;
}

/** The name in what stands before a member's value: a name and a colon, and nothing else. */
function nameIn(before: string): string {
  try {
    const [name, ...more] = Object.keys(JSON.parse(`{${before}0}`) as object);
    if (name !== undefined && more.length === 0) return name;
  } catch {
    // Said below.
  }
  throw new NotJson();
}

function isBlank(text: string, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (!isSpace(text.charCodeAt(at))) return false;
  return true;
}
