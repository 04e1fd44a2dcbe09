import { toleratedBy } from '../../api/node-matching.ts';
import { inverse, rejected, type SchedulerPlugin } from '../plugin.ts';

export const unschedulableTaint = 'node.kubernetes.io/unschedulable';

/** Keeps pods off tainted nodes that they do not tolerate, and away from those that are only discouraged. */
export const taints: SchedulerPlugin = {
  name: 'TaintToleration',
  byClass: true,
  weight: 3,
  filter(pod, { node }) {
    const strict = (node.spec.taints ?? []).filter(({ effect }) => effect === 'NoSchedule' || effect === 'NoExecute');
    return strict.every((taint) => toleratedBy(pod.spec.tolerations, taint))
      ? undefined
      : rejected('node(s) had untolerated taint(s)', true);
  },
  score(pod, { node }) {
    const soft = (node.spec.taints ?? []).filter(({ effect }) => effect === 'PreferNoSchedule');
    return soft.filter((taint) => !toleratedBy(pod.spec.tolerations, taint)).length;
  },
  normalize: inverse,
};
