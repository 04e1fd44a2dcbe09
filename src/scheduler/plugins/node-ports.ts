import { collide, type HostPort, hostPortsOf } from '../../api/host-ports.ts';
import { rejected, type SchedulerPlugin } from '../plugin.ts';

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
