import { equalJson } from '../../base/json.ts';
import { type FieldError, forbidden, invalid } from '../field-error.ts';
import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { ageCell, columnsOf, containerCells } from './columns.ts';
import { changed, changedItems, filled, type Part, partOf } from './defaulting.ts';
import { defineKind } from './define.ts';
import { templateDefaults } from './pod-defaults.ts';
import { notNegative, oneOf } from './rules.ts';
import { workloadRules } from './workload-rules.ts';

export interface StatefulSet extends KubeObject<Part, Part> {}

export const statefulSets: Kind<StatefulSet> = defineKind<StatefulSet>('apps/v1', 'StatefulSet', {
  validate: (next, previous, { subresource }) =>
    subresource === 'status' ? [] : statefulSetRules(partOf(next.spec), previous && partOf(previous.spec)),
  defaults: (set) => changed(set, 'spec', specDefaults),
  columns: columnsOf('Name', 'Ready', 'Age', 'Containers:wide', 'Images:wide'),
  cells: (set, now) => [
    set.metadata.name,
    `${partOf(set.status).readyReplicas ?? 0}/${partOf(set.spec).replicas ?? 0}`,
    ageCell(set, now),
    ...containerCells(partOf(partOf(partOf(set.spec).template).spec)),
  ],
});

function specDefaults(given: Part): Part {
  let spec = filled(templateDefaults(given), {
    podManagementPolicy: 'OrderedReady',
    updateStrategy: {},
    replicas: 1,
    revisionHistoryLimit: 10,
    persistentVolumeClaimRetentionPolicy: {},
  });
  spec = changed(spec, 'updateStrategy', (asked) => {
    const strategy = filled(asked, { type: 'RollingUpdate' });
    if (strategy.type !== 'RollingUpdate') return strategy;
    return changed(filled(strategy, { rollingUpdate: {} }), 'rollingUpdate', (rolling) =>
      filled(rolling, { partition: 0 }),
    );
  });
  spec = changed(spec, 'persistentVolumeClaimRetentionPolicy', (policy) =>
    filled(policy, { whenDeleted: 'Retain', whenScaled: 'Retain' }),
  );
  return changedItems(spec, 'volumeClaimTemplates', (claim) => ({
    ...changed(claim, 'spec', (wanted) => filled(wanted, { volumeMode: 'Filesystem' })),
    kind: 'PersistentVolumeClaim',
    apiVersion: 'v1',
    status: filled(partOf(claim.status), { phase: 'Pending' }),
  }));
}

const changeable = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
];

function statefulSetRules(spec: Part, previous: Part | undefined): readonly FieldError[] {
  const errors = [...workloadRules(spec, previous, 'statefulset')];
  const at = 'spec.persistentVolumeClaimRetentionPolicy';
  const policy = partOf(spec.persistentVolumeClaimRetentionPolicy);
  for (const field of ['whenDeleted', 'whenScaled']) {
    errors.push(...oneOf(policy[field], ['Delete', 'Retain'], `${at}.${field}`));
  }
  if (spec.podManagementPolicy !== 'OrderedReady' && spec.podManagementPolicy !== 'Parallel') {
    const sentence = "must be 'OrderedReady' or 'Parallel'";
    errors.push(invalid('spec.podManagementPolicy', spec.podManagementPolicy ?? '', sentence));
  }
  const { type, rollingUpdate } = partOf(spec.updateStrategy);
  if (type === 'RollingUpdate') {
    errors.push(...notNegative(partOf(rollingUpdate).partition, 'spec.updateStrategy.rollingUpdate.partition'));
  } else if (type !== 'OnDelete') {
    errors.push(invalid('spec.updateStrategy', spec.updateStrategy, "must be 'RollingUpdate' or 'OnDelete'"));
  }
  if (previous && !equalJson(fixedPart(spec), fixedPart(previous))) {
    const listed = changeable.map((field) => `'${field}'`);
    const sentence = `updates to statefulset spec for fields other than ${listed.slice(0, -1).join(', ')} and ${listed.at(-1)} are forbidden`;
    errors.push(forbidden('spec', sentence));
  }
  return errors;
}
const fixedPart = (spec: Part): Part =>
  Object.fromEntries(Object.entries(spec).filter(([field]) => !changeable.includes(field)));
