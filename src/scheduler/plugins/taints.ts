import type { Taint } from '../../api/kinds/node.ts';
import type { Pod, Toleration } from '../../api/kinds/pod.ts';
import { inverse, rejected, type SchedulerPlugin } from '../plugin.ts';

export const unschedulableTaint = 'node.kubernetes.io/unschedulable';

export function tolerates(toleration: Toleration, taint: Taint): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false;
  if (toleration.key && toleration.key !== taint.key) return false;
  switch (toleration.operator || 'Equal') {
    case 'Exists':
      return true;
    case 'Equal':
      return (toleration.value ?? '') === (taint.value ?? '') && Boolean(toleration.key);
    case 'Lt':
      return isInteger(toleration.value) && isInteger(taint.value) && Number(taint.value) < Number(toleration.value);
    case 'Gt':
      return isInteger(toleration.value) && isInteger(taint.value) && Number(taint.value) > Number(toleration.value);
    default:
      return false;
  }
}

const isInteger = (text: string | undefined): boolean => text !== undefined && /^-?\d+$/.test(text);

export const toleratedBy = (pod: Pod, taint: Taint): boolean =>
  (pod.spec.tolerations ?? []).some((toleration) => tolerates(toleration, taint));

/** Keeps pods off tainted nodes that they do not tolerate, and away from those that are only discouraged. */
export const taints: SchedulerPlugin = {
  name: 'TaintToleration',
  weight: 3,
  filter(pod, { node }) {
    const strict = (node.spec.taints ?? []).filter(({ effect }) => effect === 'NoSchedule' || effect === 'NoExecute');
    return strict.every((taint) => toleratedBy(pod, taint))
      ? undefined
      : rejected('node(s) had untolerated taint(s)', true);
  },
  score(pod, { node }) {
    const soft = (node.spec.taints ?? []).filter(({ effect }) => effect === 'PreferNoSchedule');
    return soft.filter((taint) => !toleratedBy(pod, taint)).length;
  },
  normalize: inverse,
};
