import type { Pod } from '../api/kinds/pod.ts';
import type { Random } from '../base/env.ts';
import { compareText } from '../base/text.ts';
import { type Rejection, type SchedulerPlugin, scoreMax } from './plugin.ts';
import { podClass } from './pod-class.ts';
import type { NodeInfo, Snapshot } from './snapshot.ts';

export type Placement = { readonly node: string } | { readonly unschedulable: string };

interface Candidate {
  readonly plugin: SchedulerPlugin;
  readonly prepared: unknown;
}
/** What the plugins that judge by class say of a node. */
interface Verdict {
  readonly rejection: Rejection | undefined;
  /** In the order of those plugins that score. */
  readonly scores: readonly number[];
}

/** So many classes a node remembers: more of them than that do not come in turn. */
const memoMax = 32;

/** Among so many nodes that fit there is a good one: no more are looked for. Which come first is drawn by lot. */
export const fittingEnough = 100;

/** Where a pod goes, or the sentence that says why nowhere. Equal nodes are drawn from by lot. */
export function schedule(pod: Pod, snapshot: Snapshot, plugins: readonly SchedulerPlugin[], random: Random): Placement {
  if (snapshot.nodes.length === 0) return { unschedulable: 'no nodes available to schedule pods' };
  const prepared = plugins.map((plugin) => ({ plugin, prepared: plugin.prepare?.(pod, snapshot) }));
  for (const { plugin, prepared: own } of prepared) {
    const refusal = plugin.refuse?.(pod, own);
    if (refusal !== undefined) return { unschedulable: refused(snapshot, refusal) };
  }
  const busy = prepared.filter(({ plugin, prepared: own }) => !plugin.idle?.(pod, own));
  const judges = { own: busy.filter(({ plugin }) => !plugin.byClass), verdict: byClass(pod, busy) };
  const rejections = new Map<NodeInfo, Rejection>();
  const fitting: NodeInfo[] = [];
  const excluded = narrowing(pod, plugins);
  const { nodes } = snapshot;
  const first = nodes.length > fittingEnough ? random.below(nodes.length) : 0;
  for (let looked = 0; looked < nodes.length && fitting.length < fittingEnough; looked++) {
    const node = nodes[(first + looked) % nodes.length] as NodeInfo;
    const rejection = excluded?.(node) ?? judges.verdict(node).rejection ?? firstRejection(pod, node, judges.own);
    if (rejection) rejections.set(node, rejection);
    else fitting.push(node);
  }
  if (fitting.length === 0) return { unschedulable: explain(pod, snapshot, rejections) };
  if (fitting.length === 1) return { node: (fitting[0] as NodeInfo).name };
  return { node: best(pod, fitting, { candidates: busy, verdict: judges.verdict }, random).name };
}

/** Asked once for each node and class, until the node changes. */
function byClass(pod: Pod, candidates: readonly Candidate[]): (node: NodeInfo) => Verdict {
  const mine = candidates.filter(({ plugin }) => plugin.byClass);
  const scoring = mine.filter(scores(pod));
  const key = podClass(pod);
  return (node) => {
    const known = node.memo.get(key) as Verdict | undefined;
    if (known) return known;
    const verdict = {
      rejection: firstRejection(pod, node, mine),
      scores: scoring.map(({ plugin, prepared }) => plugin.score?.(pod, node, prepared) ?? 0),
    };
    if (node.memo.size >= memoMax) node.memo.clear();
    node.memo.set(key, verdict);
    return verdict;
  };
}

const scores =
  (pod: Pod) =>
  ({ plugin, prepared }: Candidate): boolean =>
    plugin.score !== undefined && !plugin.silent?.(pod, prepared);

function narrowing(
  pod: Pod,
  plugins: readonly SchedulerPlugin[],
): ((node: NodeInfo) => Rejection | undefined) | undefined {
  const named = plugins.flatMap((plugin) => {
    const nodes = plugin.narrow?.(pod);
    return nodes ? [{ nodes: new Set(nodes), name: plugin.name }] : [];
  });
  if (named.length === 0) return undefined;
  return (node) => {
    const by = named.find(({ nodes }) => !nodes.has(node.name));
    return by && { reasons: [`node(s) didn't satisfy plugin(s) [${by.name}]`], final: true };
  };
}

function firstRejection(pod: Pod, node: NodeInfo, candidates: readonly Candidate[]): Rejection | undefined {
  for (const { plugin, prepared } of candidates) {
    const rejection = plugin.filter?.(pod, node, prepared);
    if (rejection) return rejection;
  }
  return undefined;
}

function best(
  pod: Pod,
  nodes: readonly NodeInfo[],
  { candidates, verdict }: { readonly candidates: readonly Candidate[]; readonly verdict: (node: NodeInfo) => Verdict },
  random: Random,
): NodeInfo {
  const totals = nodes.map(() => 0);
  const verdicts = nodes.map(verdict);
  let place = 0;
  for (const { plugin, prepared } of candidates.filter(scores(pod))) {
    const at = plugin.byClass ? place++ : -1;
    const raw = nodes.map((node, index) =>
      at >= 0 ? (verdicts[index]?.scores[at] ?? 0) : (plugin.score?.(pod, node, prepared) ?? 0),
    );
    // What is the same everywhere decides nothing.
    if (isLevel(raw)) continue;
    const normal = plugin.normalize?.(raw, prepared) ?? raw.map((score) => Math.max(0, Math.min(scoreMax, score)));
    const { weight = 1 } = plugin;
    for (let index = 0; index < totals.length; index++) {
      totals[index] = (totals[index] as number) + (normal[index] as number) * weight;
    }
  }
  const most = totals.reduce((a, b) => Math.max(a, b));
  const winners = nodes.filter((_node, index) => totals[index] === most);
  return winners[random.below(winners.length)] as NodeInfo;
}

const isLevel = (scores: readonly number[]): boolean => scores.every((score) => score === scores[0]);

/** `0/3 nodes are available: 3 Insufficient cpu. ...`, as people and tools know it. */
function explain(pod: Pod, snapshot: Snapshot, rejections: ReadonlyMap<NodeInfo, Rejection>): string {
  const start = `0/${snapshot.nodes.length} nodes are available: `;
  const reasons = counted([...rejections.values()].flatMap((rejection) => rejection.reasons));
  const middle = `${start}${reasons}. no new claims to deallocate, preemption: `;
  if ((pod.spec as { preemptionPolicy?: string }).preemptionPolicy === 'Never') {
    return `${middle}not eligible due to preemptionPolicy=Never.`;
  }
  const evictions = [...rejections.values()].map(({ final }) =>
    final ? 'Preemption is not helpful for scheduling' : 'No preemption victims found for incoming pod',
  );
  return `${middle}${start}${counted(evictions)}.`;
}

/** What no node could mend is told before nodes are looked at. */
function refused({ nodes }: Snapshot, refusal: string): string {
  const start = `0/${nodes.length} nodes are available: `;
  const end = `${nodes.length} Preemption is not helpful for scheduling`;
  return `${start}${refusal}. no new claims to deallocate, preemption: ${start}${end}.`;
}

function counted(reasons: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts]
    .map(([reason, count]) => `${count} ${reason}`)
    .sort(compareText)
    .join(', ');
}
