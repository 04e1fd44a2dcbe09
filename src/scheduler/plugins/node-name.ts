import { rejected, type SchedulerPlugin } from '../plugin.ts';

/** A pod that names its node goes nowhere else. */
export const nodeName: SchedulerPlugin = {
  name: 'NodeName',
  byClass: true,
  filter(pod, node) {
    if (!pod.spec.nodeName || pod.spec.nodeName === node.name) return undefined;
    return rejected("node(s) didn't match the requested node name", true);
  },
};
