import type { Millis } from '../base/env.ts';
import type { LeaseTiming } from '../machinery/leader.ts';

/** How patient the cluster is with nodes. */
export interface Timing {
  /** A node with a link to the server that has not been heard on it for so long is unreachable. Without it: no links. */
  readonly linkGraceMs?: Millis;
  /** A node without a link whose lease was not renewed for so long is unreachable. */
  readonly nodeGraceMs: Millis;
  /** A node that was never heard of gets this long to start. */
  readonly nodeStartupGraceMs: Millis;
  /** Pods of a node whose object is gone stay this long, in case the node is only not seen yet. */
  readonly absentGraceMs: Millis;
  /** On nodes with a link, what a pod tolerates without having asked for it is cut to this. */
  readonly evictionMaxSeconds?: number;
  /** A node that falls silent is given up only after this: others that fall silent with it say that it is the network. */
  readonly settleMs: Millis;
  /** How many nodes of a zone are given up in a second, so that a fault of the network does not empty the cluster. */
  readonly givenUpPerSecond: number;
  /** The same where most of a large zone is gone. */
  readonly givenUpPerSecondReduced: number;
  /** So often an autoscaler looks at its metrics, each of which was measured since it last looked. */
  readonly autoscalerMs: Millis;
  /** How soon another process takes over from one that leads no more. */
  readonly lease: LeaseTiming;
}

/** `upstream` is what a real cluster does by default; `quick` notices within seconds that a node of ours is dead. */
export const timings = {
  quick: {
    linkGraceMs: 3_000,
    nodeGraceMs: 50_000,
    nodeStartupGraceMs: 60_000,
    absentGraceMs: 2_000,
    evictionMaxSeconds: 4,
    settleMs: 1_000,
    givenUpPerSecond: 10,
    givenUpPerSecondReduced: 1,
    autoscalerMs: 5_000,
    lease: { durationMs: 5_000, deadlineMs: 3_500, retryMs: 1_000 },
  },
  upstream: {
    nodeGraceMs: 50_000,
    nodeStartupGraceMs: 60_000,
    absentGraceMs: 40_000,
    settleMs: 5_000,
    givenUpPerSecond: 0.1,
    givenUpPerSecondReduced: 0.01,
    autoscalerMs: 15_000,
    lease: { durationMs: 15_000, deadlineMs: 10_000, retryMs: 2_000 },
  },
} as const satisfies Readonly<Record<string, Timing>>;
