import { type Part, partOf, partsOf, textOf, textsOf } from '../../../api/kinds/defaulting.ts';
import {
  containersOf,
  containersText,
  type NamedContainer,
  type PodParts,
  plural,
  quoted,
  settersText,
  sorted,
  type Violation,
} from './parts.ts';

// What no ordinary application needs, and what breaks out of a container. Each control answers why it refuses.

const appArmorPrefix = 'container.apparmor.security.beta.kubernetes.io/';

export function appArmor({ annotations, spec }: PodParts): Violation | undefined {
  const values = new Set<string>();
  const isBad = (profile: unknown): boolean => {
    const type = partOf(profile).type;
    const bad = profile !== undefined && type !== 'RuntimeDefault' && type !== 'Localhost';
    if (bad) values.add(textOf(type));
    return bad;
  };
  const pod = isBad(partOf(spec.securityContext).appArmorProfile);
  const names = namesOf(spec, ({ security }) => isBad(security.appArmorProfile));
  const notes = Object.entries(annotations).filter(
    ([key, value]) =>
      key.startsWith(appArmorPrefix) && value !== '' && value !== 'runtime/default' && !value.startsWith('localhost/'),
  );
  for (const [key, value] of notes) values.add(`${key}=${JSON.stringify(value)}`);
  if (values.size === 0) return undefined;
  const more = notes.length > 0 ? [plural('annotation', 'annotations', notes.length)] : [];
  return {
    reason: plural('forbidden AppArmor profile', 'forbidden AppArmor profiles', values.size),
    detail: `${settersText(pod, names, more)} must not set AppArmor profile type to ${quoted(sorted(values))}`,
  };
}

const commonCapabilities = new Set([
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
]);

export function capabilities({ spec }: PodParts): Violation | undefined {
  const added = forbiddenAdditions(spec, commonCapabilities);
  if (added === undefined) return undefined;
  return { reason: 'non-default capabilities', detail: added };
}

/** Undefined where no container adds anything but these. */
export function forbiddenAdditions(spec: Part, allowed: ReadonlySet<string>): string | undefined {
  const bad: string[] = [];
  const names = namesOf(spec, ({ security }) => {
    const others = textsOf(partOf(security.capabilities).add).filter((name) => !allowed.has(name));
    bad.push(...others);
    return others.length > 0;
  });
  if (names.length === 0) return undefined;
  return `${containersText(names)} must not include ${quoted(sorted(bad))} in securityContext.capabilities.add`;
}

export function hostNamespaces({ spec }: PodParts): Violation | undefined {
  const shared = ['hostNetwork', 'hostPID', 'hostIPC'].filter((name) => spec[name] === true);
  if (shared.length === 0) return undefined;
  return { reason: 'host namespaces', detail: shared.map((name) => `${name}=true`).join(', ') };
}

export function hostPathVolumes({ spec }: PodParts): Violation | undefined {
  const names = partsOf(spec.volumes)
    .filter(({ hostPath }) => hostPath !== undefined)
    .map(({ name }) => textOf(name));
  if (names.length === 0) return undefined;
  return { reason: 'hostPath volumes', detail: `${plural('volume', 'volumes', names.length)} ${quoted(names)}` };
}

export function hostPorts({ spec }: PodParts): Violation | undefined {
  const ports = new Set<string>();
  const names = namesOf(spec, ({ part }) => {
    const own = partsOf(part.ports).filter(({ hostPort }) => hostPort !== undefined && hostPort !== 0);
    for (const { hostPort } of own) ports.add(textOf(hostPort));
    return own.length > 0;
  });
  if (names.length === 0) return undefined;
  const [uses, what] = [plural('uses', 'use', names.length), plural('hostPort', 'hostPorts', ports.size)];
  return { reason: 'hostPort', detail: `${containersText(names)} ${uses} ${what} ${sorted(ports).join(', ')}` };
}

export function hostProbes({ spec }: PodParts): Violation | undefined {
  const hosts = new Set<string>();
  const names = namesOf(spec, ({ part }) => {
    const lifecycle = partOf(part.lifecycle);
    const handlers = [
      part.livenessProbe,
      part.readinessProbe,
      part.startupProbe,
      lifecycle.postStart,
      lifecycle.preStop,
    ].map(partOf);
    const own = handlers
      .flatMap(({ httpGet, tcpSocket }) => [partOf(httpGet).host, partOf(tcpSocket).host])
      .map(textOf)
      .filter((host) => host !== '');
    for (const host of own) hosts.add(host);
    return own.length > 0;
  });
  if (names.length === 0) return undefined;
  const what = `probe or lifecycle ${plural('host', 'hosts', hosts.size)}`;
  const uses = plural('uses', 'use', names.length);
  return {
    reason: 'probe or lifecycle host',
    detail: `${containersText(names)} ${uses} ${what} ${quoted(sorted(hosts))}`,
  };
}

export function privileged({ spec }: PodParts): Violation | undefined {
  const names = namesOf(spec, ({ security }) => security.privileged === true);
  if (names.length === 0) return undefined;
  return { reason: 'privileged', detail: `${containersText(names)} must not set securityContext.privileged=true` };
}

export function procMount({ spec }: PodParts): Violation | undefined {
  const types = new Set<string>();
  const names = namesOf(spec, ({ security }) => {
    const type = security.procMount;
    const bad = type !== undefined && type !== 'Default';
    if (bad) types.add(textOf(type));
    return bad;
  });
  if (names.length === 0) return undefined;
  return {
    reason: 'procMount',
    detail: `${containersText(names)} must not set securityContext.procMount to ${quoted(sorted(types))}`,
  };
}

