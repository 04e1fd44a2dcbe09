import { equalJson, type Json } from '../../base/json.ts';
import { forbidden, invalid, notSupported, required } from '../field-error.ts';
import { validateSelector } from '../metadata-rules.ts';
import { dnsSubdomain } from '../names.ts';
import { tryParseQuantity } from '../quantity.ts';
import { Checked, rulesOf } from './checks.ts';
import { type Part, textsOf } from './defaulting.ts';

export const persistentVolumeRules = rulesOf(validateVolume);
const accessModes = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];

/** Everything in a spec that is not the volume's source. */
const besideSource: ReadonlySet<string> = new Set([
  'capacity',
  'accessModes',
  'claimRef',
  'persistentVolumeReclaimPolicy',
  'storageClassName',
  'mountOptions',
  'volumeMode',
  'nodeAffinity',
  'volumeAttributesClassName',
]);
const sourceOf = (spec: Part): Part =>
  Object.fromEntries(Object.entries(spec).filter(([key]) => !besideSource.has(key)));

function validateVolume(root: Checked, previous: Checked | undefined): void {
  const spec = root.at('spec');
  validateAccessModes(spec.at('accessModes'), '');
  validateCapacity(spec.at('capacity'));
  spec.at('persistentVolumeReclaimPolicy').optionalOneOf('Delete', 'Recycle', 'Retain');
  spec.at('volumeMode').optionalOneOf('Block', 'Filesystem');
  spec.at('storageClassName').optionalLike(dnsSubdomain);
  spec.at('volumeAttributesClassName').optionalLike(dnsSubdomain);
  validateAffinity(spec.at('nodeAffinity'));
  validateSource(spec);
  if (!previous) return;
  const before = previous.at('spec').part;
  const same = equalJson(sourceOf(spec.part) as Json, sourceOf(before) as Json);
  if (!same)
    spec.add(forbidden('spec.persistentvolumesource', 'spec.persistentvolumesource is immutable after creation'));
  const at = (key: string) => new Checked(spec.part[key], key, spec.errors);
  at('volumeMode').same(before.volumeMode);
  if (before.nodeAffinity !== undefined) {
    at('nodeAffinity').same(before.nodeAffinity, 'field is immutable, except for updating from beta label to GA');
  }
}

export function validateAccessModes(modes: Checked, detail: string): void {
  modes.needed(detail);
  const given = textsOf(modes.value);
  for (const mode of given) if (!accessModes.includes(mode)) modes.add(notSupported(modes.path, mode, accessModes));
  if (given.includes('ReadWriteOncePod') && new Set(given).size > 1) {
    modes.add(forbidden(modes.path, 'may not use ReadWriteOncePod with other access modes'));
  }
}

function validateCapacity(capacity: Checked): void {
  const keys = Object.keys(capacity.part);
  if (keys.length === 0) capacity.add(required(capacity.path));
  if (!keys.includes('storage') || keys.length > 1) {
    capacity.add(notSupported(capacity.path, capacity.value ?? null, ['storage']));
  }
  for (const amount of capacity.entries()) positiveQuantity(amount);
}

export function positiveQuantity(amount: Checked): void {
  const parsed = tryParseQuantity(amount.text);
  if ('quantity' in parsed && parsed.quantity.nanos <= 0n) amount.invalid('must be greater than zero');
}

export function validateAffinity(affinity: Checked): void {
  if (affinity.isAbsent) return;
  const needed = affinity.at('required');
  if (needed.isAbsent) affinity.add(required(needed.path, 'must specify required node constraints'));
  else validateNodeSelector(needed);
}

export function validateNodeSelector(selector: Checked): void {
  const terms = selector.at('nodeSelectorTerms');
  if (!terms.needed('must have at least one node selector term')) return;
  for (const term of terms.items()) {
    for (const expression of term.at('matchExpressions').items()) validateNodeExpression(expression);
  }
}
function validateNodeExpression(expression: Checked): void {
  const { operator, values } = expression.part;
  const compares = operator === 'Gt' || operator === 'Lt';
  if (compares) {
    if (textsOf(values).length !== 1) {
      expression.add(
        required(`${expression.path}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'"),
      );
    }
    return;
  }
  // The sentences are those of a label selector, one level down.
  const found = validateSelector({ matchExpressions: [expression.part as never] }, '');
  for (const error of found) {
    expression.add({ ...error, path: error.path.replace('.matchExpressions[0]', expression.path) });
  }
}

const hostPathTypes = [
  '',
  'BlockDevice',
  'CharDevice',
  'Directory',
  'DirectoryOrCreate',
  'File',
  'FileOrCreate',
  'Socket',
];

function validateSource(spec: Checked): void {
  const sources = Object.keys(sourceOf(spec.part))
    .map((key) => spec.at(key))
    .filter(({ isAbsent }) => !isAbsent);
  if (sources.length === 0) spec.add(required(spec.path, 'must specify a volume type'));
  for (const extra of sources.slice(1)) extra.add(forbidden(extra.path, 'may not specify more than 1 volume type'));
  const source = sources[0];
  const { path = '' } = source ?? {};
  if (!source) return;
  if (path.endsWith('.hostPath')) {
    if (source.at('path').needed()) withoutBackstep(source.at('path'));
    source.at('type').optionalOneOf(...hostPathTypes);
    if (source.at('path').text === '/' && spec.at('persistentVolumeReclaimPolicy').text === 'Recycle') {
      spec.add(forbidden('spec.persistentVolumeReclaimPolicy', "may not be 'recycle' for a hostPath mount of '/'"));
    }
  } else if (path.endsWith('.nfs')) {
    source.at('server').needed();
    source.at('path').needed();
    if (!source.at('path').text.startsWith('/'))
      source.at('path').add(invalid(`${path}.path`, source.at('path').text, 'must be an absolute path'));
  } else if (path.endsWith('.local')) {
    if (source.at('path').needed()) withoutBackstep(source.at('path'));
    if (spec.at('nodeAffinity').isAbsent) spec.at('nodeAffinity').needed('Local volume requires node affinity');
  } else if (path.endsWith('.csi')) validateCsi(source);
}

function validateCsi(source: Checked): void {
  csiDriverName(source.at('driver'));
  source.at('volumeHandle').needed();
  for (const key of csiSecrets) {
    const secret = source.at(key);
    if (secret.isAbsent) continue;
    secret.at('name').needed();
    secret.at('namespace').needed();
  }
}
const csiSecrets = [
  'controllerPublishSecretRef',
  'controllerExpandSecretRef',
  'nodePublishSecretRef',
  'nodeExpandSecretRef',
];
const csiDriverNameMax = 63;

export function csiDriverName(driver: Checked): void {
  if (!driver.needed()) return;
  if (driver.text.length > csiDriverNameMax) {
    driver.add({
      path: driver.path,
      type: 'TooLong',
      text: `Too long: may not be more than ${csiDriverNameMax} bytes`,
    });
  }
  for (const sentence of dnsSubdomain(driver.text.toLowerCase())) driver.invalid(sentence);
}

function withoutBackstep(path: Checked): void {
  if (path.text.split('/').includes('..')) path.invalid("must not contain '..'");
}
