import { forbidden, required } from '../field-error.ts';
import { dnsSubdomain } from '../names.ts';
import { type Checked, rulesOf } from './checks.ts';
import { csiDriverName } from './volume-source-rules.ts';

const messageBytesMax = 1024;

export const volumeAttachmentRules = rulesOf(validateAttachment, (root, previous) => {
  validateAttachment(root, previous);
  for (const field of ['attachError', 'detachError']) {
    const failure = root.at('status').at(field);
    failure.at('message').bytesAtMost(messageBytesMax);
    failure.at('errorCode').notNegative();
  }
});

function validateAttachment(root: Checked, previous: Checked | undefined): void {
  const spec = root.at('spec');
  csiDriverName(spec.at('attacher'));
  sourceRules(spec.at('source'));
  spec.at('nodeName').like(dnsSubdomain);
  if (previous) spec.sameStructure(previous.part.spec, 'storage.v1.VolumeAttachmentSpec');
}

function sourceRules(source: Checked): void {
  const volume = source.at('persistentVolumeName');
  const inline = source.at('inlineVolumeSpec');
  const sentence = 'must specify exactly one of inlineVolumeSpec and persistentVolumeName';
  if (volume.isAbsent && inline.isAbsent) source.add(required(source.path, sentence));
  if (!volume.isAbsent && !inline.isAbsent) source.add(forbidden(source.path, sentence));
  if (volume.isAbsent) return;
  volume.needed('must specify non empty persistentVolumeName');
  volume.like(dnsSubdomain);
}
