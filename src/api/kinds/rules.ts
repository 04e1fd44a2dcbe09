import { type FieldError, invalid, notSupported, required } from '../field-error.ts';
import { validateSelector } from '../metadata-rules.ts';
import type { Grammar } from '../names.ts';
import type { LabelSelector } from '../selector.ts';

/** One error for each sentence that a grammar has about a text. */
export const byGrammar = (grammar: Grammar, text: string, path: string): readonly FieldError[] =>
  grammar(text).map((sentence) => invalid(path, text, sentence));

/** A text that must be there and follow a grammar. */
export const named = (grammar: Grammar, text: unknown, path: string): readonly FieldError[] =>
  text ? byGrammar(grammar, String(text), path) : [required(path)];

/** A word from a closed list; absent is fine. */
export const oneOf = (word: unknown, words: readonly string[], path: string): readonly FieldError[] =>
  word === undefined || words.includes(word as string) ? [] : [notSupported(path, word, words)];

export const notNegative = (value: unknown, path: string): readonly FieldError[] =>
  typeof value === 'number' && value < 0 ? [invalid(path, value, 'must be greater than or equal to 0')] : [];

/** A number or a percentage of at most one hundred, not negative. */
export function portionRules(value: unknown, path: string): readonly FieldError[] {
  if (value === undefined) return [];
  if (typeof value === 'number') return notNegative(value, path);
  if (!/^[0-9]+%$/.test(String(value))) {
    const sentence =
      "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";
    return [invalid(path, value, sentence)];
  }
  return [];
}

export const atMostHundred = (value: unknown, path: string): readonly FieldError[] =>
  typeof value === 'string' && /^[0-9]+%$/.test(value) && Number(value.slice(0, -1)) > 100
    ? [invalid(path, value, 'must not be greater than 100%')]
    : [];

/** A selector that a workload finds its pods by. */
export function workloadSelector(
  selector: LabelSelector | undefined,
  path: string,
  what: string,
): readonly FieldError[] {
  if (!selector) return [required(path)];
  const errors = [...validateSelector(selector, path)];
  const size = Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions ?? []).length;
  if (size === 0) errors.push(invalid(path, selector, `empty selector is invalid for ${what}`));
  return errors;
}

export const immutable = 'field is immutable';
