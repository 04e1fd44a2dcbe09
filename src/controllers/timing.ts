import type { Millis } from '../base/env.ts';

/** How patient the cluster is with nodes. */
export interface Timing {
  /** A node that was not heard of for so long is unreachable. */
  readonly nodeGraceMs: Millis;
  /** A node that was never heard of gets this long to start. */
  readonly nodeStartupGraceMs: Millis;
  /** Pods of a node whose object is gone stay this long, in case the node is only not seen yet. */
  readonly absentGraceMs: Millis;
  /** Tolerations that a pod did not ask for itself are cut to this many seconds; undefined: taken as they are. */
  readonly evictionMaxSeconds?: number;
}

/** `upstream` is what a real cluster does by default; `quick` notices a dead node within seconds. */
export const timings = {
  quick: { nodeGraceMs: 4_000, nodeStartupGraceMs: 10_000, absentGraceMs: 2_000, evictionMaxSeconds: 5 },
  upstream: { nodeGraceMs: 50_000, nodeStartupGraceMs: 60_000, absentGraceMs: 40_000 },
} as const satisfies Readonly<Record<string, Timing>>;
