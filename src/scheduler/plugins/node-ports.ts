import { rejected, type SchedulerPlugin } from '../plugin.ts';
import { type HostPort, hostPortsOf } from '../snapshot.ts';

const any = '0.0.0.0';

/** Two pods of one node cannot have the same port of the host. */
export const nodePorts: SchedulerPlugin<readonly HostPort[]> = {
  name: 'NodePorts',
  byClass: true,
  prepare: hostPortsOf,
  filter(_pod, node, wanted) {
    const taken = wanted.some((port) => node.ports.some((other) => collide(port, other)));
    return taken ? rejected("node(s) didn't have free ports for the requested pod ports", false) : undefined;
  },
};

const collide = (a: HostPort, b: HostPort): boolean =>
  a.port === b.port && a.protocol === b.protocol && (a.ip === b.ip || a.ip === any || b.ip === any);
