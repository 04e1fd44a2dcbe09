import { toleratedBy } from '../../api/node-matching.ts';
import { rejected, type SchedulerPlugin } from '../plugin.ts';
import { unschedulableTaint } from './taints.ts';

/** Keeps pods off cordoned nodes. */
export const unschedulable: SchedulerPlugin = {
  name: 'NodeUnschedulable',
  byClass: true,
  filter(pod, { node }) {
    if (
      !node.spec.unschedulable ||
      toleratedBy(pod.spec.tolerations, { key: unschedulableTaint, effect: 'NoSchedule' })
    )
      return undefined;
    return rejected('node(s) were unschedulable', true);
  },
};
