import { compareText } from '../base/text.ts';
import type { Labels } from './object.ts';
import { type FieldRequirement, parseFields, parseRequirements } from './selector-parser.ts';

export type { FieldRequirement } from './selector-parser.ts';

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

/** Whether what stands under the key of a requirement is what it asks for; `actual` is absent where nothing does. */
export function satisfies(
  { operator, values = [] }: Omit<LabelSelectorRequirement, 'key'>,
  actual: string | undefined,
): boolean {
  switch (operator) {
    case 'In':
      return actual !== undefined && values.includes(actual);
    case 'NotIn':
      return actual === undefined || !values.includes(actual);
    case 'Exists':
      return actual !== undefined;
    case 'DoesNotExist':
      return actual === undefined;
    case 'Gt':
    case 'Lt':
      return compares(operator === 'Gt', actual, values[0]);
    default:
      return false;
  }
}

function compares(greater: boolean, actual: string | undefined, bound: string | undefined): boolean {
  if (!isInteger(actual) || !isInteger(bound)) return false;
  return greater ? Number(actual) > Number(bound) : Number(actual) < Number(bound);
}

export const isInteger = (text: string | undefined): boolean => text !== undefined && /^[-+]?\d+$/.test(text);

export const parseLabelRequirements = (text: string): readonly LabelSelectorRequirement[] => parseRequirements(text);

/** The text form of a query: `app=web,tier in (a,b),!legacy`. */
export function parseLabelSelector(text: string): Matches {
  const requirements = parseRequirements(text);
  return (labels) => requirements.every((requirement) => satisfies(requirement, labels?.[requirement.key]));
}

/** `metadata.name=web,status.phase!=Running`. */
export const parseFieldSelector = (text: string): readonly FieldRequirement[] => parseFields(text);

/** A selector as upstream prints it in events and tables. */
export function printedSelector(selector: LabelSelector | undefined): string {
  if (selector === undefined) return 'nil';
  const labels = Object.entries(selector.matchLabels ?? {}).sort(([a], [b]) => compareText(a, b));
  const expressions = (selector.matchExpressions ?? []).map(
    ({ key, operator, values = [] }) =>
      `LabelSelectorRequirement{Key:${key},Operator:${operator},Values:[${values.join(' ')}],},`,
  );
  const texts = labels.map(([key, value]) => `${key}: ${value},`);
  const [matchLabels, matchExpressions] = [texts.join(''), expressions.join('')];
  return (
    `&LabelSelector{MatchLabels:map[string]string{${matchLabels}},` +
    `MatchExpressions:[]LabelSelectorRequirement{${matchExpressions}},}`
  );
}
