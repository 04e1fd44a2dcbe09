import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { ageCell, columnsOf } from './columns.ts';
import { changed, filled, type Part, partOf, partsOf, textOf } from './defaulting.ts';
import { defineKind } from './define.ts';

export interface FlowSchema extends KubeObject<Part, Part> {}

export const flowSchemas: Kind<FlowSchema> = defineKind<FlowSchema>('flowcontrol.apiserver.k8s.io/v1', 'FlowSchema', {
  defaults: (schema) => changed(schema, 'spec', (spec) => filled(spec, { matchingPrecedence: 1000 })),
  columns: columnsOf('Name', 'PriorityLevel', 'MatchingPrecedence', 'DistinguisherMethod', 'Age', 'MissingPL'),
  cells: (schema, now) => {
    const spec = partOf(schema.spec);
    const missing = partsOf(partOf(schema.status).conditions).find(({ type }) => type === 'Dangling');
    return [
      schema.metadata.name,
      textOf(partOf(spec.priorityLevelConfiguration).name),
      Number(spec.matchingPrecedence ?? 0),
      textOf(partOf(spec.distinguisherMethod).type) || '<none>',
      ageCell(schema, now),
      textOf(missing?.status) || '?',
    ];
  },
});
