import type { Kind } from '../kind.ts';
import { validateAnnotations, validateLabels } from '../metadata-rules.ts';
import type { KubeObject } from '../object.ts';
import { rulesOf } from './checks.ts';
import { ageCell, columnsOf } from './columns.ts';
import { changed, mapOf, type Part, partOf } from './defaulting.ts';
import { defineKind } from './define.ts';
import { claimDefaults } from './resource-claim.ts';
import { claimSpecRules } from './resource-claim-rules.ts';

export interface ResourceClaimTemplate extends KubeObject<Part, Part> {}

const templateRules = rulesOf((root, previous) => {
  const spec = root.at('spec');
  const { labels, annotations } = partOf(spec.part.metadata);
  spec.add(...validateLabels(mapOf(labels), 'spec.metadata.labels'));
  spec.add(...validateAnnotations(mapOf(annotations), 'spec.metadata.annotations'));
  claimSpecRules(spec.at('spec'));
  if (previous) spec.sameStructure(previous.part.spec, 'resource.v1.ResourceClaimTemplateSpec');
});

export const resourceClaimTemplates: Kind<ResourceClaimTemplate> = defineKind<ResourceClaimTemplate>(
  'resource.k8s.io/v1',
  'ResourceClaimTemplate',
  {
    answersDeleted: true,
    validate: templateRules,
    defaults: (template) => changed(template, 'spec', (spec) => changed(spec, 'spec', claimDefaults)),
    columns: columnsOf('Name', 'Age'),
    cells: (object, now) => [object.metadata.name, ageCell(object, now)],
  },
);
