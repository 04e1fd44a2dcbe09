import { type Part, partOf, partsOf, textOf } from '../api/kinds/defaulting.ts';
import type { Instant, Millis } from '../base/env.ts';

const downWindowMs: Millis = 300_000;
const second: Millis = 1_000;

export interface Told {
  readonly type: string;
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
}
export interface Moment {
  readonly at: Instant;
  readonly replicas: number;
}
/** What was recommended and done before. */
export interface History {
  readonly recommended: readonly Moment[];
  /** By how many it was scaled. */
  readonly ups: readonly Moment[];
  readonly downs: readonly Moment[];
}
export interface Bounds {
  readonly least: number;
  readonly most: number;
  readonly current: number;
  readonly now: Instant;
}
export interface Limited {
  readonly replicas: number;
  readonly told: readonly Told[];
}

const able = (reason: string, message: string): Told => ({ type: 'AbleToScale', status: 'True', reason, message });
const limited = (isLimited: boolean, reason: string, message: string): Told => ({
  type: 'ScalingLimited',
  status: isLimited ? 'True' : 'False',
  reason,
  message,
});
const ready = able('ReadyForNewScale', 'recommended size matches current size');
const inRange = limited(false, 'DesiredWithinRange', 'the desired count is within the acceptable range');

/** A recommendation, calmed by earlier ones and held within what the user allows. */
export function limit(wanted: number, history: History, bounds: Bounds, behavior: Part | undefined): Limited {
  const calm = behavior ? calmed(wanted, history, bounds, behavior) : calmedByDefault(wanted, history, bounds);
  const held = behavior
    ? heldByPolicies(calm.replicas, history, bounds, behavior)
    : heldByDefault(calm.replicas, bounds);
  return { replicas: held.replicas, told: [calm.told, held.told] };
}

interface Step {
  readonly replicas: number;
  readonly told: Told;
}

const within = (moments: readonly Moment[], now: Instant, window: Millis): readonly number[] =>
  moments.filter(({ at }) => at > now - window).map(({ replicas }) => replicas);

const higher = able(
  'ScaleDownStabilized',
  'recent recommendations were higher than current one, applying the highest recent recommendation',
);
const lower = able(
  'ScaleUpStabilized',
  'recent recommendations were lower than current one, applying the lowest recent recommendation',
);

function calmedByDefault(wanted: number, { recommended }: History, { now }: Bounds): Step {
  const replicas = Math.max(wanted, ...within(recommended, now, downWindowMs));
  return { replicas, told: replicas === wanted ? ready : higher };
}

function calmed(wanted: number, { recommended }: History, { current, now }: Bounds, behavior: Part): Step {
  const windowOf = (rules: Part, usual: number) => Number(rules.stabilizationWindowSeconds ?? usual) * second;
  const up = Math.min(wanted, ...within(recommended, now, windowOf(partOf(behavior.scaleUp), 0)));
  const down = Math.max(wanted, ...within(recommended, now, windowOf(partOf(behavior.scaleDown), 300)));
  const replicas = Math.min(Math.max(current, up), down);
  if (replicas === wanted) return { replicas, told: ready };
  return { replicas, told: wanted >= current ? lower : higher };
}

function heldByDefault(wanted: number, { least, most, current }: Bounds): Step {
  const rate = Math.max(2 * current, 4);
  if (wanted > Math.min(most, rate)) {
    return rate < most ? { replicas: rate, told: tooFast('increasing') } : { replicas: most, told: tooMany };
  }
  return wanted < least ? { replicas: least, told: tooFew } : { replicas: wanted, told: inRange };
}

const tooMany = limited(true, 'TooManyReplicas', 'the desired replica count is more than the maximum replica count');
const tooFew = limited(true, 'TooFewReplicas', 'the desired replica count is less than the minimum replica count');
const tooFast = (how: 'increasing' | 'decreasing'): Told =>
  limited(
    true,
    how === 'increasing' ? 'ScaleUpLimit' : 'ScaleDownLimit',
    `the desired replica count is ${how} faster than the maximum scale rate`,
  );

function heldByPolicies(wanted: number, { ups, downs }: History, bounds: Bounds, behavior: Part): Step {
  const { current, most, least, now } = bounds;
  const change = (moments: readonly Moment[], period: number) =>
    within(moments, now, period * second).reduce((sum, one) => sum + one, 0);
  if (wanted > current) {
    const start = (period: number) => current - change(ups, period) + change(downs, period);
    const rate = Math.max(
      current,
      rateOf(partOf(behavior.scaleUp), current, {
        worst: Math.max,
        least: Math.min,
        reach: (policy) =>
          policy.type === 'Pods'
            ? start(policy.period) + policy.value
            : Math.ceil(start(policy.period) * (1 + policy.value / 100)),
      }),
    );
    const top = Math.min(rate, most);
    if (wanted <= top) return { replicas: wanted, told: inRange };
    return { replicas: top, told: rate < most ? tooFast('increasing') : tooMany };
  }
  if (wanted === current) return { replicas: wanted, told: inRange };
  const start = (period: number) => current + change(downs, period) - change(ups, period);
  const rate = Math.min(
    current,
    rateOf(partOf(behavior.scaleDown), current, {
      worst: Math.min,
      least: Math.max,
      reach: (policy) =>
        policy.type === 'Pods'
          ? start(policy.period) - policy.value
          : Math.trunc(start(policy.period) * (1 - policy.value / 100)),
    }),
  );
  const bottom = Math.max(rate, least);
  if (wanted >= bottom) return { replicas: wanted, told: inRange };
  return { replicas: bottom, told: rate > least ? tooFast('decreasing') : tooFew };
}

interface Policy {
  readonly type: string;
  readonly value: number;
  readonly period: number;
}

/** How far the policies let it go from here. */
function rateOf(
  rules: Part,
  current: number,
  how: {
    readonly worst: (...reaches: number[]) => number;
    readonly least: (...reaches: number[]) => number;
    reach(policy: Policy): number;
  },
): number {
  const choice = textOf(rules.selectPolicy);
  if (choice === 'Disabled') return current;
  const reaches = partsOf(rules.policies).map(({ type, value, periodSeconds }) =>
    how.reach({ type: textOf(type), value: Number(value), period: Number(periodSeconds) }),
  );
  if (reaches.length === 0) return current;
  return choice === 'Min' ? how.least(...reaches) : how.worst(...reaches);
}
