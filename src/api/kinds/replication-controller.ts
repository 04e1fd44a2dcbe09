import type { Kind } from '../kind.ts';
import type { KubeObject, Labels } from '../object.ts';
import { ageCell, columnsOf, containerCells, labelsText, workloadColumns } from './columns.ts';
import { changed, filled, type Part, partOf } from './defaulting.ts';
import { defineKind } from './define.ts';
import { templateDefaults } from './pod-defaults.ts';
import { nameWarnings, podWarnings } from './pod-warnings.ts';
import { replicationControllerRules } from './replication-controller-rules.ts';
import { keepsHalves } from './status-writes.ts';

export interface ReplicationController extends KubeObject<Part, Part> {}

export const replicationControllers: Kind<ReplicationController> = defineKind<ReplicationController>(
  'v1',
  'ReplicationController',
  {
    validate: replicationControllerRules,
    orphansByDefault: true,
    warnings: (controller) => [
      ...nameWarnings(controller.metadata.name, 'Pod names and hostnames'),
      ...podWarnings(partOf(partOf(controller.spec).template), 'spec.template'),
    ],
    defaults: (controller) => {
      const labels = podLabels(controller);
      const selector = labels && Object.keys(labels).length > 0 ? { selector: labels } : {};
      return changed(labelled(controller), 'spec', (spec) =>
        filled(templateDefaults(spec), { replicas: 1, ...selector }),
      );
    },
    // Whoever takes away its labels through the status sees those of its pods.
    prepareUpdate: keepsHalves(labelled),
    columns: columnsOf('Name', 'Desired:integer', 'Current:integer', 'Ready:integer', 'Age', ...workloadColumns),
    cells: (controller, now) => [
      controller.metadata.name,
      Number(partOf(controller.spec).replicas ?? 0),
      Number(partOf(controller.status).replicas ?? 0),
      Number(partOf(controller.status).readyReplicas ?? 0),
      ageCell(controller, now),
      ...containerCells(partOf(partOf(partOf(controller.spec).template).spec)),
      labelsText(partOf(controller.spec).selector),
    ],
    fields: (controller) => ({ 'status.replicas': String(partOf(controller.status).replicas ?? 0) }),
  },
);

const podLabels = ({ spec }: ReplicationController): Labels | undefined =>
  (partOf(partOf(spec).template).metadata as { readonly labels?: Labels } | undefined)?.labels;

/** Without labels of its own it has those of its pods. */
function labelled(controller: ReplicationController): ReplicationController {
  const labels = podLabels(controller);
  if (!labels || Object.keys(controller.metadata.labels ?? {}).length > 0) return controller;
  return { ...controller, metadata: { ...controller.metadata, labels } };
}
