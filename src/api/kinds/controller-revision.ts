import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { controllerOf } from '../object.ts';
import { ageCell, columnsOf } from './columns.ts';
import { controllerRevisionRules } from './controller-revision-rules.ts';
import type { Part } from './defaulting.ts';
import { defineKind } from './define.ts';

export interface ControllerRevision extends KubeObject<Part, Part> {}

export const controllerRevisions: Kind<ControllerRevision> = defineKind<ControllerRevision>(
  'apps/v1',
  'ControllerRevision',
  {
    validate: controllerRevisionRules,
    columns: columnsOf('Name', 'Controller', 'Revision', 'Age'),
    cells: (revision, now) => {
      const owner = controllerOf(revision);
      const slash = owner?.apiVersion.indexOf('/') ?? -1;
      const group = owner && slash >= 0 ? `.${owner.apiVersion.slice(0, slash)}` : '';
      return [
        revision.metadata.name,
        owner ? `${owner.kind.toLowerCase()}${group}/${owner.name}` : '<none>',
        (revision as unknown as { revision?: number }).revision ?? 0,
        ageCell(revision, now),
      ];
    },
  },
);
