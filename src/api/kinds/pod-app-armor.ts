import type { Labels } from '../object.ts';
import type { Checked } from './checks.ts';
import { type Part, partOf, partsOf, textOf } from './defaulting.ts';
import type { Pod } from './pod.ts';

// How a container's AppArmor profile was named before there was a field for it.

const prefix = 'container.apparmor.security.beta.kubernetes.io/';
const local = 'localhost/';
const lists = ['initContainers', 'containers', 'ephemeralContainers'];

/** A new pod says in fields what its annotations say, where the fields say nothing. */
export function withAppArmorFields(pod: Pod): Pod {
  const annotations = pod.metadata.annotations ?? {};
  const spec = pod.spec as unknown as Part;
  if (partOf(spec.os).name === 'windows' || !Object.keys(annotations).some((key) => key.startsWith(prefix))) return pod;
  const whole = partOf(spec.securityContext).appArmorProfile;
  const named = (container: Part): Part => {
    const profile = profileOf(annotations[prefix + textOf(container.name)]);
    const own = partOf(container.securityContext);
    if (!profile || own.appArmorProfile !== undefined || sameProfile(profile, whole)) return container;
    return { ...container, securityContext: { ...own, appArmorProfile: profile } };
  };
  const changed = lists.flatMap((list) => (spec[list] ? [[list, partsOf(spec[list]).map(named)] as const] : []));
  return { ...pod, spec: { ...pod.spec, ...Object.fromEntries(changed) } };
}

/** Undefined for what no field can say. */
function profileOf(annotation: string | undefined): Part | undefined {
  if (annotation === 'unconfined') return { type: 'Unconfined' };
  if (annotation === 'runtime/default') return { type: 'RuntimeDefault' };
  if (annotation === undefined || !annotation.startsWith(local)) return undefined;
  const localhostProfile = annotation.slice(local.length).trim();
  return localhostProfile === '' ? undefined : { type: 'Localhost', localhostProfile };
}

function sameProfile(profile: Part, other: unknown): boolean {
  const { type, localhostProfile } = partOf(other);
  return profile.type === type && profile.localhostProfile === localhostProfile;
}

/** The annotations name containers that are there, and profiles; what the fields say besides is the same. */
export function validateAppArmor(annotations: Checked, given: Labels, spec: Checked): void {
  const containers = lists.flatMap((list) => spec.at(list).items());
  for (const [key, value] of Object.entries(given)) {
    if (!key.startsWith(prefix)) continue;
    const name = key.slice(prefix.length);
    const at = annotations.key(key);
    const container = containers.find(({ part }) => part.name === name);
    if (!container) at.invalidAs(name, 'container not found');
    if (value !== '' && value !== 'runtime/default' && value !== 'unconfined' && !value.startsWith(local)) {
      at.invalid(`invalid AppArmor profile name: ${JSON.stringify(value)}`);
    }
    const said = profileOf(value);
    if (said && container) validateSame(said, container, spec.at('securityContext').at('appArmorProfile').value);
  }
}

function validateSame(said: Part, container: Checked, whole: unknown): void {
  const field = container.at('securityContext').at('appArmorProfile');
  const profile = partOf(field.value ?? whole);
  if (profile.type === undefined) return;
  if (profile.type !== said.type) {
    field.at('type').forbidden('apparmor type in annotation and field must match');
  } else if (profile.localhostProfile !== said.localhostProfile) {
    field.at('localhostProfile').forbidden('apparmor profile in annotation and field must match');
  }
}

/** What a pod's containers may do was settled when it was made. */
export function validateAppArmorUpdate(annotations: Checked, given: Labels, before: Labels): void {
  for (const key of new Set([...Object.keys(before), ...Object.keys(given)])) {
    if (!key.startsWith(prefix) || given[key] === before[key]) continue;
    const verb = before[key] === undefined ? 'add' : 'remove or update';
    annotations.key(key).forbidden(`may not ${verb} AppArmor annotations`);
  }
}
