import type { Kind } from '../kind.ts';
import { qualifiedName } from '../names.ts';
import type { KubeObject } from '../object.ts';
import { rulesOf } from './checks.ts';
import { ageCell, columnsOf } from './columns.ts';
import type { Part } from './defaulting.ts';
import { defineKind } from './define.ts';
import { configurationRules, selectorsRules } from './device-rules.ts';

export interface DeviceClass extends KubeObject<Part, Part> {}

const configurationsMax = 32;

const deviceClassRules = rulesOf((root) => {
  const spec = root.at('spec');
  selectorsRules(spec.at('selectors'));
  const configurations = spec.at('config');
  if (configurations.itemsAtMost(configurationsMax)) configurations.items().forEach(configurationRules);
  const name = spec.at('extendedResourceName');
  if (!name.isAbsent && !isExtendedResource(name.text)) name.invalid("doesn't follow extended resource name standard");
});

/** Somebody's own resource: with a domain, not Kubernetes' and no request of a quota. */
const isExtendedResource = (name: string): boolean =>
  name.includes('/') &&
  !/(^|\.)kubernetes\.io\//.test(name) &&
  !name.startsWith('requests.') &&
  qualifiedName(`requests.${name}`).length === 0;

export const deviceClasses: Kind<DeviceClass> = defineKind<DeviceClass>('resource.k8s.io/v1', 'DeviceClass', {
  answersDeleted: true,
  validate: deviceClassRules,
  hasGeneration: true,
  columns: columnsOf('Name', 'Age'),
  cells: (object, now) => [object.metadata.name, ageCell(object, now)],
});
