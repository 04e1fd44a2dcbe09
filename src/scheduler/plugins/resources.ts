import { type Requests, requestsOf } from '../../api/pod-amounts.ts';
import type { SchedulerPlugin } from '../plugin.ts';
import { scoreMax } from '../plugin.ts';
import type { NodeInfo } from '../snapshot.ts';

const podsDefault = 0;

/** A node must have room for what a pod requests; the emptier the better. */
export const resources: SchedulerPlugin<Requests> = {
  name: 'NodeResourcesFit',
  byClass: true,
  weight: 1,
  prepare: requestsOf,
  filter(_pod, { allocatable, requested, pods }, { real }) {
    const reasons: string[] = [];
    let final = false;
    if (pods.size + 1 > (allocatable['pods'] ?? podsDefault)) reasons.push('Too many pods');
    for (const [name, amount] of Object.entries(real)) {
      const room = allocatable[name] ?? 0;
      if (amount === 0 || amount <= room - (requested[name] ?? 0)) continue;
      reasons.push(`Insufficient ${name}`);
      if (amount > room) final = true;
    }
    return reasons.length > 0 ? { reasons, final } : undefined;
  },
  score(_pod, node, { scored }) {
    const cpu = emptiness(node.allocatable['cpu'] ?? 0, node.scored.cpu + scored.cpu);
    const memory = emptiness(node.allocatable['memory'] ?? 0, node.scored.memory + scored.memory);
    const known = [cpu, memory].filter((score) => score !== undefined);
    return known.length === 0 ? 0 : Math.floor(known.reduce((sum, score) => sum + score, 0) / known.length);
  },
};

function emptiness(allocatable: number, requested: number): number | undefined {
  if (allocatable === 0) return undefined;
  return requested > allocatable ? 0 : Math.floor(((allocatable - requested) * scoreMax) / allocatable);
}

/** Of two nodes the one whose cpu and memory fill up evenly. */
export const balance: SchedulerPlugin<Requests> = {
  name: 'NodeResourcesBalancedAllocation',
  byClass: true,
  weight: 1,
  prepare: requestsOf,
  silent: (_pod, { real }) => (real['cpu'] ?? 0) === 0 && (real['memory'] ?? 0) === 0,
  score(_pod, node, { real }) {
    const change = unevenness(node, 0, 0) - unevenness(node, real['cpu'] ?? 0, real['memory'] ?? 0);
    return Math.floor((scoreMax / 2) * (1 + change));
  },
};

function unevenness({ allocatable, requested }: NodeInfo, cpu: number, memory: number): number {
  const fraction = (name: string, more: number) =>
    Math.min(1, ((requested[name] ?? 0) + more) / (allocatable[name] ?? 1));
  return Math.abs(fraction('cpu', cpu) - fraction('memory', memory)) / 2;
}
