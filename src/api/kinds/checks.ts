import { canonicalJson, equalJson, type Json } from '../../base/json.ts';
import { finish, type Steps } from '../../base/steps.ts';
import { byteLength } from '../../base/text.ts';
import {
  duplicate,
  type FieldError,
  forbidden,
  invalid,
  notFound,
  notSupported,
  required,
  tooLong,
  tooMany,
} from '../field-error.ts';
import type { KindRules, WriteContext } from '../kind.ts';
import { validateSelector } from '../metadata-rules.ts';
import { dnsSubdomain, type Grammar } from '../names.ts';
import { goView } from '../schema/go-view.ts';
import { type Part, partOf } from './defaulting.ts';

/** A value where it stands, and the list that its errors go to. Rules read as sentences: `spec.at('name').needed()`. */
export class Checked {
  readonly value: unknown;
  readonly errors: FieldError[];
  /** Where it stands: at a path, or one step further than what it was taken from. */
  readonly #start: Checked | string;
  /** The name of a field, the number of an item, or `[key]`. */
  readonly #step: string | number;

  constructor(value: unknown, start: Checked | string = '', errors: FieldError[] = [], step: string | number = '') {
    this.value = value;
    this.errors = errors;
    this.#start = start;
    this.#step = step;
  }

  /** Put together only where something is wrong: of a pod hundreds of values are looked at. */
  get path(): string {
    if (!(this.#start instanceof Checked)) return this.#start;
    const before = this.#start.path;
    if (typeof this.#step === 'number') return `${before}[${this.#step}]`;
    if (this.#step.startsWith('[')) return before + this.#step;
    return before ? `${before}.${this.#step}` : this.#step;
  }

  /** Its key, where it is an entry of a map. */
  get lastKey(): string {
    const step = this.#step;
    return typeof step === 'string' && step.startsWith('[') ? step.slice(1, -1) : '';
  }

  get isAbsent(): boolean {
    return this.value === undefined || this.value === null;
  }
  get isEmpty(): boolean {
    const list = Array.isArray(this.value) && this.value.length === 0;
    return this.isAbsent || this.value === '' || list;
  }
  get text(): string {
    return this.isAbsent ? '' : String(this.value);
  }
  get number(): number {
    return this.isAbsent ? 0 : Number(this.value);
  }
  get part(): Part {
    return partOf(this.value);
  }

  at(key: string): Checked {
    return new Checked(this.part[key], this, this.errors, key);
  }
  key(key: string): Checked {
    return new Checked(this.part[key], this, this.errors, `[${key}]`);
  }
  items(): readonly Checked[] {
    if (this.isAbsent) return none;
    const list = this.value as readonly unknown[];
    return list.map((item, index) => new Checked(item, this, this.errors, index));
  }
  entries(): readonly Checked[] {
    return this.isAbsent ? none : Object.keys(this.part).map((key) => this.key(key));
  }

  /** The same value, told of under another path. */
  toldAt(path: string): Checked {
    return new Checked(this.value, path, this.errors);
  }

  add(...errors: readonly FieldError[]): void {
    this.errors.push(...errors);
  }
  invalid(sentence: string): void {
    this.add(invalid(this.path, this.value ?? '', sentence));
  }
  forbidden(sentence: string): void {
    this.add(forbidden(this.path, sentence));
  }
  /** Wrong although the value is shown as another one, as for keys. */
  invalidAs(value: unknown, sentence: string): void {
    this.add(invalid(this.path, value, sentence));
  }
  duplicate(value: unknown = this.value, sentence = ''): void {
    const error = duplicate(this.path, value);
    this.add(sentence ? { ...error, text: `${error.text}: ${sentence}` } : error);
  }
  notFound(value: unknown = this.value): void {
    this.add(notFound(this.path, value));
  }
  missing(detail = ''): void {
    this.add(required(this.path, detail));
  }
  /** Whether there is something. */
  needed(detail = ''): boolean {
    if (this.isEmpty) this.missing(detail);
    return !this.isEmpty;
  }
  /** Whether it is one of these. */
  oneOf(...values: readonly string[]): boolean {
    const found = values.includes(this.text);
    if (!found) this.add(notSupported(this.path, this.text, values));
    return found;
  }
  optionalOneOf(...values: readonly string[]): void {
    if (!this.isAbsent) this.oneOf(...values);
  }
  neededOneOf(...values: readonly string[]): boolean {
    return this.needed() && this.oneOf(...values);
  }
  like(grammar: Grammar): void {
    for (const sentence of grammar(this.text)) this.invalid(sentence);
  }
  optionalLike(grammar: Grammar): void {
    if (!this.isEmpty) this.like(grammar);
  }
  name(): void {
    if (this.needed()) this.like(dnsSubdomain);
  }
  atLeast(min: number, sentence: string): void {
    if (!this.isAbsent && this.number < min) this.invalid(sentence);
  }
  notNegative(): void {
    this.atLeast(0, 'must be greater than or equal to 0');
  }
  /** A number or a percentage, not negative. */
  portion(): void {
    if (typeof this.value === 'number') this.notNegative();
    else if (!this.isAbsent && !percentage.test(this.text)) this.invalid(percentageSentence);
  }
  atMostHundred(): void {
    if (typeof this.value === 'string' && percentage.test(this.value) && portionOf(this.value) > 100) {
      this.invalid('must not be greater than 100%');
    }
  }
  /** At most so many bytes of text. */
  bytesAtMost(max: number): void {
    if (byteLength(this.text) > max) this.add(tooLong(this.path, max));
  }
  /** At most so many items. */
  itemsAtMost(max: number): boolean {
    const count = this.items().length;
    if (count > max) this.add(tooMany(this.path, count, max));
    return count <= max;
  }
  /** No two items alike; `named` says what of an item is compared, and where a repetition is told. */
  unique(named: (item: Checked) => Checked = (item) => item): void {
    const seen = new Set<string>();
    for (const item of this.items()) {
      const name = named(item);
      const text = canonicalJson((name.value ?? null) as Json);
      if (seen.has(text)) name.add(duplicate(name.path, name.value));
      seen.add(text);
    }
  }
  between(min: number, max: number, sentence: string): void {
    if (!this.isAbsent && (this.number < min || this.number > max)) this.invalid(sentence);
  }
  same(previous: unknown, sentence = 'field is immutable'): void {
    if (!this.#is(previous)) this.invalidAs(this.value ?? null, sentence);
  }
  /** The same for a structure, which messages show whole. `type`: its name, as in core.v1.Toleration. */
  sameStructure(previous: unknown, type: string): void {
    if (!this.#is(previous)) this.invalidAs(goView(type, this.value), 'field is immutable');
  }
  #is(previous: unknown): boolean {
    return equalJson((this.value ?? null) as Json, (previous ?? null) as Json);
  }
  /** A label selector, where there is one. */
  selector(): void {
    if (!this.isAbsent) this.add(...validateSelector(this.part, this.path));
  }
}

/** Most lists and maps are not there. */
const none: readonly Checked[] = [];
const percentage = /^[0-9]+%$/;
const percentageSentence =
  "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";

/** The number of a number or percentage. A text that is neither counts as nothing. */
export function portionOf(value: unknown): number {
  const number = Number(typeof value === 'string' ? value.replace(/%$/, '') : (value ?? 0));
  return Number.isInteger(number) ? number : 0;
}

/** All errors that the rules find in an object. */
export function checked(object: object, rules: (object: Checked) => void): readonly FieldError[] {
  const root = new Checked(object);
  rules(root);
  return root.errors;
}

type Rules = (object: Checked, previous: Checked | undefined) => void;

/** The rules of a kind as its file names them, and those of its status: each write is judged by its own. */
export const rulesOf =
  (rules: Rules, statusRules: Rules = () => undefined) =>
  (next: object, previous: object | undefined, { subresource }: WriteContext): readonly FieldError[] =>
    checked(next, (root) => (subresource === 'status' ? statusRules : rules)(root, previous && new Checked(previous)));

/** The same for a kind whose objects may hold very much, and whose status nobody writes. */
export function rulesInSteps(
  rules: (object: Checked, previous: Checked | undefined) => Steps<void>,
): Required<Pick<KindRules, 'validate' | 'validateInSteps'>> {
  function* inSteps(next: object, previous: object | undefined): Steps<readonly FieldError[]> {
    const root = new Checked(next);
    yield* rules(root, previous && new Checked(previous));
    return root.errors;
  }
  return { validate: (next, previous) => finish(inSteps(next, previous)), validateInSteps: inSteps };
}
