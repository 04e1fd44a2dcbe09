import type { Pod } from './kinds/pod.ts';

/** A port of the machine that a pod wants. */
export interface HostPort {
  readonly ip: string;
  readonly protocol: string;
  readonly port: number;
}

const any = '0.0.0.0';

/** Of what runs together: an init container has ended before others begin. */
export function hostPortsOf(pod: Pod): readonly HostPort[] {
  const sidecars = (pod.spec.initContainers ?? []).filter((container) => container.restartPolicy === 'Always');
  return [...sidecars, ...pod.spec.containers].flatMap((container) =>
    (container.ports ?? []).flatMap(({ hostPort, hostIP, protocol }) =>
      hostPort ? [{ ip: hostIP || any, protocol: protocol ?? 'TCP', port: hostPort }] : [],
    ),
  );
}

/** Two pods of one node cannot have the same port of the host. */
export const collide = (a: HostPort, b: HostPort): boolean =>
  a.port === b.port && a.protocol === b.protocol && (a.ip === b.ip || a.ip === any || b.ip === any);
