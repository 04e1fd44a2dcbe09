import type { Pod } from '../api/kinds/pod.ts';

/** Names, or beginnings of names that end with `*`. */
export type SysctlNames = readonly string[];

/** Each pod has its own of these, and no pod can do harm to others by them. */
const safe: ReadonlySet<string> = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ping_group_range',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.tcp_wmem',
]);

/** What each pod has its own of, by the namespace of the kernel that holds it. */
const namespaced = [
  ['kernel.sem', 'ipc'],
  ['kernel.shm', 'ipc'],
  ['kernel.msg', 'ipc'],
  ['fs.mqueue.', 'ipc'],
  ['net.', 'net'],
] as const;

interface Named {
  readonly sysctls?: readonly { readonly name: string }[];
}

/** Why a pod may not set what it wants to set, or nothing. */
export function forbiddenSysctl({ spec }: Pod, unsafe: SysctlNames): string | undefined {
  const { sysctls = [] } = (spec.securityContext ?? {}) as Named;
  const { hostNetwork, hostIPC } = spec as { readonly hostNetwork?: boolean; readonly hostIPC?: boolean };
  for (const { name: written } of sysctls) {
    const name = dotted(written);
    const told = JSON.stringify(written);
    if (!safe.has(name) && !unsafe.some((pattern) => fits(dotted(pattern), name))) return `${told} not allowlisted`;
    const space = namespaced.find(([prefix]) => name.startsWith(prefix))?.[1];
    if (space === 'net' && hostNetwork) return `${told} not allowed with host net enabled`;
    if (space === 'ipc' && hostIPC) return `${told} not allowed with host ipc enabled`;
  }
  return undefined;
}

/** Throws with what is wrong about it: what a pod does not have for itself nobody can let it set. */
export function parseSysctlNames(text: string): SysctlNames {
  const names = text.split(',').map((name) => name.trim());
  return names
    .filter((name) => name !== '')
    .map((name) => {
      if (!/^[a-z0-9]([-_a-z0-9./]*[a-z0-9])?[./]?\*?$/.test(name)) {
        throw new Error(`${JSON.stringify(name)} is neither the name of a sysctl nor a beginning such as net.core.*`);
      }
      if (!namespaced.some(([prefix]) => dotted(name).startsWith(prefix))) {
        throw new Error(`${JSON.stringify(name)} is one for the whole machine: no pod can have its own`);
      }
      return name;
    });
}

const fits = (pattern: string, name: string): boolean =>
  pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : pattern === name;

/** `net/ipv4/tcp_rmem` is `net.ipv4.tcp_rmem`: whichever comes first separates. */
function dotted(name: string): string {
  const first = /[./]/.exec(name)?.[0];
  if (first !== '/') return name;
  return name.replace(/[./]/g, (one) => (one === '/' ? '.' : '/'));
}
