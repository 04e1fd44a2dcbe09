import { compareText } from '../../base/text.ts';
import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { ageCell, columnsOf } from './columns.ts';
import { changed, changedItems, type Part, partOf, partsOf, textOf } from './defaulting.ts';
import { defineKind } from './define.ts';
import { flowSchemaRules } from './flow-schema-rules.ts';
import { statusKeepsMetadata } from './status-writes.ts';

export interface FlowSchema extends KubeObject<Part, Part> {}

export const flowSchemas: Kind<FlowSchema> = defineKind<FlowSchema>('flowcontrol.apiserver.k8s.io/v1', 'FlowSchema', {
  validate: flowSchemaRules,
  ...statusKeepsMetadata,
  defaults: (schema) => changed(schema, 'spec', specDefaults),
  columns: columnsOf('Name', 'PriorityLevel', 'MatchingPrecedence', 'DistinguisherMethod', 'Age', 'MissingPL'),
  tableOrder: (a, b) => precedenceOf(a) - precedenceOf(b) || compareText(a.metadata.name, b.metadata.name),
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

const precedenceOf = ({ spec }: FlowSchema): number => Number(partOf(spec).matchingPrecedence ?? 0);

/** Zero is no precedence, and namespaces are always told. */
function specDefaults(given: Part): Part {
  const spec = given.matchingPrecedence ? given : { ...given, matchingPrecedence: 1000 };
  return changedItems(spec, 'rules', (rule) =>
    changedItems(rule, 'resourceRules', (resources) =>
      partsOf(resources.namespaces).length > 0 ? resources : { ...resources, namespaces: null },
    ),
  );
}

/** What is told of a FlowSchema, besides since when, that leads to a priority level. */
export function danglingCondition(level: string, isThere: boolean) {
  const found = `This FlowSchema references the PriorityLevelConfiguration object named ${JSON.stringify(level)}`;
  return isThere
    ? { type: 'Dangling', status: 'False', reason: 'Found', message: `${found} and it exists` }
    : { type: 'Dangling', status: 'True', reason: 'NotFound', message: `${found} but there is no such object` };
}
