import { isObject, type Json, type JsonObject } from './json.ts';
import { countUpTo, isLarge, membersIn, namesIn, type Steps, Stride, stepMembersMax } from './steps.ts';

/** The text of something long, or nothing any more. It does not hold what it is the text of. */
interface LongText {
  text: string;
}

/** Parts that several values have in common, with their text once somebody asked for it; and what is long, with its own. */
const texts = new WeakMap<object, string | LongText>();
/** Parts that are common too, and not worth it. */
const small = new WeakSet<object>();
/** Values that are not common as a whole, and have such parts inside. */
const partly = new WeakSet<object>();
/** The text of less than this is made anew as soon as it is found. */
const worthMin = 12;
/** Long values are not looked through for what they have in common with others: that would cost more than it saves. */
const membersMax = 2_000;

/**
 * `next` with the parts of `known` where both say the same: what is equal is held once. Neither is changed.
 * `isCommon`: they are two objects, and not one at two times, so that the text of what they share is worth keeping.
 */
export function sharing(known: Json, next: Json, isCommon: boolean): Json {
  return new Sharing(isCommon).of(known, next);
}

class Sharing {
  readonly #isCommon: boolean;
  #left = membersMax;

  constructor(isCommon: boolean) {
    this.#isCommon = isCommon;
  }

  /** The very same as `known` where both are equal. */
  of(known: Json, next: Json): Json {
    if (known === next || !isContainer(known) || !isContainer(next)) return next;
    if (Array.isArray(next)) return Array.isArray(known) ? this.#list(known, next) : next;
    return Array.isArray(known) ? next : this.#object(known as JsonObject, next as JsonObject);
  }

