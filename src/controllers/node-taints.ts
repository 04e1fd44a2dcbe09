import { type Node, nodes as nodeKind, type Taint } from '../api/kinds/node.ts';
import type { Condition } from '../api/kinds/pod.ts';
import { keyOf } from '../api/object.ts';
import type { Instant } from '../base/env.ts';
import { equalJson, type Json } from '../base/json.ts';
import { timestamp } from '../base/text.ts';
import { type Action, act } from '../client/action.ts';

export const notReadyTaint = 'node.kubernetes.io/not-ready';
export const unreachableTaint = 'node.kubernetes.io/unreachable';
const unschedulableTaint = 'node.kubernetes.io/unschedulable';
/** Each condition that keeps new pods away, by the taint that does it. */
const pressureTaints: Readonly<Record<string, string>> = {
  MemoryPressure: 'node.kubernetes.io/memory-pressure',
  DiskPressure: 'node.kubernetes.io/disk-pressure',
  PIDPressure: 'node.kubernetes.io/pid-pressure',
  NetworkUnavailable: 'node.kubernetes.io/network-unavailable',
};
const managed = new Set([notReadyTaint, unreachableTaint, unschedulableTaint, ...Object.values(pressureTaints)]);

/** 'keep': what drives pods out is left as it is; 'lift': it is taken away. */
export type GivingUp = 'yes' | 'keep' | 'lift';

/** The taints that the conditions call for, beside those that others have put there. */
export function taintsOf(
  node: Node,
  conditions: readonly Condition[],
  { now, givingUp }: { readonly now: Instant; readonly givingUp: GivingUp },
): readonly Taint[] {
  const before = node.spec.taints ?? [];
  // A node that has said nothing yet keeps the taint that it was registered with.
  if (!conditions.some((condition) => condition.type === 'Ready')) return before;
  const status = (type: string) => conditions.find((condition) => condition.type === type)?.status;
  const key = silenceTaint(status('Ready'));
  const wanted: Taint[] = [];
  if (key) wanted.push({ key, effect: 'NoSchedule' });
  for (const [type, taint] of Object.entries(pressureTaints))
    if (status(type) === 'True') wanted.push({ key: taint, effect: 'NoSchedule' });
  if (node.spec.unschedulable) wanted.push({ key: unschedulableTaint, effect: 'NoSchedule' });
  if (key && (givingUp === 'yes' || (givingUp === 'keep' && isGivenUp(node)))) {
    wanted.push({ key, effect: 'NoExecute' });
  }
  const same = (a: Taint, b: Taint) => a.key === b.key && a.effect === b.effect;
  const kept = before.filter((taint) => !managed.has(taint.key) || wanted.some((other) => same(taint, other)));
  const missing = wanted.filter((taint) => !before.some((other) => same(taint, other)));
  return [...kept, ...missing.map((taint) => ({ ...taint, timeAdded: timestamp(now) }))];
}

const silenceTaint = (ready: string | undefined): string | undefined =>
  ready === 'True' ? undefined : ready === 'False' ? notReadyTaint : unreachableTaint;

/** Whether pods are driven out of it already because it is silent or not ready. */
export const isGivenUp = ({ spec }: Node): boolean =>
  (spec.taints ?? []).some(
    ({ key, effect }) => effect === 'NoExecute' && (key === notReadyTaint || key === unreachableTaint),
  );

/** Guarded by revision: taints are a list that others write too. */
export function taintPatch(node: Node, taints: readonly Taint[]): readonly Action[] {
  if (equalJson(node.spec.taints ?? [], taints)) return [];
  const { uid, resourceVersion } = node.metadata;
  const patch = {
    metadata: { uid, resourceVersion },
    spec: { taints: taints.length > 0 ? (taints as unknown as Json) : null },
  };
  return [act({ verb: 'patch', kind: nodeKind, key: keyOf(node), patch })];
}
