import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { columnsOf, containerCells, labelsText } from './columns.ts';
import { type Part, partOf } from './defaulting.ts';
import { defineKind } from './define.ts';
import { templateDefaults } from './pod-defaults.ts';
import { podWarnings } from './pod-warnings.ts';
import { templateRules } from './workload-rules.ts';

export interface PodTemplate extends KubeObject<Part, Part> {}

export const podTemplates: Kind<PodTemplate> = defineKind<PodTemplate>('v1', 'PodTemplate', {
  answersDeleted: true,
  hasGeneration: true,
  warnings: (object) => podWarnings(partOf((object as unknown as Part).template), 'template'),
  validate: (next) => templateRules(partOf((next as unknown as Part).template), 'template'),
  defaults: (object) => templateDefaults(object),
  columns: columnsOf('Name', 'Containers', 'Images', 'Pod Labels'),
  cells: (object) => {
    const template = partOf((object as unknown as Part).template);
    return [
      object.metadata.name,
      ...containerCells(partOf(template.spec)),
      labelsText(partOf(template.metadata).labels),
    ];
  },
});
