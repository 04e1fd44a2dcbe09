import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { ageCell, columnsOf } from './columns.ts';
import { filled, type Part, textOf } from './defaulting.ts';
import { defineKind } from './define.ts';
import { priorityClassRules } from './priority-class-rules.ts';

export interface PriorityClass extends KubeObject<Part, Part> {}

export const priorityClasses: Kind<PriorityClass> = defineKind<PriorityClass>('scheduling.k8s.io/v1', 'PriorityClass', {
  validate: priorityClassRules,
  // It begins with one and never grows.
  hasGeneration: true,
  changesGeneration: () => false,
  defaults: (found) => filled(found, { preemptionPolicy: 'PreemptLowerPriority' }),
  columns: columnsOf('Name', 'Value:integer', 'Global-Default:boolean', 'Age', 'PreemptionPolicy'),
  cells: (found, now) => {
    const { value = 0, globalDefault, preemptionPolicy } = found as unknown as Part;
    return [found.metadata.name, Number(value), globalDefault === true, ageCell(found, now), textOf(preemptionPolicy)];
  },
});
