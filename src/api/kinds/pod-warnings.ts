import { dnsLabel } from '../names.ts';
import type { Labels } from '../object.ts';
import { Checked } from './checks.ts';
import { mapOf, type Part, partOf, textOf } from './defaulting.ts';
import { labelWarning, nodeTermWarnings, volumeWarnings } from './node-label-warnings.ts';
import { nanosOf, one } from './resource-name-rules.ts';

/** What is allowed in a pod, or in a template for pods, and still hardly meant. `path`: what the spec stands in. */
export function podWarnings(holder: Part, path: string): readonly string[] {
  const spec = new Checked(holder.spec, path ? `${path}.spec` : 'spec');
  const annotations = mapOf(partOf(holder.metadata).annotations);
  return [
    ...Object.keys(mapOf(spec.part.nodeSelector))
      .sort()
      .flatMap((key) => labelWarning(`${spec.path}.nodeSelector[${key}]`, key, false)),
    ...affinityWarnings(spec.at('affinity')),
    ...spec.at('topologySpreadConstraints').items().flatMap(spreadWarnings),
    ...annotationWarnings(annotations, path ? `${path}.metadata` : 'metadata', spec),
    ...aliasWarnings(spec.at('hostAliases')),
    ...secretWarnings(spec.at('imagePullSecrets')),
    ...spec.at('volumes').items().flatMap(podVolumeWarnings),
    ...[...spec.at('initContainers').items(), ...spec.at('containers').items()].flatMap(containerWarnings),
    ...portWarnings(spec),
    ...(spec.at('terminationGracePeriodSeconds').number < 0
      ? [
          `${spec.path}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1`,
        ]
      : []),
    ...amountWarnings(spec.at('overhead')),
  ];
}

const must = 'requiredDuringSchedulingIgnoredDuringExecution';
const should = 'preferredDuringSchedulingIgnoredDuringExecution';
const noSelector = 'a null labelSelector results in matching no pod';

function affinityWarnings(affinity: Checked): readonly string[] {
  const node = affinity.at('nodeAffinity');
  const terms = node.at(must).at('nodeSelectorTerms').items();
  const preferred = node.at(should).items();
  const podTerms = ['podAffinity', 'podAntiAffinity'].flatMap((side) => [
    ...affinity.at(side).at(must).items(),
    ...affinity
      .at(side)
      .at(should)
      .items()
      .map((item) => item.at('podAffinityTerm')),
  ]);
  return [
    ...terms.flatMap(nodeTermWarnings),
    ...preferred.flatMap((item) => nodeTermWarnings(item.at('preference'))),
    ...podTerms.flatMap((term) =>
      term.at('labelSelector').isAbsent ? [`${term.path}.labelSelector: ${noSelector}`] : [],
    ),
  ];
}

function spreadWarnings(constraint: Checked): readonly string[] {
  const topology = constraint.at('topologyKey');
  return [
    ...labelWarning(topology.path, topology.text, true),
    ...(constraint.at('labelSelector').isAbsent ? [`${constraint.path}.labelSelector: ${noSelector}`] : []),
  ];
}

const containerLists = ['initContainers', 'containers', 'ephemeralContainers'];
const seccompPod = 'seccomp.security.alpha.kubernetes.io/pod';
const seccompContainer = 'container.seccomp.security.alpha.kubernetes.io/';
const appArmorContainer = 'container.apparmor.security.beta.kubernetes.io/';

function annotationWarnings(annotations: Labels, path: string, spec: Checked): readonly string[] {
  const containers = new Map<unknown, Checked>();
  for (const container of containerLists.flatMap((list) => spec.at(list).items())) {
    if (!containers.has(container.part.name)) containers.set(container.part.name, container);
  }
  return Object.keys(annotations)
    .sort()
    .flatMap((key) => {
      const at = `${path}.annotations[${key}]`;
      if (key === seccompPod || key.startsWith(seccompContainer)) {
        return [`${at}: non-functional in v1.27+; use the "seccompProfile" field instead`];
      }
      if (!key.startsWith(appArmorContainer)) return [];
      const said = containers.get(key.slice(appArmorContainer.length))?.at('securityContext').at('appArmorProfile');
      if (!said?.isAbsent) return [];
      return [`${at}: deprecated since v1.30; use the "appArmorProfile" field instead`];
    });
}

function aliasWarnings(aliases: Checked): readonly string[] {
  const seen = new Set<string>();
  return aliases.items().flatMap((alias) => {
    const text = JSON.stringify([alias.part.ip, alias.part.hostnames]);
    const again = seen.has(text);
    seen.add(text);
    return again ? [`${alias.path}.ip: duplicate ip ${JSON.stringify(alias.part.ip)}`] : [];
  });
}

