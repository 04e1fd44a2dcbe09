import type { Checked } from './checks.ts';
import { partOf } from './defaulting.ts';

// What only Linux or only Windows has, and what a pod that does not share the host's users may not share either.

const linuxPodFields = [
  'appArmorProfile',
  'seLinuxOptions',
  'seccompProfile',
  'fsGroup',
  'fsGroupChangePolicy',
  'sysctls',
  'shareProcessNamespace',
  'runAsUser',
  'runAsGroup',
  'supplementalGroups',
  'supplementalGroupsPolicy',
];
const linuxContainerFields = [
  'appArmorProfile',
  'seLinuxOptions',
  'seccompProfile',
  'capabilities',
  'readOnlyRootFilesystem',
  'privileged',
  'allowPrivilegeEscalation',
  'procMount',
  'runAsUser',
  'runAsGroup',
];
const windowsSentence = 'cannot be set for a windows pod';
const linuxSentence = 'windows options cannot be set for a linux pod';

export function validateSystem(spec: Checked): void {
  const system = spec.at('os');
  if (system.isAbsent) return;
  const name = system.at('name');
  if (!name.needed() || !name.toldAt(system.path).oneOf('linux', 'windows')) return;
  if (name.text === 'windows') validateWindows(spec);
  else for (const context of contextsOf(spec)) forbidGiven(context, ['windowsOptions'], linuxSentence);
}

const lists = ['containers', 'initContainers', 'ephemeralContainers'];
const contextsOf = (spec: Checked): readonly Checked[] => [
  spec.at('securityContext'),
  ...lists.flatMap((list) => spec.at(list).items()).map((container) => container.at('securityContext')),
];

function forbidGiven(part: Checked, fields: readonly string[], sentence: string): void {
  for (const field of fields) if (!part.at(field).isEmpty) part.at(field).forbidden(sentence);
}

function validateWindows(spec: Checked): void {
  for (const field of ['hostPID', 'hostIPC']) if (spec.part[field] === true) spec.at(field).forbidden(windowsSentence);
  forbidGiven(spec, ['hostUsers'], windowsSentence);
  const [pod, ...containers] = contextsOf(spec);
  if (pod) forbidGiven(pod, linuxPodFields, windowsSentence);
  if (spec.part.shareProcessNamespace !== undefined) {
    spec.at('securityContext').at('shareProcessNamespace').forbidden(windowsSentence);
  }
  for (const context of containers) forbidGiven(context, linuxContainerFields, windowsSentence);
}

/** Users that the host does not know cannot be kept apart in what is the host's own. */
export function validateHostUsers(spec: Checked): void {
  if (spec.part.hostUsers !== false) return;
  const sentence = 'when `hostUsers` is false';
  const told = { hostNetwork: 'hostNetwork', hostPID: 'HostPID', hostIPC: 'HostIPC' };
  for (const [field, name] of Object.entries(told)) if (spec.part[field] === true) spec.at(name).forbidden(sentence);
  for (const list of lists) {
    for (const container of spec.at(list).items()) {
      if (!container.at('volumeDevices').isEmpty) container.at('volumeDevices').forbidden(sentence);
    }
  }
}

const hostProcessOf = (holder: unknown): boolean | undefined =>
  partOf(partOf(partOf(holder).securityContext).windowsOptions).hostProcess as boolean | undefined;

/** Containers that are processes of a Windows host: all of a pod or none, and on the host's network. */
export function validateHostProcesses(spec: Checked): void {
  const whole = hostProcessOf(spec.value);
  const containers = lists.flatMap((list) => spec.at(list).items());
  let count = 0;
  for (const container of containers) {
    const own = hostProcessOf(container.value);
    if (whole !== undefined && own !== undefined && whole !== own) {
      const field = container.at('securityContext').at('windowsOptions').at('hostProcess');
      field.invalid(`pod hostProcess value must be identical if both are specified, was ${whole}`);
    }
    if (own ?? whole) count++;
  }
  if (count === 0) return;
  if (count !== containers.length) {
    spec.invalidAs('', 'If pod contains any hostProcess containers then all containers must be HostProcess containers');
  }
  if (spec.part.hostNetwork !== true) {
    spec.at('hostNetwork').invalidAs(false, 'hostNetwork must be true if pod contains any hostProcess containers');
  }
}
