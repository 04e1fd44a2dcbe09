import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { ageCell, columnsOf } from './columns.ts';
import { type Part, textOf } from './defaulting.ts';
import { defineKind } from './define.ts';
import { runtimeClassRules } from './runtime-class-rules.ts';

export interface RuntimeClass extends KubeObject<Part, Part> {}

export const runtimeClasses: Kind<RuntimeClass> = defineKind<RuntimeClass>('node.k8s.io/v1', 'RuntimeClass', {
  validate: runtimeClassRules,
  needsRevision: true,
  columns: columnsOf('Name', 'Handler', 'Age'),
  cells: (found, now) => [found.metadata.name, textOf((found as unknown as Part).handler), ageCell(found, now)],
});
