import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { ageCell, columnsOf } from './columns.ts';
import { csiNodeRules } from './csi-node-rules.ts';
import { changed, changedItems, filled, type Part, partOf, partsOf } from './defaulting.ts';
import { defineKind } from './define.ts';

export interface CSINode extends KubeObject<Part, Part> {}

export const csiNodes: Kind<CSINode> = defineKind<CSINode>('storage.k8s.io/v1', 'CSINode', {
  answersDeleted: true,
  validate: csiNodeRules,
  needsRevision: true,
  defaults: (node) =>
    changed(node, 'spec', (spec) => changedItems(spec, 'drivers', (driver) => filled(driver, { topologyKeys: null }))),
  columns: columnsOf('Name', 'Drivers:integer', 'Age'),
  cells: (node, now) => [node.metadata.name, partsOf(partOf(node.spec).drivers).length, ageCell(node, now)],
});
