import { equalJson, type Json } from '../../base/json.ts';
import { notSupported } from '../field-error.ts';
import { dnsSubdomain } from '../names.ts';
import { goView } from '../schema/go-view.ts';
import { type Checked, rulesOf } from './checks.ts';
import { type Part, partOf, partsOf, textOf, textsOf } from './defaulting.ts';
import { validateNodeSelector } from './node-selection-rules.ts';
import { positiveAmount } from './resource-name-rules.ts';
import { sourceRules, validateOneSource, withoutBackstep } from './volume-source-rules.ts';

export const persistentVolumeRules = rulesOf((root, previous) => {
  validateSpec(root.at('spec'));
  if (previous) validateUpdate(root.at('spec'), previous.at('spec').part);
});

const accessModes = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];

export function validateAccessModes(modes: Checked, detail: string): void {
  modes.needed(detail);
  const given = textsOf(modes.value);
  for (const mode of given) if (!accessModes.includes(mode)) modes.add(notSupported(modes.path, mode, accessModes));
  if (given.includes('ReadWriteOncePod') && new Set(given).size > 1) {
    modes.forbidden('may not use ReadWriteOncePod with other access modes');
  }
}

/** The sources of a volume, in the order in which upstream looks for them. */
const sourceOrder = [
  'hostPath',
  'gcePersistentDisk',
  'awsElasticBlockStore',
  'glusterfs',
  'flocker',
  'nfs',
  'rbd',
  'quobyte',
  'cephfs',
  'iscsi',
  'cinder',
  'fc',
  'flexVolume',
  'azureFile',
  'vsphereVolume',
  'photonPersistentDisk',
  'portworxVolume',
  'azureDisk',
  'scaleIO',
  'local',
  'storageos',
  'csi',
];

function validateSpec(spec: Checked): void {
  validateAccessModes(spec.at('accessModes'), '');
  validateCapacity(spec.at('capacity'));
  spec.at('persistentVolumeReclaimPolicy').optionalOneOf('Delete', 'Recycle', 'Retain');
  validateAffinity(spec.at('nodeAffinity'));
  validateOneSource(spec, sourceOrder, (name, source) => {
    if (name === 'local') validateLocal(source, spec.at('nodeAffinity'));
    else sourceRules[name]?.(source, { persistent: true });
  });
  const recycled = spec.at('persistentVolumeReclaimPolicy');
  const hostPath = textOf(spec.at('hostPath').part.path);
  if (recycled.text === 'Recycle' && /^[/.]*\/[/.]*$/.test(hostPath)) {
    recycled.forbidden("may not be 'recycle' for a hostPath mount of '/'");
  }
  spec.at('storageClassName').optionalLike(dnsSubdomain);
  spec.at('volumeMode').optionalOneOf('Block', 'Filesystem');
  validateAttributesClass(spec);
}

function validateLocal(source: Checked, affinity: Checked): void {
  if (source.at('path').needed()) withoutBackstep(source.at('path'));
  if (affinity.isAbsent) affinity.missing('Local volume requires node affinity');
}

function validateAttributesClass(spec: Checked): void {
  const attributes = spec.at('volumeAttributesClassName');
  if (attributes.isAbsent) return;
  if (attributes.needed('an empty string is disallowed')) attributes.like(dnsSubdomain);
  if (spec.at('csi').isAbsent) spec.at('csi').missing('has to be specified when using volumeAttributesClassName');
}

function validateCapacity(capacity: Checked): void {
  const names = Object.keys(capacity.part);
  if (names.length === 0) capacity.missing();
  if (!names.includes('storage') || names.length > 1) {
    capacity.add(notSupported(capacity.path, capacity.value ?? null, ['storage']));
  }
  for (const amount of capacity.entries()) positiveAmount(amount);
}

function validateAffinity(affinity: Checked): void {
  if (affinity.isAbsent) return;
  const needed = affinity.at('required');
  if (needed.isAbsent) needed.missing('must specify required node constraints');
  else validateNodeSelector(needed);
}

function validateUpdate(spec: Checked, before: Part): void {
  if (!equalJson(sourcesOf(spec.part, before), sourcesOf(before, before))) {
    spec.at('persistentvolumesource').forbidden('spec.persistentvolumesource is immutable after creation');
  }
  spec.at('volumeMode').toldAt('volumeMode').same(before.volumeMode);
  const affinity = spec.at('nodeAffinity').toldAt('nodeAffinity');
  if (before.nodeAffinity === undefined) return;
  if (equalJson(affinity.value, withNewLabels(before.nodeAffinity, affinity.value))) return;
  const shown = goView('core.v1.VolumeNodeAffinity', affinity.value);
  affinity.invalidAs(shown, 'field is immutable, except for updating from beta label to GA');
}

/** The sources of a spec. The secret for growing may still be added where there was none. */
function sourcesOf(spec: Part, before: Part): Json {
  const sources = Object.fromEntries(sourceOrder.map((name) => [name, spec[name]]));
  if (spec.csi === undefined || partOf(before.csi).controllerExpandSecretRef !== undefined) return sources as Json;
  const { controllerExpandSecretRef: _added, ...csi } = partOf(spec.csi);
  return { ...sources, csi } as Json;
}

const newLabels: Readonly<Record<string, string>> = {
  'beta.kubernetes.io/arch': 'kubernetes.io/arch',
  'beta.kubernetes.io/os': 'kubernetes.io/os',
  'beta.kubernetes.io/instance-type': 'node.kubernetes.io/instance-type',
  'failure-domain.beta.kubernetes.io/region': 'topology.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone': 'topology.kubernetes.io/zone',
};

const termsOf = (affinity: unknown) => partsOf(partOf(partOf(affinity).required).nodeSelectorTerms);

/** The old affinity with every label replaced that the new one calls by its new name. */
function withNewLabels(before: unknown, next: unknown): unknown {
  const nextTerms = termsOf(next);
  const nodeSelectorTerms = termsOf(before).map((term, place) => {
    const expressions = partsOf(nextTerms[place]?.matchExpressions);
    if (term.matchExpressions === undefined) return term;
    const matchExpressions = partsOf(term.matchExpressions).map((expression, index) => {
      const key = expressions[index]?.key;
      // A label without a new name counts as renamed to nothing; the empty key is refused for itself.
      return (newLabels[textOf(expression.key)] ?? '') === key ? { ...expression, key } : expression;
    });
    return { ...term, matchExpressions };
  });
  return { ...partOf(before), required: { ...partOf(partOf(before).required), nodeSelectorTerms } };
}
