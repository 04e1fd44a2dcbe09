import type { Condition, IntOrString } from '../api/kinds/pod.ts';
import type { PodDisruptionBudget } from '../api/kinds/pod-disruption-budget.ts';
import type { LabelSelector } from '../api/selector.ts';

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
