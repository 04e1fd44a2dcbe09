import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { ageCell, columnsOf } from './columns.ts';
import { changed, type Part } from './defaulting.ts';
import { defineKind } from './define.ts';
import { claimDefaults } from './resource-claim.ts';

export interface ResourceClaimTemplate extends KubeObject<Part, Part> {}

export const resourceClaimTemplates: Kind<ResourceClaimTemplate> = defineKind<ResourceClaimTemplate>(
  'resource.k8s.io/v1',
  'ResourceClaimTemplate',
  {
    defaults: (template) => changed(template, 'spec', (spec) => changed(spec, 'spec', claimDefaults)),
    columns: columnsOf('Name', 'Age'),
    cells: (object, now) => [object.metadata.name, ageCell(object, now)],
  },
);
