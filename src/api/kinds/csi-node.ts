import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { ageCell, columnsOf } from './columns.ts';
import { type Part, partOf, partsOf } from './defaulting.ts';
import { defineKind } from './define.ts';

export interface CSINode extends KubeObject<Part, Part> {}

export const csiNodes: Kind<CSINode> = defineKind<CSINode>('storage.k8s.io/v1', 'CSINode', {
  columns: columnsOf('Name', 'Drivers:integer', 'Age'),
  cells: (node, now) => [node.metadata.name, partsOf(partOf(node.spec).drivers).length, ageCell(node, now)],
});
