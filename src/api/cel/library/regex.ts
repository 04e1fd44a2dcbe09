import { RE2JS } from 're2js';
import { CelError } from '../cel-error.ts';
import type { Functions } from '../environment.ts';
import * as types from '../type.ts';
import type { Result } from '../value.ts';
import { method, patternCost } from './declare.ts';

const { string, bool, int } = types;

/** Patterns that were seen lately: most are constants of a rule. */
const known = new Map<string, RE2JS | CelError>();
const knownMax = 500;

/** A pattern that takes linear time whatever it is given; an error where it is none. */
export function patternOf(text: string): RE2JS | CelError {
  let pattern = known.get(text);
  if (!pattern) {
    if (known.size >= knownMax) known.clear();
    pattern = compiled(text);
    known.set(text, pattern);
  }
  return pattern;
}

function compiled(text: string): RE2JS | CelError {
  try {
    return RE2JS.compile(text);
  } catch (error) {
    return new CelError(`error parsing regexp: ${(error as Error).message.replace(/^error parsing regexp: /, '')}`);
  }
}

function using(text: string, run: (pattern: RE2JS) => Result): Result {
  const pattern = patternOf(text);
  return pattern instanceof CelError ? pattern : run(pattern);
}

const matches = (text: string, pattern: string): Result => using(pattern, (re) => re.matcher(text).find());

const find = (text: string, pattern: string): Result =>
  using(pattern, (re) => {
    const matcher = re.matcher(text);
    return matcher.find() ? (matcher.group() ?? '') : '';
  });

const findAll = (text: string, pattern: string, limit = -1n): Result =>
  using(pattern, (re) => {
    const found: string[] = [];
    const matcher = re.matcher(text);
    while ((limit < 0n || found.length < limit) && matcher.find()) found.push(matcher.group() ?? '');
    return found;
  });

export const regex: Functions = {
  matches: [
    method('matches_string', [string, string], bool, [matches, patternCost]),
    { ...method('matches', [string, string], bool, [matches, patternCost]), isMember: false },
  ],
  find: [method('string_find_string', [string, string], string, [find, patternCost])],
  findAll: [
    method('string_find_all_string', [string, string], types.listOf(string), [findAll, patternCost]),
    method('string_find_all_string_int', [string, string, int], types.listOf(string), [findAll, patternCost]),
  ],
};
