import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { ageCell, columnsOf, containerCells } from './columns.ts';
import { changed, changedItems, filled, type Part, partOf } from './defaulting.ts';
import { defineKind } from './define.ts';
import { templateDefaults } from './pod-defaults.ts';
import { statefulSetRules } from './stateful-set-rules.ts';
import { setWarnings } from './workload-warnings.ts';

export interface StatefulSet extends KubeObject<Part, Part> {}

export const statefulSets: Kind<StatefulSet> = defineKind<StatefulSet>('apps/v1', 'StatefulSet', {
  validate: statefulSetRules,
  warnings: (set, previous) => {
    const keepsAll = Number(partOf(set.spec).revisionHistoryLimit ?? 0) < 0;
    return [
      ...setWarnings(set, previous),
      ...(keepsAll
        ? ['spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended']
        : []),
    ];
  },
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
    // Whoever names the strategy also says how it rolls, or leaves it open.
    const strategy = asked.type === undefined ? filled(asked, { type: 'RollingUpdate', rollingUpdate: {} }) : asked;
    if (strategy.type !== 'RollingUpdate') return strategy;
    return changed(strategy, 'rollingUpdate', (rolling) => filled(rolling, { partition: 0 }));
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
