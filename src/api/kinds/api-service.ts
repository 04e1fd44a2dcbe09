import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { apiServiceRules } from './api-service-rules.ts';
import { ageCell, columnsOf } from './columns.ts';
import { changed, filled, type Part, partOf, partsOf, textOf } from './defaulting.ts';
import { defineKind } from './define.ts';
import { statusKeepsMetadata } from './status-writes.ts';

export interface APIService extends KubeObject<Part, Part> {}

export const apiServices: Kind<APIService> = defineKind<APIService>('apiregistration.k8s.io/v1', 'APIService', {
  hasGeneration: false,
  // The name must be what the spec says: one of the rules.
  validateName: () => [],
  validate: apiServiceRules,
  ...statusKeepsMetadata,
  needsRevision: true,
  defaults: (service) =>
    changed(service, 'spec', (spec) => changed(spec, 'service', (target) => filled(target, { port: 443 }))),
  columns: columnsOf('Name', 'Service', 'Available', 'Age'),
  cells: (service, now) => {
    const target = partOf(service.spec).service;
    const { namespace, name } = partOf(target);
    const available = partsOf(partOf(service.status).conditions).find(({ type }) => type === 'Available');
    const word = textOf(available?.status) || 'Unknown';
    return [
      service.metadata.name,
      target ? `${textOf(namespace)}/${textOf(name)}` : 'Local',
      available && word !== 'True' ? `${word} (${textOf(available.reason)})` : word,
      ageCell(service, now),
    ];
  },
});
