import type { Kind } from '../kind.ts';
import { pathSegment } from '../names.ts';
import type { KubeObject } from '../object.ts';
import { ageCell, columnsOf } from './columns.ts';
import { type Part, partOf } from './defaulting.ts';
import { defineKind } from './define.ts';
import { podDisruptionBudgetRules } from './pod-disruption-budget-rules.ts';

export interface PodDisruptionBudget extends KubeObject<Part, Part> {}

export const podDisruptionBudgets: Kind<PodDisruptionBudget> = defineKind<PodDisruptionBudget>(
  'policy/v1',
  'PodDisruptionBudget',
  {
    validate: podDisruptionBudgetRules,
    needsRevision: true,
    // Upstream never looks at the names of budgets beyond what a path needs.
    validateName: pathSegment,
    columns: columnsOf('Name', 'Min Available', 'Max Unavailable', 'Allowed Disruptions:integer', 'Age'),
    cells: (budget, now) => {
      const { minAvailable, maxUnavailable } = partOf(budget.spec);
      return [
        budget.metadata.name,
        minAvailable === undefined ? 'N/A' : String(minAvailable),
        maxUnavailable === undefined ? 'N/A' : String(maxUnavailable),
        Number(partOf(budget.status).disruptionsAllowed ?? 0),
        ageCell(budget, now),
      ];
    },
  },
);