function secretWarnings(secrets: Checked): readonly string[] {
  const seen = new Set<string>();
  return secrets.items().flatMap((secret) => {
    const name = textOf(secret.part.name);
    if (name === '') return [`${secret.path}.name: invalid empty name ""`];
    const again = seen.has(name);
    seen.add(name);
    return again ? [`${secret.path}.name: duplicate name ${JSON.stringify(name)}`] : [];
  });
}

function podVolumeWarnings(volume: Checked): readonly string[] {
  const sources = volume.at('projected').at('sources').items();
  const empty = sources.filter(({ part }) => Object.keys(part).length === 0);
  const words = `volume ${JSON.stringify(volume.part.name)} (Projected) has no sources provided`;
  return [...volumeWarnings(volume), ...empty.map(() => words)];
}

function containerWarnings(container: Checked): readonly string[] {
  const resources = container.at('resources');
  return [
    ...amountWarnings(resources.at('limits')),
    ...amountWarnings(resources.at('requests')),
    ...variableWarnings(container.at('env')),
    ...container.at('ports').items().flatMap(hostWarnings),
  ];
}

function amountWarnings(amounts: Checked): readonly string[] {
  return amounts.entries().flatMap((amount) => {
    const inBytes = amount.lastKey === 'memory' || amount.lastKey === 'ephemeral-storage';
    if (!inBytes || nanosOf(amount.value) % one === 0n) return [];
    return [`${amount.path}: fractional byte value ${JSON.stringify(amount.text)} is invalid, must be an integer`];
  });
}

/** A variable that is said twice counts as said last, unless it speaks of what was said before. */
function variableWarnings(variables: Checked): readonly string[] {
  const seen = new Set<string>();
  return variables.items().flatMap((variable) => {
    const name = textOf(variable.part.name);
    const hides = seen.has(name) && !textOf(variable.part.value).includes(`$(${name})`);
    seen.add(name);
    if (!hides) return [];
    const words = `hides previous definition of ${JSON.stringify(name)}, which may be dropped when using apply`;
    return [`${variable.path}: ${words}`];
  });
}

const hostWarnings = (port: Checked): readonly string[] =>
  !port.at('hostIP').isEmpty && port.at('hostPort').number === 0
    ? [`${port.path}: hostIP set without hostPort: ${JSON.stringify(port.value)}`]
    : [];

interface Door {
  readonly path: string;
  /** Doors that are not alike in this do not clash. */
  readonly group: string;
  /** From everywhere where it is nothing. */
  readonly hostIP: string;
  readonly hostPort: number;
}
/** Of the doors of a group, the first from each address, the first of all under nothing but the group. */
type FirstDoors = Map<string, { readonly path: string; readonly at: number }>;

/** Doors of the same pod that are the same door, or of which one is a part of the other: each with the first of them. */
function portWarnings(spec: Checked): readonly string[] {
  const firsts: FirstDoors = new Map();
  const sidecars = spec
    .at('initContainers')
    .items()
    .filter(({ part }) => part.restartPolicy === 'Always');
  return [...sidecars, ...spec.at('containers').items()]
    .flatMap((container) => container.at('ports').items())
    .flatMap((port, at) => {
      const door = doorOf(port);
      const warnings = clashes(door, firsts);
      for (const key of [door.group, fromOf(door, door.hostIP)]) {
        if (!firsts.has(key)) firsts.set(key, { path: door.path, at });
      }
      return warnings;
    });
}

function doorOf(port: Checked): Door {
  const { containerPort, protocol, hostIP } = port.part;
  const hostPort = port.at('hostPort').number;
  const inside = `${String(containerPort)}/${textOf(protocol)}`;
  const group = hostPort === 0 ? `inside ${inside}` : `${hostPort}/${textOf(protocol)}`;
  return { path: port.path, group, hostPort, hostIP: textOf(hostIP) === '0.0.0.0' ? '' : textOf(hostIP) };
}

const fromOf = ({ group }: Door, address: string): string => `${group} from ${address}`;

function clashes(door: Door, firsts: FirstDoors): readonly string[] {
  const any = firsts.get(door.group);
  if (!any) return [];
  const same = door.hostPort === 0 ? any : firsts.get(fromOf(door, door.hostIP));
  const open = door.hostIP === '' ? any : firsts.get(fromOf(door, ''));
  if (same && (!open || same.at <= open.at)) return [`${door.path}: duplicate port definition with ${same.path}`];
  return open ? [`${door.path}: overlapping port definition with ${open.path}`] : [];
}

/** The name of a pod, or of what makes pods, becomes a part of host names. `where`: which ones. */
export function nameWarnings(name: string, where: string): readonly string[] {
  const sentences = dnsLabel(name);
  const words = `this is used in ${where}, which can result in surprising behavior; a DNS label is recommended`;
  return sentences.length > 0 ? [`metadata.name: ${words}: [${sentences.join(' ')}]`] : [];
}
