import { rejected, type SchedulerPlugin } from '../plugin.ts';
import { toleratedBy, unschedulableTaint } from './taints.ts';

/** Keeps pods off cordoned nodes. */
export const unschedulable: SchedulerPlugin = {
  name: 'NodeUnschedulable',
  filter(pod, { node }) {
    if (!node.spec.unschedulable || toleratedBy(pod, { key: unschedulableTaint, effect: 'NoSchedule' }))
      return undefined;
    return rejected('node(s) were unschedulable', true);
  },
};
