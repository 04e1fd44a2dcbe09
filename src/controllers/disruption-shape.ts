import type { Condition, IntOrString } from '../api/kinds/pod.ts';
import type { PodDisruptionBudget } from '../api/kinds/pod-disruption-budget.ts';
import type { LabelSelector } from '../api/selector.ts';
import { compareText } from '../base/text.ts';

export interface BudgetSpec {
  readonly minAvailable?: IntOrString;
  readonly maxUnavailable?: IntOrString;
  readonly selector?: LabelSelector;
}
export interface BudgetStatus {
  readonly observedGeneration?: number;
  readonly disruptedPods?: Readonly<Record<string, string>>;
  readonly disruptionsAllowed?: number;
  readonly currentHealthy?: number;
  readonly desiredHealthy?: number;
  readonly expectedPods?: number;
  readonly conditions?: readonly Condition[];
}

export const budgetSpecOf = (budget: PodDisruptionBudget): BudgetSpec => (budget.spec ?? {}) as unknown as BudgetSpec;
export const budgetStatusOf = (budget: PodDisruptionBudget): BudgetStatus =>
  (budget.status ?? {}) as unknown as BudgetStatus;

/** A selector as upstream's events print it. */
export function selectorText(selector: LabelSelector | undefined): string {
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
