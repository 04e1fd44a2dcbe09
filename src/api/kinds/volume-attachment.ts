import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { ageCell, columnsOf } from './columns.ts';
import { type Part, partOf, textOf } from './defaulting.ts';
import { defineKind } from './define.ts';
import { statusKeepsMetadata } from './status-writes.ts';
import { volumeAttachmentRules } from './volume-attachment-rules.ts';

export interface VolumeAttachment extends KubeObject<Part, Part> {}

export const volumeAttachments: Kind<VolumeAttachment> = defineKind<VolumeAttachment>(
  'storage.k8s.io/v1',
  'VolumeAttachment',
  {
    answersDeleted: true,
    validate: volumeAttachmentRules,
    ...statusKeepsMetadata,
    hasGeneration: false,
    needsRevision: true,
    columns: columnsOf('Name', 'Attacher:name', 'PV', 'Node', 'Attached:boolean', 'Age'),
    cells: (attachment, now) => {
      const spec = partOf(attachment.spec);
      return [
        attachment.metadata.name,
        textOf(spec.attacher),
        textOf(partOf(spec.source).persistentVolumeName),
        textOf(spec.nodeName),
        partOf(attachment.status).attached === true,
        ageCell(attachment, now),
      ];
    },
  },
);
