import { Checked } from './checks.ts';
import { nodeTermWarnings, volumeWarnings } from './node-label-warnings.ts';
import { nanosOf, one } from './resource-name-rules.ts';

const oldAnnotations: Readonly<Record<string, string>> = {
  'volume.beta.kubernetes.io/storage-class': 'deprecated since v1.8; use "storageClassName" attribute instead',
  'volume.beta.kubernetes.io/mount-options': 'deprecated since v1.31; use "mountOptions" attribute instead',
};

function annotationWarnings(root: Checked, ...names: readonly string[]): readonly string[] {
  const annotations = root.at('metadata').at('annotations');
  return names
    .filter((name) => !annotations.key(name).isAbsent)
    .map((name) => `${annotations.key(name).path}: ${oldAnnotations[name]}`);
}

const recycled =
  'The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.';

export function persistentVolumeWarnings(volume: object): readonly string[] {
  const root = new Checked(volume);
  const spec = root.at('spec');
  const terms = spec.at('nodeAffinity').at('required').at('nodeSelectorTerms').items();
  const policy = spec.at('persistentVolumeReclaimPolicy');
  return [
    ...annotationWarnings(root, ...Object.keys(oldAnnotations)),
    ...(policy.text === 'Recycle' ? [`${policy.path}: ${recycled}`] : []),
    ...terms.flatMap(nodeTermWarnings),
    ...volumeWarnings(spec),
  ];
}

export function persistentVolumeClaimWarnings(claim: object): readonly string[] {
  const root = new Checked(claim);
  const storage = root.at('spec').at('resources').at('requests').key('storage');
  const words = `fractional byte value ${JSON.stringify(storage.text)} is invalid, must be an integer`;
  return [
    ...annotationWarnings(root, 'volume.beta.kubernetes.io/storage-class'),
    ...(nanosOf(storage.value) % one === 0n ? [] : [`${storage.path}: ${words}`]),
  ];
}
