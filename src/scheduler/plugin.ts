import type { Pod } from '../api/kinds/pod.ts';
import type { NodeInfo, Snapshot } from './snapshot.ts';

export interface Rejection {
  readonly reasons: readonly string[];
  /** No eviction of other pods could change it. */
  readonly final: boolean;
}

/** Pure and synchronous: sees a snapshot, answers. */
export interface SchedulerPlugin<Prepared = unknown> {
  readonly name: string;
  readonly weight?: number;
  /** Once per pod, before nodes are looked at. */
  prepare?(pod: Pod, snapshot: Snapshot): Prepared;
  /** Why no node at all will do, whatever the nodes are. */
  refuse?(pod: Pod, prepared: Prepared): string | undefined;
  /** The only nodes worth looking at, where the pod itself names them. */
  narrow?(pod: Pod): readonly string[] | undefined;
  filter?(pod: Pod, node: NodeInfo, prepared: Prepared): Rejection | undefined;
  /** Any number; `normalize` or a plain cut brings it to 0..100. */
  score?(pod: Pod, node: NodeInfo, prepared: Prepared): number;
  normalize?(scores: readonly number[], prepared: Prepared): readonly number[];
  /**
   * It looks at nothing but the node and what `podClass` tells of the pod: pods of one class get the same answers from
   * a node that has not changed.
   */
  readonly byClass?: true;
  /** Whether it has nothing to say of this pod, neither what fits nor what is better. */
  idle?(pod: Pod, prepared: Prepared): boolean;
  /** Whether it has no opinion about this pod's score. */
  silent?(pod: Pod, prepared: Prepared): boolean;
}

export const scoreMax = 100;

/** The highest becomes 100, the rest in proportion. */
export function proportional(scores: readonly number[]): readonly number[] {
  const most = largest(scores);
  return most === 0 ? scores : scores.map((score) => Math.floor((scoreMax * score) / most));
}

/** Of many nodes at once: a call with so many arguments would be slow, and has a limit. */
const largest = (scores: readonly number[]): number => scores.reduce((most, score) => Math.max(most, score), 0);

/** The lowest becomes 100, the highest 0. */
export function inverse(scores: readonly number[]): readonly number[] {
  const most = largest(scores);
  return scores.map((score) => (most === 0 ? scoreMax : scoreMax - Math.floor((scoreMax * score) / most)));
}

export const rejected = (reason: string, final: boolean): Rejection => ({ reasons: [reason], final });