/** A pod with users of its own has no root of the machine that it could get at. */
export const procMountUnlessOwnUsers = (pod: PodParts): Violation | undefined =>
  pod.spec.hostUsers === false ? undefined : procMount(pod);

const podSeccomp = 'seccomp.security.alpha.kubernetes.io/pod';
const containerSeccomp = 'container.seccomp.security.alpha.kubernetes.io/';

/** When there was no field for it yet. */
export function seccompAnnotations({ annotations, spec }: PodParts): Violation | undefined {
  const keys = [podSeccomp, ...containersOf(spec).map(({ name }) => containerSeccomp + name)];
  const bad = keys.flatMap((key) => {
    const value = annotations[key];
    const allowed = value === undefined || ['runtime/default', 'docker/default'].includes(value);
    return allowed || value.startsWith('localhost/') ? [] : [`${key}=${JSON.stringify(value)}`];
  });
  if (bad.length === 0) return undefined;
  const what = plural('annotation', 'annotations', new Set(bad).size);
  return { reason: 'seccompProfile', detail: `forbidden ${what} ${sorted(bad).join(', ')}` };
}

export const isSeccompAllowed = (profile: unknown): boolean =>
  ['RuntimeDefault', 'Localhost'].includes(textOf(partOf(profile).type));

export function seccomp({ spec }: PodParts): Violation | undefined {
  const types = new Set<string>();
  const isBad = (profile: unknown): boolean => {
    const bad = profile !== undefined && !isSeccompAllowed(profile);
    if (bad) types.add(textOf(partOf(profile).type));
    return bad;
  };
  const pod = isBad(partOf(spec.securityContext).seccompProfile);
  const names = namesOf(spec, ({ security }) => isBad(security.seccompProfile));
  if (types.size === 0) return undefined;
  const who = settersText(pod, names);
  return {
    reason: 'seccompProfile',
    detail: `${who} must not set securityContext.seccompProfile.type to ${quoted(sorted(types))}`,
  };
}

const seLinuxTypes = ['', 'container_t', 'container_init_t', 'container_kvm_t'];
export const seLinux = (pod: PodParts): Violation | undefined => seLinuxOf(pod, seLinuxTypes);
export const seLinuxWithEngine = (pod: PodParts): Violation | undefined =>
  seLinuxOf(pod, [...seLinuxTypes, 'container_engine_t']);

function seLinuxOf({ spec }: PodParts, allowed: readonly string[]): Violation | undefined {
  const types = new Set<string>();
  const set = { user: false, role: false };
  const isBad = (options: unknown): boolean => {
    const { type, user, role } = partOf(options);
    if (!allowed.includes(textOf(type))) types.add(textOf(type));
    set.user ||= textOf(user) !== '';
    set.role ||= textOf(role) !== '';
    return !allowed.includes(textOf(type)) || textOf(user) !== '' || textOf(role) !== '';
  };
  const pod = isBad(partOf(spec.securityContext).seLinuxOptions);
  const names = namesOf(spec, ({ security }) => isBad(security.seLinuxOptions));
  if (!pod && names.length === 0) return undefined;
  const what = [
    ...(types.size > 0 ? [`${plural('type', 'types', types.size)} ${quoted(sorted(types))}`] : []),
    ...(set.user ? ['user may not be set'] : []),
    ...(set.role ? ['role may not be set'] : []),
  ];
  return {
    reason: 'seLinuxOptions',
    detail: `${settersText(pod, names)} set forbidden securityContext.seLinuxOptions: ${what.join('; ')}`,
  };
}

const sysctlsByVersion: readonly (readonly [minor: number, names: readonly string[]])[] = [
  [
    0,
    [
      'kernel.shm_rmid_forced',
      'net.ipv4.ip_local_port_range',
      'net.ipv4.tcp_syncookies',
      'net.ipv4.ping_group_range',
      'net.ipv4.ip_unprivileged_port_start',
    ],
  ],
  [27, ['net.ipv4.ip_local_reserved_ports']],
  [
    29,
    [
      'net.ipv4.tcp_keepalive_time',
      'net.ipv4.tcp_fin_timeout',
      'net.ipv4.tcp_keepalive_intvl',
      'net.ipv4.tcp_keepalive_probes',
    ],
  ],
  [32, ['net.ipv4.tcp_rmem', 'net.ipv4.tcp_wmem']],
];

/** Those that a pod has for itself, and that were known to be safe at the time. */
export function sysctls({ spec }: PodParts, minor: number): Violation | undefined {
  const allowed = new Set(sysctlsByVersion.flatMap(([since, names]) => (since <= minor ? names : [])));
  const bad = partsOf(partOf(spec.securityContext).sysctls)
    .map(({ name }) => textOf(name))
    .filter((name) => !allowed.has(name));
  return bad.length > 0 ? { reason: 'forbidden sysctls', detail: bad.join(', ') } : undefined;
}

export function hostProcess({ spec }: PodParts): Violation | undefined {
  const isBad = (security: Part): boolean => partOf(security.windowsOptions).hostProcess === true;
  const pod = isBad(partOf(spec.securityContext));
  const names = namesOf(spec, ({ security }) => isBad(security));
  if (!pod && names.length === 0) return undefined;
  return {
    reason: 'hostProcess',
    detail: `${settersText(pod, names)} must not set securityContext.windowsOptions.hostProcess=true`,
  };
}

const namesOf = (spec: Part, isBad: (container: NamedContainer) => boolean): readonly string[] =>
  containersOf(spec).flatMap((container) => (isBad(container) ? [container.name] : []));
