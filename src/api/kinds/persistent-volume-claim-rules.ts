import { equalJson, type Json } from '../../base/json.ts';
import { notSupported } from '../field-error.ts';
import { dnsLabel, dnsSubdomain, qualifiedName } from '../names.ts';
import { goView, shownDifference } from '../schema/go-view.ts';
import { type Checked, rulesOf } from './checks.ts';
import { type Part, partOf, textOf } from './defaulting.ts';
import { validateAccessModes } from './persistent-volume-rules.ts';
import { isNative, nanosOf, positiveAmount } from './resource-name-rules.ts';

export const persistentVolumeClaimRules = rulesOf(
  (root, previous) => {
    validateClaimSpec(root.at('spec'));
    if (previous) validateUpdate(root, previous);
  },
  (root) => {
    root.at('spec').at('accessModes').toldAt('Spec.accessModes').needed();
    statusRules(root.at('status'));
  },
);

const resizeWords = [
  'ControllerResizeInProgress',
  'ControllerResizeInfeasible',
  'NodeResizeInProgress',
  'NodeResizeInfeasible',
  'NodeResizePending',
];

function statusRules(status: Checked): void {
  for (const amount of status.at('capacity').entries()) {
    if (nanosOf(amount.value) < 0n) amount.invalid('must be a valid resource quantity');
  }
  const words = status.at('allocatedResourceStatuses');
  for (const word of words.entries()) {
    allocatedName(words, word.lastKey);
    if (!resizeWords.includes(word.text)) words.add(notSupported(words.path, word.lastKey, resizeWords));
  }
  const amounts = status.at('allocatedResources');
  for (const amount of amounts.entries()) {
    if (allocatedName(amounts, amount.lastKey) && nanosOf(amount.value) < 0n) {
      amount.invalid('must be a valid resource quantity');
    }
  }
}

/** Of the resources that Kubernetes names itself a volume has storage alone. */
function allocatedName(at: Checked, name: string): boolean {
  const sentences = qualifiedName(name);
  for (const sentence of sentences) at.invalidAs(name, sentence);
  const isOther = isNative(name) && name !== 'storage';
  if (sentences.length === 0 && isOther) at.add(notSupported(at.path, name, ['storage']));
  return sentences.length === 0 && !isOther;
}

/** What holds for the spec of a claim, its own or that of a template for claims. */
export function validateClaimSpec(spec: Checked): void {
  validateAccessModes(spec.at('accessModes'), 'at least 1 access mode is required');
  spec.at('selector').selector();
  const requests = spec.at('resources').at('requests');
  const storage = requests.key('storage').toldAt(`${spec.path}.resources[storage]`);
  if (storage.needed()) positiveAmount(storage);
  spec.at('storageClassName').optionalLike(dnsSubdomain);
  spec.at('volumeAttributesClassName').optionalLike(dnsSubdomain);
  spec.at('volumeMode').optionalOneOf('Block', 'Filesystem');
  for (const key of ['dataSource', 'dataSourceRef']) if (!spec.at(key).isAbsent) validateSource(spec.at(key));
  const { dataSource, dataSourceRef } = spec.part;
  if (!dataSource || !dataSourceRef) return;
  if (partOf(dataSourceRef).namespace) {
    spec.invalidAs(dataSource, 'may not be specified when dataSourceRef.namespace is specified');
  } else if (!equalJson(sourceText(dataSource), sourceText(dataSourceRef))) {
    spec.invalidAs(`${spec.path}.dataSource`, 'must match dataSourceRef');
  }
}

function validateSource(source: Checked): void {
  source.at('name').needed();
  source.at('kind').needed();
  const group = textOf(source.part.apiGroup);
  if (group === '' && source.part.kind !== 'PersistentVolumeClaim') {
    source.invalidAs(source.part.kind, "must be 'PersistentVolumeClaim' when referencing the default apiGroup");
  }
  if (group !== '') source.at('apiGroup').like(dnsSubdomain);
  source.at('namespace').optionalLike(dnsLabel);
}

/** What a source says, however it is written: an absent group is the empty one. */
function sourceText(source: unknown): readonly string[] {
  const { apiGroup, kind, name } = partOf(source);
  return [textOf(apiGroup), textOf(kind), textOf(name)];
}

const betaClass = 'volume.beta.kubernetes.io/storage-class';
const frozen =
  'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';

function validateUpdate(root: Checked, previous: Checked): void {
  const spec = root.at('spec');
  const before = previous.at('spec').part;
  const annotation = (claim: Checked) => textOf(claim.at('metadata').at('annotations').part[betaClass]);
  const classUpgrade = annotation(previous) !== '' && annotation(previous) === textOf(spec.part.storageClassName);
  if (!classUpgrade && annotation(previous) !== annotation(root)) {
    root.at('metadata').key(betaClass).invalidAs(annotation(root), 'field is immutable');
  }
  const bound = textOf(previous.at('status').part.phase) === 'Bound';
  const [old, next] = [comparable(before, before, bound), comparable(spec.part, before, bound)];
  if (!equalJson(old, next)) {
    const view = (part: Json) => goView('core.v1.PersistentVolumeClaimSpec', part);
    spec.forbidden(`${frozen}\n${shownDifference(view(old), view(next))}`);
  }
  const storage = (part: Part) => nanosOf(partOf(partOf(part.resources).requests).storage);
  const had = nanosOf(partOf(previous.at('status').part.capacity).storage);
  if (storage(spec.part) < storage(before) && storage(spec.part) <= had) {
    const requests = spec.at('resources').at('requests');
    requests.at('storage').forbidden('field can not be less than status.capacity');
  }
  spec.at('volumeMode').toldAt('volumeMode').same(before.volumeMode);
}

/** The spec with the old value of whatever an update may change. */
function comparable(spec: Part, before: Part, bound: boolean): Json {
  const next: Record<string, unknown> = { ...spec };
  // The volume is given once.
  if (!textOf(before.volumeName)) next.volumeName = before.volumeName;
  // A claim that names no class may be given the default one.
  if (before.storageClassName === undefined) next.storageClassName = undefined;
  if (bound) {
    const requests = {
      ...partOf(partOf(spec.resources).requests),
      storage: partOf(partOf(before.resources).requests).storage,
    };
    next.resources = { ...partOf(spec.resources), requests };
    if (spec.volumeAttributesClassName !== undefined) next.volumeAttributesClassName = before.volumeAttributesClassName;
  }
  return next as Json;
}
