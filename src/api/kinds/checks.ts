import { equalJson, type Json } from '../../base/json.ts';
import { type FieldError, invalid, notSupported, required } from '../field-error.ts';
import type { WriteContext } from '../kind.ts';
import { validateSelector } from '../metadata-rules.ts';
import { dnsSubdomain, type Grammar } from '../names.ts';
import { type Part, partOf } from './defaulting.ts';

/** A value where it stands, and the list that its errors go to. Rules read as sentences: `spec.at('name').needed()`. */
export class Checked {
  readonly value: unknown;
  readonly path: string;
  readonly errors: FieldError[];

  constructor(value: unknown, path = '', errors: FieldError[] = []) {
    this.value = value;
    this.path = path;
    this.errors = errors;
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
    return new Checked(this.part[key], this.path ? `${this.path}.${key}` : key, this.errors);
  }
  key(key: string): Checked {
    return new Checked(this.part[key], `${this.path}[${key}]`, this.errors);
  }
  items(): readonly Checked[] {
    const list = (this.value ?? []) as readonly unknown[];
    return list.map((item, index) => new Checked(item, `${this.path}[${index}]`, this.errors));
  }
  entries(): readonly Checked[] {
    return Object.keys(this.part).map((key) => this.key(key));
  }

  add(...errors: readonly FieldError[]): void {
    this.errors.push(...errors);
  }
  invalid(sentence: string): void {
    this.add(invalid(this.path, this.value ?? '', sentence));
  }
  /** Whether there is something. */
  needed(detail = ''): boolean {
    if (this.isEmpty) this.add(required(this.path, detail));
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
  between(min: number, max: number, sentence: string): void {
    if (!this.isAbsent && (this.number < min || this.number > max)) this.invalid(sentence);
  }
  same(previous: unknown, sentence = 'field is immutable'): void {
    if (!equalJson((this.value ?? null) as Json, (previous ?? null) as Json)) this.invalid(sentence);
  }
  /** A label selector, where there is one. */
  selector(): void {
    if (!this.isAbsent) this.add(...validateSelector(this.part, this.path));
  }
}

/** All errors that the rules find in an object. */
export function checked(object: object, rules: (object: Checked) => void): readonly FieldError[] {
  const root = new Checked(object);
  rules(root);
  return root.errors;
}

/** The rules of a kind as its file names them. What a status holds is not judged with them. */
export const rulesOf =
  (rules: (object: Checked, previous: Checked | undefined) => void) =>
  (next: object, previous: object | undefined, { subresource }: WriteContext): readonly FieldError[] =>
    subresource === 'status' ? [] : checked(next, (root) => rules(root, previous && new Checked(previous)));
