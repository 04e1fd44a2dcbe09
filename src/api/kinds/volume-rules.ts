import { validateAnnotations, validateLabels } from '../metadata-rules.ts';
import { dnsLabel, dnsSubdomain } from '../names.ts';
import type { Checked } from './checks.ts';
import { mapOf, type Part, partOf, partsOf, textOf } from './defaulting.ts';
import { validateClaimSpec } from './persistent-volume-claim-rules.ts';
import { validateProjections } from './projected-volume-rules.ts';
import { nanosOf } from './resource-name-rules.ts';
import { validateDownwardFile, validateItem, validateMode } from './volume-file-rules.ts';
import { localPath, portalFits, type SourceRule, sourceRules, validateOneSource } from './volume-source-rules.ts';

/** The pod whose volumes are judged; a template's has no name yet. */
export interface VolumeSetting {
  readonly podName: string | undefined;
}

/** Judges the volumes; answers those that are in order, since only they can be mounted. */
export function validateVolumes(volumes: Checked, setting: VolumeSetting): ReadonlyMap<string, Part> {
  const fine = new Map<string, Part>();
  const made = new Map(
    partsOf(volumes.value)
      .filter(({ ephemeral }) => ephemeral !== undefined && setting.podName)
      .map(({ name }) => [`${setting.podName}-${textOf(name)}`, textOf(name)]),
  );
  for (const volume of volumes.items()) {
    const before = volumes.errors.length;
    validateOneSource(volume, sourceOrder, (name, source) => ruleOf(name)(source, { persistent: false }));
    if (!volume.at('ephemeral').isAbsent) validateClaimName(volume, setting);
    if (!volume.at('iscsi').isAbsent) portalFits(volume);
    if (setting.podName !== undefined && !volume.at('image').isAbsent) volume.at('image').at('reference').needed();
    const claim = volume.at('persistentVolumeClaim').at('claimName');
    const maker = made.get(claim.text);
    if (maker !== undefined && maker !== textOf(volume.part.name)) {
      claim.invalid('must not reference a PVC that gets created for an ephemeral volume');
    }
    const name = volume.at('name');
    if (name.needed()) name.like(dnsLabel);
    if (fine.has(name.text)) name.duplicate(name.text);
    if (volumes.errors.length === before) fine.set(name.text, volume.part);
  }
  return fine;
}

/** The sources of a pod's volume, in the order in which upstream looks for them. */
const sourceOrder = [
  'emptyDir',
  'hostPath',
  'gitRepo',
  'gcePersistentDisk',
  'awsElasticBlockStore',
  'secret',
  'nfs',
  'iscsi',
  'glusterfs',
  'flocker',
  'persistentVolumeClaim',
  'rbd',
  'cinder',
  'cephfs',
  'quobyte',
  'downwardAPI',
  'fc',
  'flexVolume',
  'configMap',
  'azureFile',
  'vsphereVolume',
  'photonPersistentDisk',
  'portworxVolume',
  'azureDisk',
  'storageos',
  'projected',
  'scaleIO',
  'csi',
  'ephemeral',
  'image',
];

function files(nameField: string): SourceRule {
  return (source) => {
    source.at(nameField).needed();
    validateMode(source.at('defaultMode'));
    for (const item of source.at('items').items()) validateItem(item);
  };
}

const ruleOf = (name: string): SourceRule => ownRules[name] ?? (sourceRules[name] as SourceRule);

const ownRules: Readonly<Record<string, SourceRule>> = {
  emptyDir: (source) => {
    const limit = source.at('sizeLimit');
    if (nanosOf(limit.value) < 0n) limit.forbidden('SizeLimit field must be a valid resource quantity');
  },
  gitRepo: (source) => {
    source.at('repository').needed();
    localPath(source.at('directory'));
  },
  secret: files('secretName'),
  configMap: files('name'),
  persistentVolumeClaim: (source) => void source.at('claimName').needed(),
  downwardAPI: (source) => {
    validateMode(source.at('defaultMode'));
    for (const file of source.at('items').items()) validateDownwardFile(file.toldAt(source.path));
  },
  projected: validateProjections,
  ephemeral: (source) => {
    const template = source.at('volumeClaimTemplate');
    if (template.isAbsent) template.missing();
    else validateClaimTemplate(template);
  },
  image: (source) => {
    if (!source.at('pullPolicy').isEmpty) source.at('pullPolicy').oneOf('Always', 'IfNotPresent', 'Never');
  },
};

function validateClaimTemplate(template: Checked): void {
  const metadata = template.at('metadata');
  const { labels, annotations, ...others } = metadata.part;
  metadata.add(...validateAnnotations(mapOf(annotations), metadata.at('annotations').path));
  metadata.add(...validateLabels(mapOf(labels), metadata.at('labels').path));
  for (const field of Object.keys(others)) if (others[field] !== null) metadata.at(field).forbidden('cannot be set');
  validateClaimSpec(template.at('spec'));
}

/** The claim that the pod makes for its volume needs a name of its own. */
function validateClaimName(volume: Checked, { podName }: VolumeSetting): void {
  const name = textOf(volume.part.name);
  if (!podName || name === '' || partOf(volume.part.ephemeral).volumeClaimTemplate === undefined) return;
  const claim = `${podName}-${name}`;
  for (const sentence of dnsSubdomain(claim)) {
    volume.at('name').invalidAs(name, `PVC name ${JSON.stringify(claim)}: ${sentence}`);
  }
}