  #list(known: readonly Json[], next: readonly Json[]): Json {
    let out: Json[] | undefined;
    let isEqual = known.length === next.length;
    for (let index = 0; index < next.length; index++) {
      if (this.#left-- <= 0) return out ?? next;
      const before = known[index];
      const item = next[index] as Json;
      if (before === item) continue;
      const shared = before === undefined ? item : this.of(before, item);
      if (shared !== before) isEqual = false;
      if (shared === item) continue;
      out ??= [...next];
      out[index] = shared;
    }
    if (isEqual) return known;
    const value = out ?? next;
    if (this.#isCommon) for (let index = 0; index < value.length; index++) marked(value, value[index], known[index]);
    return value;
  }

  #object(known: JsonObject, next: JsonObject): Json {
    let out: Record<string, Json> | undefined;
    let isEqual = true;
    let members = 0;
    for (const key in next) {
      if (this.#left-- <= 0) return out ?? next;
      members++;
      // Every object has something by this name.
      const before = key === '__proto__' ? undefined : known[key];
      const member = next[key] as Json;
      if (before === member) continue;
      const shared = before === undefined ? member : this.of(before, member);
      if (shared !== before) isEqual = false;
      if (shared === member) continue;
      out ??= { ...next };
      out[key] = shared;
    }
    if (isEqual && members === memberCount(known)) return known;
    const value = out ?? next;
    if (this.#isCommon) for (const key in value) if (key !== '__proto__') marked(value, value[key], known[key]);
    return value;
  }
}

/** Says of a value that one of its members stands in another value too, or has something inside that does. */
function marked(value: object, member: Json | undefined, before: Json | undefined): void {
  if (!isContainer(member)) return;
  if ((member === before && isWorth(member)) || partly.has(member)) partly.add(value);
}

/** Counted once for what is common to many. */
function isWorth(member: object): boolean {
  if (isKept(member)) return true;
  if (small.has(member)) return false;
  const isLarge = countUpTo(member, worthMin) >= worthMin;
  if (isLarge) texts.set(member, '');
  else small.add(member);
  return isLarge;
}

function memberCount(value: JsonObject): number {
  let count = 0;
  for (const _ in value) count++;
  return count;
}

const isContainer = (value: Json | undefined): value is Exclude<Json, string | number | boolean | null> =>
  typeof value === 'object' && value !== null;

/** Whether the text of a member was made because it is long: what it has in common with others is not looked for. */
export function hasLongText(value: Json): boolean {
  if (!isContainer(value)) return false;
  for (const member of Object.values(value))
    if (isContainer(member) && isKept(member) && !isCommon(member)) return true;
  return false;
}

/** Whether several values have this in common: what is made of it is worth keeping. */
export const isCommon = (value: object): boolean => typeof texts.get(value) === 'string';

/** The text of a value, where it is kept. */
export const knownText = (value: object): string | undefined => keptText(value) || undefined;

/** Empty where it is worth keeping and nobody has asked for it yet. */
function keptText(value: object): string | undefined {
  const kept = texts.get(value);
  return typeof kept === 'object' ? kept.text || undefined : kept;
}

const isKept = (value: object): boolean => keptText(value) !== undefined;

/** Names, identifiers and times are short and plain: to see that takes a third of what JSON.stringify takes. */
const plainMax = 128;
const plain = /^[ !#-[\]-~]*$/;
const quoted = (text: string): string =>
  text.length <= plainMax && plain.test(text) ? `"${text}"` : JSON.stringify(text);

/** The text of a value, as JSON.stringify makes it. What many values have in common is written once. */
export function jsonText(value: Json): string {
  if (typeof value === 'string') return quoted(value);
  if (!isContainer(value)) return JSON.stringify(value);
  const known = keptText(value);
  if (known) return known;
  if (known !== undefined) {
    const text = JSON.stringify(value);
    texts.set(value, text);
    return text;
  }
  if (!partly.has(value)) return JSON.stringify(value);
  return Array.isArray(value) ? `[${value.map(jsonText).join(',')}]` : membersText(value as JsonObject);
}

/**
 * The texts made in steps, the last ones: each is written, answered and told to watchers. The values are not held by
 * this: one takes several times as much as its text, and nobody asks for the text without it.
 */
const long: LongText[] = [];
const longLettersMax = 16 * 1024 * 1024;
let longLetters = 0;

/** Makes the text of what is long in a value, a little at a time, and keeps it for whoever asks for it soon. */
export function* longTextsInSteps(value: JsonObject): Steps<void> {
  for (const key of namesIn(value)) {
    const member = value[key];
    if (!isContainer(member) || !isLarge(member) || knownText(member)) continue;
    // Whatever stands around it is often put together anew.
    if (key === 'metadata') yield* longTextsInSteps(member as JsonObject);
    else yield* keepText(member);
  }
}

function* keepText(value: object): Steps<void> {
  const pieces = new Pieces();
  yield* piecesOf(value as Json, pieces, new Stride());
  const made: LongText = { text: pieces.whole() };
  texts.set(value, made);
  long.push(made);
  longLetters += made.text.length;
  while (longLetters > longLettersMax && long.length > 1) {
    const oldest = long.shift() as LongText;
    longLetters -= oldest.text.length;
    oldest.text = '';
  }
}

/** A text that is put together of very many: joined a few at a time, so that the last time it is a few, too. */
class Pieces {
  #few: string[] = [];
  readonly #joined: string[] = [];

  push(text: string): void {
    if (this.#few.push(text) < stepMembersMax) return;
    this.#joined.push(this.#few.join(''));
    this.#few = [];
  }

  whole(): string {
    return this.#joined.join('') + this.#few.join('');
  }
}

function* piecesOf(value: Json, pieces: Pieces, stride: Stride): Steps<void> {
  const members = membersIn(value);
  if (stride.isLong(members)) yield stride.taken();
  if (members < stepMembersMax || !isContainer(value)) return pieces.push(jsonText(value));
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      pieces.push(index === 0 ? '[' : ',');
      yield* piecesOf(item as Json, pieces, stride);
    }
    pieces.push(value.length === 0 ? '[]' : ']');
    return;
  }
  let before = '{';
  for (const key of namesIn(value)) {
    const member = (value as JsonObject)[key];
    if (member === undefined) continue;
    pieces.push(`${before}${JSON.stringify(key)}:`);
    yield* piecesOf(member as Json, pieces, stride);
    before = ',';
  }
  pieces.push(before === '{' ? '{}' : '}');
}

/** The same few names stand in every object. */
const names = new Map<string, string>();
const namesMax = 2_000;

/** The name of a member as JSON writes it, colon and all. */
export function memberName(name: string): string {
  const known = names.get(name);
  if (known) return known;
  const text = `${JSON.stringify(name)}:`;
  if (names.size < namesMax) names.set(name, text);
  return text;
}

/** The same for an object that has just been put together of members that were there before. */
export const membersText = (object: JsonObject): string =>
  hasCommon(object) ? joinedText(object, jsonText) : JSON.stringify(object);

/** The same where its members may have been put together anew, too: what they are made of may have its text. */
export const nestedText = (value: Json): string =>
  isObject(value)
    ? joinedText(value, (member) => (isNew(member) ? membersText(member) : jsonText(member)))
    : jsonText(value);

function joinedText(object: JsonObject, textOf: (member: Json) => string): string {
  let text = '';
  for (const key in object) {
    const member = object[key];
    if (member !== undefined) text += `${text === '' ? '{' : ','}${memberName(key)}${textOf(member)}`;
  }
  return text === '' ? '{}' : `${text}}`;
}

const isNew = (value: Json): value is JsonObject => isObject(value) && !isKept(value);

/** Whether a member of this object is common to many, or has something inside that is. */
export function hasCommon(object: JsonObject): boolean {
  for (const key in object) {
    const member = object[key];
    if (isContainer(member) && (isKept(member) || partly.has(member))) return true;
  }
  return false;
}
