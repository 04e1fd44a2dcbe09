import { Checked } from './checks.ts';
import { type Part, partOf, partsOf, textOf } from './defaulting.ts';
import { localPath } from './volume-source-rules.ts';

const propagations = ['Bidirectional', 'HostToContainer', 'None'];

/** Where a container finds which volume. */
export function validateMounts(container: Checked, volumes: ReadonlyMap<string, Part>): void {
  const places = new Set<string>();
  const devices = partsOf(container.part.volumeDevices);
  const mounts = container.at('volumeMounts');
  for (const mount of mounts.items()) {
    const name = mount.at('name');
    name.needed();
    if (!volumes.has(name.text)) name.notFound(name.text);
    const place = mount.at('mountPath');
    place.needed();
    if (places.has(place.text)) place.invalid('must be unique');
    places.add(place.text);
    if (devices.some((device) => device.name === name.text)) name.invalid('must not already exist in volumeDevices');
    if (devices.some((device) => device.devicePath === place.text)) {
      place.invalid('must not already exist as a path in volumeDevices');
    }
    const [path, expression] = [mount.at('subPath'), mount.at('subPathExpr')];
    if (!path.isEmpty) localPath(path);
    if (!expression.isEmpty) {
      if (!path.isEmpty) expression.invalid('subPathExpr and subPath are mutually exclusive');
      localPath(expression);
    }
    // Upstream does not say of which mount.
    const propagation = new Checked(mount.part.mountPropagation, mounts, mount.errors, 'mountPropagation');
    validatePropagation(propagation, partOf(container.part.securityContext).privileged === true);
    validateRecursion(mount);
  }
}

function validatePropagation(propagation: Checked, privileged: boolean): void {
  propagation.optionalOneOf(...propagations);
  if (propagation.text !== 'Bidirectional' || privileged) return;
  propagation.forbidden('Bidirectional mount propagation is available only to privileged containers');
}

function validateRecursion(mount: Checked): void {
  const recursive = mount.at('recursiveReadOnly');
  if (recursive.isAbsent || !recursive.oneOf('Disabled', 'Enabled', 'IfPossible')) return;
  if (recursive.text === 'Disabled') return;
  if (mount.part.readOnly !== true) recursive.forbidden('may only be specified when readOnly is true');
  const propagation = textOf(mount.part.mountPropagation);
  if (propagation !== '' && propagation !== 'None') {
    recursive.forbidden('may only be specified when mountPropagation is None or not specified');
  }
}

/** Which volumes a container sees as devices. */
export function validateDevices(container: Checked, volumes: ReadonlyMap<string, Part>): void {
  const names = new Set<string>();
  const places = new Set<string>();
  const mounts = partsOf(container.part.volumeMounts);
  for (const device of container.at('volumeDevices').items()) {
    const name = device.at('name');
    const place = device.at('devicePath');
    const volume = volumes.get(name.text);
    name.needed();
    if (names.has(name.text)) name.invalid('must be unique');
    if (volume === undefined) name.notFound(name.text);
    else if (volume.persistentVolumeClaim === undefined && volume.ephemeral === undefined) {
      name.invalid('can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode');
    }
    place.needed();
    if (places.has(place.text)) place.invalid('must be unique');
    if (place.text.split('/').includes('..')) place.invalid("can not contain backsteps ('..')");
    else places.add(place.text);
    if (mounts.some((mount) => mount.name === name.text)) name.invalid('must not already exist in volumeMounts');
    if (mounts.some((mount) => mount.mountPath === place.text)) {
      place.invalid('must not already exist as a path in volumeMounts');
    }
    if (!name.isEmpty) names.add(name.text);
  }
}
