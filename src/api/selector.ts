import { ApiError } from './error.ts';
import type { Labels } from './object.ts';

export interface LabelSelectorRequirement {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[];
}
/** metav1.LabelSelector: what objects carry. */
export interface LabelSelector {
  readonly matchLabels?: Labels;
  readonly matchExpressions?: readonly LabelSelectorRequirement[];
}
export type Matches = (labels: Labels | undefined) => boolean;

/** An empty selector matches everything, an absent one nothing. */
export function matcherOf(selector: LabelSelector | undefined): Matches {
  if (selector === undefined) return () => false;
  const wanted = Object.entries(selector.matchLabels ?? {});
  const expressions = selector.matchExpressions ?? [];
  return (labels) =>
    wanted.every(([key, value]) => labels?.[key] === value) &&
    expressions.every((expression) => satisfies(expression, labels?.[expression.key]));
}

function satisfies({ operator, values = [] }: LabelSelectorRequirement, actual: string | undefined): boolean {
  switch (operator) {
    case 'In':
      return actual !== undefined && values.includes(actual);
    case 'NotIn':
      return actual === undefined || !values.includes(actual);
    case 'Exists':
      return actual !== undefined;
    case 'DoesNotExist':
      return actual === undefined;
    default:
      return false;
  }
}

const name = '[A-Za-z0-9][-A-Za-z0-9_./]*';
const setForm = new RegExp(String.raw`^(${name})\s+(in|notin)\s*\(([^()]*)\)$`);
const equalForm = new RegExp(String.raw`^(${name})\s*(==|=|!=)\s*([-A-Za-z0-9_.]*)$`);
const existsForm = new RegExp(String.raw`^(!?)\s*(${name})$`);

export const parseLabelRequirements = (text: string): readonly LabelSelectorRequirement[] =>
  splitOutsideBrackets(text).map((part) => parseRequirement(part.trim()));

/** The text form of a query: `app=web,tier in (a,b),!legacy`. */
export function parseLabelSelector(text: string): Matches {
  const requirements = parseLabelRequirements(text);
  return (labels) => requirements.every((requirement) => satisfies(requirement, labels?.[requirement.key]));
}

function parseRequirement(text: string): LabelSelectorRequirement {
  const set = setForm.exec(text);
  if (set) {
    const values = (set[3] as string).split(',').map((value) => value.trim());
    return { key: set[1] as string, operator: set[2] === 'in' ? 'In' : 'NotIn', values };
  }
  const equal = equalForm.exec(text);
  if (equal) {
    return { key: equal[1] as string, operator: equal[2] === '!=' ? 'NotIn' : 'In', values: [equal[3] as string] };
  }
  const exists = existsForm.exec(text);
  if (exists) return { key: exists[2] as string, operator: exists[1] ? 'DoesNotExist' : 'Exists' };
  throw new ApiError(
    'BadRequest',
    `unable to parse requirement: found ${JSON.stringify(text)}, expected: a key, '=', '!=', 'in (...)', 'notin (...)' or '!key'`,
  );
}

function splitOutsideBrackets(text: string): readonly string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '(') depth++;
    else if (text[i] === ')') depth--;
    else if (text[i] === ',' && depth === 0) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  parts.push(text.slice(start));
  return parts.length === 1 && parts[0]?.trim() === '' ? [] : parts;
}

export interface FieldRequirement {
  readonly field: string;
  readonly equal: boolean;
  readonly value: string;
}

/** `metadata.name=web,status.phase!=Running`. */
export function parseFieldSelector(text: string): readonly FieldRequirement[] {
  if (text === '') return [];
  return text.split(',').map((part) => {
    const found = /^([^=!]+)(==|=|!=)(.*)$/s.exec(part);
    if (!found)
      throw new ApiError(
        'BadRequest',
        `invalid selector: ${JSON.stringify(text)}; can't understand ${JSON.stringify(part)}`,
      );
    return { field: (found[1] as string).trim(), equal: found[2] !== '!=', value: (found[3] as string).trim() };
  });
}
