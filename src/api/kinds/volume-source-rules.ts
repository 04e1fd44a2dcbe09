import { dnsLabel, dnsSubdomain } from '../names.ts';
import type { Checked } from './checks.ts';

// The sources that pods and persistent volumes share. Where a volume belongs to no namespace, its secrets name theirs.

/** Where a source stands: some of a volume's fields must be filled in although a pod's need not. */
export interface SourceSetting {
  readonly persistent: boolean;
}
export type SourceRule = (source: Checked, setting: SourceSetting) => void;

export function needs(part: Checked, ...fields: readonly string[]): void {
  for (const field of fields) part.at(field).needed();
}
export function withoutBackstep(path: Checked): void {
  if (path.text.split('/').includes('..')) path.invalid("must not contain '..'");
}
/** A path below some folder. */
export function localPath(path: Checked): void {
  if (path.text.startsWith('/')) path.invalid('must be a relative path');
  withoutBackstep(path);
}
/** A path below some folder in which names that begin with two dots are the system's own. */
export function ownPath(path: Checked): void {
  localPath(path);
  if (path.text.startsWith('..') && !path.text.startsWith('../')) path.invalid("must not start with '..'");
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
const csiDriverNameMax = 63;
/** File names that a portal's prefix must fit in with the volume's own name. */
const portalLengthMax = 64;

export function csiDriverName(driver: Checked): void {
  if (!driver.needed()) return;
  driver.bytesAtMost(csiDriverNameMax);
  for (const sentence of dnsSubdomain(driver.text.toLowerCase())) driver.invalid(sentence);
}

function hostPath(source: Checked): void {
  if (!source.at('path').needed()) return;
  withoutBackstep(source.at('path'));
  source.at('type').optionalOneOf(...hostPathTypes);
}
function disk(nameField: string): SourceRule {
  return (source) => {
    source.at(nameField).needed();
    source.at('partition').between(0, 255, 'must be between 1 and 255, inclusive');
  };
}
function nfs(source: Checked): void {
  needs(source, 'server', 'path');
  if (!source.at('path').text.startsWith('/')) source.at('path').invalid('must be an absolute path');
}

const qualifiedTarget = /^iqn\.\d{4}-\d{2}\.([a-zA-Z0-9.-]+)(:[^,;*&$|\s]+)$/;
const targets = [qualifiedTarget, /^eui.[a-zA-Z0-9]{16}$/, /^naa.[a-zA-Z0-9]{32}$/];
const isTarget = (text: string): boolean => {
  const kind = ['iqn', 'eui', 'naa'].findIndex((prefix) => text.startsWith(prefix));
  return kind >= 0 && (targets[kind] as RegExp).test(text);
};
function iscsi(source: Checked): void {
  source.at('targetPortal').needed();
  const target = source.at('iqn');
  if (target.needed()) {
    if (!/^(iqn|eui|naa)/.test(target.text)) {
      target.invalid('must be valid format starting with iqn, eui, or naa');
    } else if (!isTarget(target.text)) target.invalid('must be valid format');
  }
  source.at('lun').between(0, 255, 'must be between 0 and 255, inclusive');
  const challenged = source.part.chapAuthDiscovery === true || source.part.chapAuthSession === true;
  if (challenged && source.at('secretRef').isAbsent) source.at('secretRef').missing();
  const initiator = source.at('initiatorName').toldAt(`${source.path}.initiatorname`);
  if (!initiator.isAbsent && !isTarget(initiator.text)) initiator.invalid('must be valid format');
}
/** A portal and the name of the volume become one name. */
export function portalFits(volume: Checked): void {
  const { targetPortal, initiatorName } = volume.at('iscsi').part as { targetPortal?: string; initiatorName?: string };
  const name = volume.at('name');
  if (initiatorName === undefined || `${name.text}:${targetPortal}`.length <= portalLengthMax) return;
  name.invalid(
    'Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.',
  );
}

function glusterfs(source: Checked, { persistent }: SourceSetting): void {
  needs(source, 'endpoints', 'path');
  const namespace = source.at('endpointsNamespace');
  if (persistent && !namespace.isAbsent) namespace.like(dnsLabel);
}
function flocker(source: Checked): void {
  const [name, id] = [source.at('datasetName'), source.at('datasetUUID')];
  if (name.isEmpty && id.isEmpty) source.missing('one of datasetName and datasetUUID is required');
  if (!name.isEmpty && !id.isEmpty) {
    source.invalidAs('resource', 'datasetName and datasetUUID can not be specified simultaneously');
  }
  if (name.text.includes('/')) name.invalid("must not contain '/'");
}
function secretReference(secret: Checked, { persistent }: SourceSetting): void {
  if (secret.isAbsent) return;
  needs(secret, 'name', ...(persistent ? ['namespace'] : []));
}
const registrySentence = 'must be a host:port pair or multiple pairs separated by commas';
function quobyte(source: Checked): void {
  const registry = source.at('registry');
  const pairs = registry.text.split(',');
  if (source.at('tenant').text.length > 64) {
    source.at('tenant').missing('must be a UUID and may not exceed a length of 64 characters');
  }
  if (registry.isEmpty) registry.missing(registrySentence);
  else for (const pair of pairs) if (!/^[^:]*:[^:]*$/.test(pair)) registry.invalid(registrySentence);
  source.at('volume').needed();
}
function fibreChannel(source: Checked): void {
  const names = source.at('targetWWNs');
  const [some, ids] = [!names.isEmpty, !source.at('wwids').isEmpty];
  if (some && ids) names.invalid('targetWWNs and wwids can not be specified simultaneously');
  else if (!some && !ids) names.missing('must specify either targetWWNs or wwids, but not both');
  if (!some) return;
  const unit = source.at('lun');
  if (unit.isAbsent) unit.missing('lun is required if targetWWNs is specified');
  else unit.between(0, 255, 'must be between 0 and 255, inclusive');
}
function flexVolume(source: Checked): void {
  source.at('driver').needed();
  for (const option of source.at('options').entries()) {
    const owner = `.${(option.lastKey.split('/')[0] as string).toLowerCase()}`;
    const owned = option.lastKey.includes('/') ? owner : `.${option.lastKey.toLowerCase()}`;
    if (!owned.endsWith('.kubernetes.io') && !owned.endsWith('.k8s.io')) continue;
    option.invalidAs(option.lastKey, 'kubernetes.io and k8s.io namespaces are reserved');
  }
}
function azureFile(source: Checked, { persistent }: SourceSetting): void {
  needs(source, 'secretName', 'shareName');
  const namespace = source.at('secretNamespace');
  if (persistent && namespace.value === '') namespace.invalid('must not be empty');
}
function azureDisk(source: Checked): void {
  needs(source, 'diskName', 'diskURI');
  source.at('cachingMode').optionalOneOf('None', 'ReadOnly', 'ReadWrite');
  const kind = source.at('kind');
  kind.optionalOneOf('Dedicated', 'Managed', 'Shared');
  const address = source.at('diskURI');
  if (kind.text === 'Managed' && !address.text.startsWith('/subscriptions/')) {
    address.oneOf('/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}');
  } else if (kind.text !== 'Managed' && !address.text.startsWith('https://')) {
    address.oneOf('https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd');
  }
}
function storageos(source: Checked, setting: SourceSetting): void {
  if (source.at('volumeName').needed()) source.at('volumeName').like(dnsLabel);
  source.at('volumeNamespace').optionalLike(dnsLabel);
  secretReference(source.at('secretRef'), setting);
}
const volumeSecrets = [
  'controllerPublishSecretRef',
  'controllerExpandSecretRef',
  'nodePublishSecretRef',
  'nodeExpandSecretRef',
];
function csi(source: Checked, { persistent }: SourceSetting): void {
  csiDriverName(source.at('driver'));
  if (!persistent) {
    const secret = source.at('nodePublishSecretRef');
    if (!secret.isAbsent && secret.at('name').needed()) secret.at('name').like(dnsSubdomain);
    return;
  }
  source.at('volumeHandle').needed();
  for (const field of volumeSecrets) secretReference(source.at(field), { persistent });
}
const monitors = (source: Checked) => source.at('monitors').needed();

/** The rules of each shared source. */
export const sourceRules: Readonly<Record<string, SourceRule>> = {
  hostPath,
  gcePersistentDisk: disk('pdName'),
  awsElasticBlockStore: disk('volumeID'),
  nfs,
  iscsi,
  glusterfs,
  flocker,
  rbd: (source) => {
    monitors(source);
    source.at('image').needed();
  },
  cinder: (source, setting) => {
    source.at('volumeID').needed();
    secretReference(source.at('secretRef'), setting);
  },
  cephfs: (source) => void monitors(source),
  quobyte,
  fc: fibreChannel,
  flexVolume,
  azureFile,
  vsphereVolume: (source) => needs(source, 'volumePath'),
  photonPersistentDisk: (source) => needs(source, 'pdID'),
  portworxVolume: (source) => needs(source, 'volumeID'),
  azureDisk,
  storageos,
  scaleIO: (source) => needs(source, 'gateway', 'system', 'volumeName'),
  csi,
};

/** Judges the first source in this order, and refuses all further ones. Answers how many there are. */
export function validateOneSource(
  volume: Checked,
  order: readonly string[],
  judge: (name: string, source: Checked) => void,
): number {
  const given = order.filter((name) => volume.part[name] !== undefined && volume.part[name] !== null);
  for (const [index, name] of given.entries()) {
    if (index === 0) judge(name, volume.at(name));
    else volume.at(name).forbidden('may not specify more than 1 volume type');
  }
  if (given.length === 0) volume.missing('must specify a volume type');
  return given.length;
}
